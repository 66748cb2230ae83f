from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import (
    Declared,
    in_both,
    in_words,
    of_match,
    without,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules import Match


@pytest.mark.parametrize("params", [{}, {"declared": None, "addresses": {"private": ["198.51.100.1"]}}])
def test_where_the_controller_says_nothing_nothing_is_looked_for(params):
    assert Declared.read(params) is None


def test_all_is_every_port_of_every_protocol():
    assert in_words(Declared.read({"declared": {"ingress": ["all"]}}).ingress) == (
        "every tcp port, every udp port, every sctp port"
    )


def test_the_interfaces_of_the_host_count_more_than_those_of_its_policy():
    policys = {"ingress": ["22/tcp"], "interfaces": {"public": ["eth1"]}}

    assert Declared.read({"declared": policys}).interfaces == {"public": ["eth1"]}
    assert Declared.read({"declared": policys, "interfaces": {"public": ["eth2"]}}).interfaces == {"public": ["eth2"]}


@pytest.mark.parametrize(
    ("some", "others", "shared", "left"),
    [
        ([("tcp", 1, 9)], [("tcp", 3, 4)], [("tcp", 3, 4)], [("tcp", 1, 2), ("tcp", 5, 9)]),
        ([("tcp", 1, 9)], [("udp", 3, 4)], [], [("tcp", 1, 9)]),
        ([("tcp", 3, 4)], [("tcp", 1, 9)], [("tcp", 3, 4)], []),
        ([("tcp", 1, 4)], [("tcp", 3, 9), ("tcp", 1, 1)], [("tcp", 3, 4), ("tcp", 1, 1)], [("tcp", 2, 2)]),
    ],
)
def test_ports_are_compared_by_protocol(some, others, shared, left):
    assert (in_both(some, others), without(some, others)) == (shared, left)


def test_a_rule_without_a_protocol_is_about_all_that_have_ports():
    assert [name for name, _low, _high in of_match(Match(ports=((5, 5),)))] == ["tcp", "udp", "sctp"]
    assert of_match(Match(protocols=frozenset(["icmp"]))) == []
