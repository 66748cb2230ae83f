"""Ports are cut where the rules that decide change, so that a renderer can jump to those of a port at once."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.port_segments import (
    range_text,
    segments,
    within,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortRange, PortSet
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

SOMEBODY = AddressSet.of([parse_network("192.0.2.1")])


def port_set(text):
    union = PortSet()
    for item in text.split():
        union |= PortSet.parse(item)
    return union


def rule(flow, ports, peer="office", addresses=SOMEBODY):
    return Rule(flow, peer, addresses, port_set(ports))


def short(found):
    """Return segments as texts: their ports, their chain, and the flows that decide in them."""
    return [f"{range_text(part, '-')} in {part.chain}: {' '.join(rule.flow for rule in part.rules)}" for part in found]


@pytest.mark.parametrize(
    ("ports", "parts"),
    [
        ([], []),
        (["80/tcp"], ["80 in 80: f0"]),
        (["80-90/tcp"], ["80-90 in 80: f0"]),
        (["1-65535/tcp"], ["1-65535 in 1: f0"]),
        (["80/tcp 443/tcp"], ["80 in 80: f0", "443 in 80: f0"]),
        (["80/tcp", "81/tcp"], ["80 in 80: f0", "81 in 81: f1"]),
        (["80/tcp", "80/tcp"], ["80 in 80: f0 f1"]),
        (["80-90/tcp", "85-95/tcp"], ["80-84 in 80: f0", "85-90 in 85: f0 f1", "91-95 in 91: f1"]),
        (["1-9/tcp", "5/tcp"], ["1-4 in 1: f0", "5 in 5: f0 f1", "6-9 in 1: f0"]),
        (["5/tcp", "1-9/tcp"], ["1-4 in 1: f1", "5 in 5: f0 f1", "6-9 in 1: f1"]),
        (["1-9/tcp 20/tcp", "5/tcp 20/tcp"], ["1-4 in 1: f0", "5 in 5: f0 f1", "6-9 in 1: f0", "20 in 5: f0 f1"]),
        (["53/tcp+udp", "54/udp"], ["53 in 53: f0"]),
        (["all", "22/tcp"], ["22 in 22: f1"]),
    ],
)
def test_a_segment_has_the_ports_in_which_the_same_rules_decide_and_the_chain_of_the_first_alike(ports, parts):
    rules = [rule(f"f{number}", text) for number, text in enumerate(ports)]

    assert short(segments(rules, "tcp")) == parts


def test_a_rule_for_nobody_cuts_nothing():
    assert short(segments([rule("a", "1-9/tcp"), rule("b", "5/tcp", addresses=AddressSet())], "tcp")) == ["1-9 in 1: a"]


def test_two_peers_of_a_flow_are_two_rules():
    found = segments([rule("a", "80/tcp", "office"), rule("a", "80/tcp", "annex"), rule("a", "81/tcp", "annex")], "tcp")

    assert [(part.first, [rule.peer for rule in part.rules]) for part in found] == [
        (80, ["office", "annex"]),
        (81, ["annex"]),
    ]


@pytest.mark.parametrize(
    ("ports", "parts"),
    [
        ("", []),
        ("30000-32767/tcp", ["30000-30080 in 443: a", "30081 in 30081: b", "32767 in 32767: c"]),
        ("443/tcp 30081/tcp", ["443 in 443: a", "30081 in 30081: b"]),
        ("30000-30005/tcp 30010/tcp", ["30000-30005 in 443: a", "30010 in 443: a"]),
        ("1-442/tcp 444-28999/tcp 40001/tcp", []),
        ("29000-29000/tcp 40000/tcp", ["29000 in 443: a", "40000 in 32767: c"]),
        ("30000-32767/udp", []),
    ],
)
def test_the_part_of_segments_within_a_set_of_ports_keeps_its_chain_and_its_rules(ports, parts):
    found = segments(
        [rule("a", "443/tcp 29000-30080/tcp"), rule("b", "30081/tcp"), rule("c", "32767-40000/tcp")], "tcp"
    )

    assert short(within(found, port_set(ports), "tcp")) == parts


def test_a_range_is_joined_as_a_renderer_wants_it_and_a_single_port_stands_alone():
    assert [range_text(PortRange("tcp", 80, last), ":") for last in (80, 81)] == ["80", "80:81"]


few_ports = some.builds(
    lambda ends, protocol: f"{min(ends)}-{max(ends)}/{protocol}",
    some.tuples(some.integers(1, 12), some.integers(1, 12)),
    some.sampled_from(["tcp", "udp", "tcp+udp"]),
)
few_sets = some.lists(few_ports, max_size=3).map(" ".join)


@examples(300)
@given(texts=some.lists(few_sets, max_size=4), judged=few_sets)
def test_each_port_is_in_the_one_segment_of_the_rules_that_name_it(texts, judged):
    rules = [rule(f"f{number}", text) for number, text in enumerate(texts)]
    found = segments(rules, "tcp")
    parts = list(within(found, port_set(judged), "tcp"))

    for port in range(1, 14):
        naming = [item.flow for item in rules if item.ports.holds("tcp", port)]
        expected = [naming] if naming else []
        assert deciding(found, port) == expected
        assert deciding(parts, port) == (expected if port_set(judged).holds("tcp", port) else [])


def deciding(found, port):
    return [[rule.flow for rule in part.rules] for part in found if part.first <= port <= part.last]
