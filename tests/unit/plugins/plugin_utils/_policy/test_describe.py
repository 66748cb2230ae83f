from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.describe import (
    describe,
    describe_rule,
    reasons,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import ALL_PORTS, PortSet


def addresses(*texts):
    return AddressSet.of(map(parse_network, texts))


OFFICE = addresses("192.0.2.0/24")
SSH = PortSet.parse("22/tcp")


@pytest.mark.parametrize(
    ("direction", "rule", "line"),
    [
        ("ingress", Rule("admin", "office", OFFICE, SSH), "ingress 22/tcp from office, flow admin"),
        ("egress", Rule("admin", "office", OFFICE, SSH), "egress 22/tcp to office, flow admin"),
        ("ingress", Rule("any", "k8s", OFFICE, ALL_PORTS), "ingress all from k8s, flow any"),
        (
            "ingress",
            Rule("names", "office", OFFICE, PortSet.parse("53/tcp+udp"), side="public", log=True),
            "ingress 53/tcp 53/udp from office on the public side, flow names, logged",
        ),
        ("ingress", Rule("a", "b", addresses(), SSH), "ingress 22/tcp from b (nobody), flow a"),
        ("egress", Rule("a", "b", addresses("0.0.0.0/0", "::/0"), SSH), "egress 22/tcp to b (everybody), flow a"),
        ("egress", Rule("a", "b", addresses("0.0.0.0/0"), SSH), "egress 22/tcp to b, flow a"),
    ],
)
def test_a_rule_is_one_line_in_the_words_of_the_model(direction, rule, line):
    assert describe_rule(direction, rule) == line


def test_a_policy_is_described_ingress_first_in_its_own_order():
    rules = [Rule(name, "office", OFFICE, SSH) for name in ("z", "a", "m")]
    policy = Policy(("web",), ingress=tuple(rules[:2]), egress=(rules[2],))

    assert [line.rpartition(" ")[2] for line in describe(policy)] == ["z", "a", "m"]


def test_each_flow_has_its_reason_once_and_those_without_one_none():
    policy = Policy(
        ("db", "web"),
        ingress=(
            Rule("z", "office", OFFICE, SSH, why="last", source="page 9"),
            Rule("z", "annex", OFFICE, SSH, why="last", source="page 9"),
            Rule("silent", "office", OFFICE, SSH),
        ),
        egress=(Rule("a", "office", OFFICE, SSH, why="first"),),
    )

    assert reasons(policy) == ["flow a: first", "flow z: last [page 9]"]


NODE_PORTS = PortSet.parse("30000-32767/tcp+udp")


@pytest.mark.parametrize(
    ("pre_dnat", "lines"),
    [
        ([PreDnat(NODE_PORTS)], ["judged before DNAT: 30000-32767/tcp 30000-32767/udp to the host"]),
        ([PreDnat(SSH, side="public")], ["judged before DNAT: 22/tcp to the host on the public side"]),
        (
            [PreDnat(SSH, addresses("203.0.113.200", "2001:db8:9::/64"))],
            ["judged before DNAT: 22/tcp to the host and to 203.0.113.200, 2001:db8:9::/64"],
        ),
        (
            [PreDnat(SSH, addresses("203.0.113.200"), "private")],
            ["judged before DNAT: 22/tcp to the host and to 203.0.113.200 on the private side"],
        ),
        (
            [PreDnat(SSH), PreDnat(NODE_PORTS, side="public")],
            [
                "judged before DNAT: 22/tcp to the host",
                "judged before DNAT: 30000-32767/tcp 30000-32767/udp to the host on the public side",
            ],
        ),
    ],
)
def test_each_stage_before_dnat_is_one_line(pre_dnat, lines):
    assert describe(Policy(("web",), pre_dnat=tuple(pre_dnat))) == lines


def test_isolation_is_said_first_and_then_what_is_judged_before_dnat():
    policy = Policy(
        ("db", "web"),
        ingress=(Rule("a", "office", OFFICE, SSH),),
        isolated={"db": addresses("192.0.2.7"), "web": addresses("192.0.2.1")},
        pre_dnat=(PreDnat(SSH),),
    )

    assert describe(policy) == [
        "nothing between hosts of db: they are isolated",
        "nothing between hosts of web: they are isolated",
        "judged before DNAT: 22/tcp to the host",
        "ingress 22/tcp from office, flow a",
    ]


def test_which_interface_a_side_is_and_that_nobody_is_pinged_or_asks_for_addresses_are_lines_of_the_difference():
    sides = {"public": ("eth1", "eth2"), "private": ("eth0",)}
    policy = Policy(("web",), interfaces=sides, echo_request=False, dhcp=False)

    assert describe(policy) == [
        "no echo requests (ping), but where a flow has all ports",
        "no DHCP, but where a flow has its ports",
        "the private side is eth0",
        "the public side is eth1, eth2",
    ]
