"""What hosts have said: by class in numbers, and each finding by the hosts that have it."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import HostState
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.said import host_list, said
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.pages import read, report_of


def report(*said_by):
    return report_of(good(), live={one.host: one for one in said_by})


def test_nothing_is_said_where_nobody_was_asked():
    assert list(said(report())) == []


def test_a_class_in_which_something_is_wrong_has_how_many_hosts_are_as_they_should_be():
    lines = list(
        said(report(HostState("web1"), HostState("web2", findings=("a", "b")), HostState("db1", silence="down")))
    )

    assert read(lines).rows[1:] == [["web", "2", "1", "1", "0"], ["db", "1", "0", "0", "1"]]
    assert "1 of 3 hosts as the model has them, 1 not, 1 without an answer." in read(lines).words[""]


def test_a_class_in_which_all_is_well_is_in_the_sum_alone():
    lines = list(said(report(HostState("web1"), HostState("web2"), HostState("db1", findings=("a",)))))

    assert [row[0] for row in read(lines).rows] == ["class", "db"]
    assert "2 of 3 hosts as the model has them" in read(lines).words[""]


def test_a_host_has_its_findings_or_why_it_gave_no_answer():
    lines = "".join(
        said(report(HostState("db1", silence="not reached"), HostState("web1", findings=("added: a rule",))))
    )

    found = '<a href="#host-0">web1</a></p>\n<ul class="rules lines">\n<li>added: a rule</li>'
    silent = '<a href="#host-2">db1</a></p>\n<ul class="rules lines">\n<li>not reached</li>'
    assert lines.index(found) < lines.index(silent)


def test_hosts_of_a_class_that_say_the_same_stand_together():
    together = "".join(said(report(HostState("web1", findings=("gone",)), HostState("web2", findings=("gone",)))))
    apart = "".join(said(report(HostState("web1", findings=("gone",)), HostState("db1", findings=("gone",)))))

    assert (together.count("<article"), apart.count("<article")) == (1, 2)
    assert '<a href="#host-0">web1</a>, <a href="#host-1">web2</a>' in together


def test_a_host_that_is_no_part_of_the_fleet_is_nobody():
    assert list(said(report(HostState("stranger", silence="not reached")))) == []


@pytest.mark.parametrize(("number", "folded"), [(20, False), (21, True)])
def test_many_hosts_are_folded(number, folded):
    names = [f"web{index}" for index in range(number)]
    hosts = {name: {"ansible_host": f"192.0.2.{100 + index}"} for index, name in enumerate(names)}
    many = report_of(good({"groups.webs": names, "hosts": {**good()["hosts"], **hosts}}))

    assert (f"<summary>web0 and {number - 1} more</summary>" in host_list(many, names)) is folded
