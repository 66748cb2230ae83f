"""The picture: a name in each column where it belongs, and a line for each pair."""

from __future__ import annotations

import re

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.picture import picture
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import report_of


def names(svg, anchor):
    return re.findall(rf'text-anchor="{anchor}">([^<]+)</text></a>', svg)


def test_who_reaches_stands_on_the_left_and_who_is_reached_on_the_right_classes_first():
    svg = "".join(picture(report_of(good())))

    assert names(svg, "end") == ["web", "office"]
    assert names(svg, "start") == ["web", "db"]


def test_a_line_goes_from_its_sender_to_its_receiver_and_leads_to_the_pair():
    svg = "".join(picture(report_of(good())))
    left, right = (
        {name: y for y, name in re.findall(rf'cy="(\d+)" r="5"/><text [^>]*"{anchor}">(\w+)<', svg)}
        for anchor in ("end", "start")
    )
    lines = re.findall(
        r'href="#(pair-\d)" class="line [^>]*><title>([^<]*)</title><path d="M \d+ (\d+) C .* (\d+)"/>', svg
    )

    assert lines == [
        ("pair-0", "office to web: 80/tcp 443/tcp", left["office"], right["web"]),
        ("pair-1", "web to db: 5432/tcp", left["web"], right["db"]),
    ]


def test_only_what_is_open_at_one_end_alone_is_dashed():
    def dashed(document):
        return re.findall(r'href="#(pair-\d+)" class="line [^"]*dashed"', "".join(picture(report_of(document))))

    assert dashed(good()) == []
    assert dashed(good({"gatehouse_flows[1].end": "egress"})) == ["pair-1"]


def test_a_name_makes_its_own_lines_stand_out_in_both_directions():
    svg = "".join(picture(report_of(good())))

    assert re.search(r'class="name class n0">.*>web</text>', svg)
    assert ".n0:is(:hover, :focus-visible, .chosen) ~ .s0 path" in svg
    assert re.findall(r'href="#(pair-\d)" class="line \w+ s(\d) r(\d)"', svg) == [
        ("pair-0", "2", "0"),
        ("pair-1", "0", "1"),
    ]


def test_a_long_name_has_the_place_that_it_needs():
    def width(name):
        document = good({"gatehouse_zones[0].name": name, "gatehouse_flows[0].from[0]": name})
        return int(re.search(r'viewBox="0 0 (\d+)', "".join(picture(report_of(document))))[1])

    assert width("n" * 64) - width("office") == 2 * 8 * (64 - len("office"))
