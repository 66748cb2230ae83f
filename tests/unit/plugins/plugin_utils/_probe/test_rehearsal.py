"""What a host is asked on its stage."""

from __future__ import annotations

from ipaddress import ip_address

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.rehearsal import (
    ANY_INTERFACE,
    Rehearsed,
    disagreements,
    legs,
    rehearsal,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils import models
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._probe.test_choose import (
    SQL,
    VISITS,
    fleet_of,
)

ADDRESSES = {"private": ["192.0.2.10", "2001:db8::10"], "public": []}


def asked(flows=(SQL, VISITS), host="web0", addresses=None, limit=10_000, seed="1", **variables):
    policy = fleet_of(list(flows), **variables).policy_of(host)
    return rehearsal(policy, addresses or ADDRESSES, limit, seed)


def test_each_flow_is_asked_for_its_peers_and_for_those_next_to_them():
    visits = {(one.source, one.port, one.allowed) for one in asked() if one.direction == "ingress" and one.port == 443}

    assert ("203.0.112.255", 443, False) in visits
    assert ("203.0.114.0", 443, False) in visits
    assert {allowed for source, _port, allowed in visits if source.startswith("203.0.113.")} == {True}


def test_the_edges_of_ports_are_asked_in_both_directions_and_families():
    found = {(one.direction, one.port, one.allowed, ip_address(one.target).version) for one in asked()}

    for family in (4, 6):
        assert {("egress", port, True, family) for port in (5432, 5434)} <= found
        assert {("egress", port, False, family) for port in (5431, 5435)} <= found


def test_the_host_is_never_its_own_peer_and_peers_can_live_on_a_stage():
    everybody = [{"name": "out", "networks": ["0.0.0.0/0", "::/0", "127.0.0.0/8", "224.0.0.0/4", "fe80::/10"]}]
    flows = [{"name": "up", "from": ["web"], "to": ["out", "web"], "ports": ["80/tcp"], "why": "x"}]
    found = asked(flows, gatehouse_zones=everybody)
    peers = {ip_address(one.target) for one in found if one.direction == "egress"}

    assert peers
    for peer in peers:
        odd = peer.is_multicast or peer.is_loopback or peer.is_unspecified or peer.is_link_local
        assert not odd
        assert str(peer) not in ADDRESSES["private"]


def test_a_host_without_a_flow_is_asked_by_a_stranger():
    found = asked([VISITS], host="db0", addresses={"private": ["192.0.2.50"]})

    assert {one.direction for one in found} == {"ingress", "egress"}
    assert {one.allowed for one in found} == {False}


def test_the_number_is_bounded_and_the_same_seed_asks_the_same():
    assert len(asked(limit=30)) == 30
    assert asked(seed="1") == asked(seed="1") != asked(seed="2")
    assert len(set(asked())) == len(asked())


def test_interfaces_are_those_that_rules_name_with_the_addresses_of_their_side():
    sides = {"gatehouse_interfaces": {"private": "eth0", "public": "eth1"}}
    hosts = {
        name: {"gatehouse_addresses": {"private": [f"192.0.2.{number}"], "public": [f"198.51.100.{number}"]}, **sides}
        for number, name in enumerate(("web0", "db0"), 1)
    }
    policy = fleet_of([{**SQL, "side": "private"}], 1, 1, hosts=hosts).policy_of("web0")
    addresses = {"private": ["192.0.2.1"], "public": ["198.51.100.1"]}

    assert legs(policy, addresses) == {"eth0": ["192.0.2.1"], "eth1": ["198.51.100.1"]}
    sql = {(one.interface, one.allowed) for one in rehearsal(policy, addresses, 1000, "1") if one.target == "192.0.2.2"}
    assert sql >= {("eth0", True), ("eth1", False)}


def test_without_sides_one_interface_has_all_addresses():
    policy = models.build(models.good()).policy_of("web1")

    assert legs(policy, {"private": ["192.0.2.1"], "public": ["192.0.2.1"]}) == {ANY_INTERFACE: ["192.0.2.1"]}


def test_a_flow_at_an_address_is_asked_for_there_and_elsewhere_denied():
    at = ["203.0.113.200", "2001:db8:5::200", "198.51.100.0/24"]
    flow = {**VISITS, "at": at}
    policy = fleet_of([SQL, flow]).policy_of("web0")
    found = {
        (one.target, one.allowed)
        for one in asked([SQL, flow])
        if (one.direction, one.port) == ("ingress", 443) and one.source.startswith("203.0.113.")
    }

    assert legs(policy, ADDRESSES) == {ANY_INTERFACE: [*ADDRESSES["private"], *at[:2]]}
    assert found == {("192.0.2.10", False), ("203.0.113.200", True)}


def test_a_disagreement_names_the_packet_and_what_says_nothing_is_none():
    yes = Rehearsed("ingress", "eth0", "192.0.2.1", "192.0.2.2", "tcp", 80, True)
    no = Rehearsed("egress", "eth0", "192.0.2.2", "192.0.2.1", "udp", 53, False)

    assert disagreements([yes, no], [True, False]) == []
    assert disagreements([yes, no], [None, None]) == []
    assert disagreements([yes, no], [False, True]) == [
        "192.0.2.1 -> 192.0.2.2, 80/tcp, in by eth0: denied, and the model allows it",
        "192.0.2.2 -> 192.0.2.1, 53/udp, out by eth0: let in, and the model denies it",
    ]
