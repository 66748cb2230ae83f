"""Which probes are worth a packet, and that nobody else is ever asked."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address, ip_network

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Fleet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.choose import (
    CONTROLLER,
    Probe,
    from_controller,
    paced,
    probes,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils import models


def addresses(number):
    return {"private": [f"192.0.2.{number}", f"2001:db8::{number}"]}


def fleet_of(flows, webs=2, dbs=3, **variables):
    hosts = {f"web{number}": {"gatehouse_addresses": addresses(10 + number)} for number in range(webs)}
    hosts |= {f"db{number}": {"gatehouse_addresses": addresses(50 + number)} for number in range(dbs)}
    return models.build(
        {
            "gatehouse_classes": [
                {"name": "web", "groups": ["webs"], "networks": ["198.51.100.99"]},
                {"name": "db", "groups": ["dbs"]},
            ],
            "gatehouse_zones": [{"name": "office", "networks": ["203.0.113.0/24"]}],
            "gatehouse_flows": flows,
            "groups": {
                "webs": [name for name in hosts if name.startswith("web")],
                "dbs": [name for name in hosts if name.startswith("db")],
            },
            "hosts": hosts,
            **variables,
        }
    )


SQL = {"name": "sql", "from": ["web"], "to": ["db"], "ports": ["5432-5434/tcp", "7000/udp"], "why": "data"}
VISITS = {"name": "visits", "from": ["office"], "to": ["web"], "ports": ["443/tcp"], "why": "people"}


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return fleet_of([SQL, VISITS])


def asked(fleet, limit=1000, seed="1", hosts=None):
    return probes(fleet, hosts or list(fleet.hosts), limit, seed)


def ports(found, sender, receiver):
    return {
        (one.port, one.protocol, one.allowed)
        for one in found
        if (one.sender_class, one.receiver_class) == (sender, receiver)
    }


def test_the_edges_of_a_flow_are_asked_as_allowed_and_the_ports_just_outside_as_denied(fleet):
    found = ports(asked(fleet), "web", "db")

    assert {(5432, "tcp", True), (5434, "tcp", True), (7000, "udp", True)} <= found
    assert {(5431, "tcp", False), (5435, "tcp", False), (6999, "udp", False), (7001, "udp", False)} <= found
    assert (5433, "tcp", True) not in found


def test_the_other_direction_is_asked_as_denied(fleet):
    found = ports(asked(fleet), "db", "web")

    assert {port for port, _protocol, allowed in found if allowed} == set()
    assert (443, "tcp", False) in found


def test_both_ends_have_to_allow_it():
    one_end = fleet_of([{**SQL, "end": "ingress"}])

    assert (5432, "tcp", False) in ports(asked(one_end), "web", "db")
    assert (5432, "tcp", True) not in ports(asked(one_end), "web", "db")


def test_hosts_of_an_isolated_class_are_asked_as_denied():
    classes = [{"name": "web", "groups": ["webs"], "isolated": True}, {"name": "db", "groups": ["dbs"]}]
    zones = [{"name": "lan", "networks": ["192.0.2.0/24"]}]
    flows = [
        {"name": "out", "from": ["web"], "to": ["lan"], "ports": ["80/tcp"], "why": "x"},
        {"name": "in", "from": ["lan"], "to": ["web"], "ports": ["80/tcp"], "why": "x"},
    ]
    isolated = fleet_of(flows, gatehouse_zones=zones, gatehouse_classes=classes)

    assert (80, "tcp", True) in ports(asked(fleet_of(flows, gatehouse_zones=zones)), "web", "web")
    assert (80, "tcp", True) not in ports(asked(isolated), "web", "web")
    assert (80, "tcp", False) in ports(asked(isolated), "web", "web")


def test_nobody_but_managed_hosts_of_the_run_is_asked_and_nobody_asks_itself(fleet):
    own = {str(network.network_address) for host in fleet.hosts.values() for network in host.addresses("").networks}
    found = asked(fleet)

    assert {one.target for one in found} | {one.source for one in found} == own
    assert [one for one in found if one.sender == one.receiver] == []
    some = asked(fleet, hosts=["web1", "db2", "stranger"])
    assert {one.sender for one in some} | {one.receiver for one in some} == {"web1", "db2"}


def test_every_host_of_both_classes_is_asked_each_port_and_not_every_pair(fleet):
    sql = [one for one in asked(fleet) if (one.receiver_class, one.port) == ("db", 5432) and one.sender_class == "web"]

    assert {one.sender for one in sql} == {"web0", "web1"}
    assert {one.receiver for one in sql} == {"db0", "db1", "db2"}
    assert {ip_address(one.target).version for one in sql} == {4, 6}
    large = fleet_of([SQL], webs=20, dbs=20)
    pairs = {(one.sender, one.receiver) for one in asked(large, limit=100_000) if one.sender_class == "web"}
    assert len(pairs) < 20 * 20


def test_the_number_is_bounded_and_spread_evenly_over_pairs(fleet):
    found = asked(fleet, limit=40)
    counts = Counter((one.sender_class, one.receiver_class) for one in found)

    assert len(found) == 40
    assert set(counts) == {("web", "db"), ("db", "web"), ("web", "web"), ("db", "db")}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_the_same_seed_asks_the_same_whatever_the_order_of_hosts_and_another_one_something_else(fleet):
    hosts = list(fleet.hosts)

    assert asked(fleet, hosts=hosts) == asked(fleet, hosts=hosts[::-1])
    assert asked(fleet, seed="1") != asked(fleet, seed="2")


def test_a_class_of_one_host_does_not_ask_itself():
    assert ports(asked(fleet_of([SQL], webs=1, dbs=1)), "web", "web") == set()


def test_what_a_flow_on_one_side_says_is_asked_on_the_side_alone():
    sides = {"gatehouse_interfaces": {"private": "eth0", "public": "eth1"}}
    hosts = {
        name: {"gatehouse_addresses": {"private": [f"192.0.2.{number}"], "public": [f"198.51.100.{number}"]}, **sides}
        for number, name in enumerate(("web0", "web1", "db0"), 1)
    }
    found = asked(fleet_of([{**SQL, "side": "private"}], 2, 1, hosts=hosts))
    sql = {(one.source[:7], one.allowed) for one in found if (one.port, one.receiver_class) == (5432, "db")}

    assert sql == {("192.0.2", True), ("198.51.", False)}


def test_where_the_interface_decides_and_is_not_known_nothing_is_asked():
    both = {"gatehouse_interfaces": {"private": "eth0", "public": "eth1"}}
    hosts = {name: {"ansible_host": f"192.0.2.{number}", **both} for number, name in enumerate(("web0", "web1", "db0"))}
    hosts["web0"]["ansible_host"] = "192.0.2.7"
    found = asked(fleet_of([{**SQL, "side": "private"}], 2, 1, hosts=hosts))

    assert [one for one in found if (one.port, one.receiver_class) == (5432, "db")] == []
    assert (5431, "tcp", False) in ports(found, "web", "db")


def test_datagrams_between_two_addresses_are_few():
    flow = {**SQL, "ports": [f"{port}/udp" for port in range(1000, 2000, 10)]}
    found = asked(fleet_of([flow], webs=1, dbs=1), limit=100_000)
    counts = Counter((one.source, one.target) for one in found if (one.protocol, one.sender_class) == ("udp", "web"))

    assert set(counts.values()) == {10}
    tcp = [Probe("a", "x", "1", "b", "y", "2", "tcp", port, True) for port in range(1, 50)]
    assert list(paced(tcp)) == tcp


def test_a_port_that_may_be_redirected_is_marked():
    classes = [
        {"name": "web", "groups": ["webs"]},
        {"name": "db", "groups": ["dbs"], "pre_dnat": {"ports": ["30000-32767/tcp"]}},
    ]
    flow = {**SQL, "ports": ["30080/tcp", "22/tcp"]}
    found = asked(fleet_of([flow], gatehouse_classes=classes))

    assert {one.redirected for one in found if (one.port, one.receiver_class) == (30080, "db")} == {True}
    assert {one.redirected for one in found if (one.port, one.receiver_class) == (22, "db")} == {False}


SSH = {"name": "ssh", "from": ["office"], "to": ["web", "db"], "ports": ["22/tcp"], "why": "administration"}


def seen(source="203.0.113.9", destination="192.0.2.10", port=22):
    return {"source": source, "destination": destination, "port": port}


def test_the_controller_asks_by_the_address_that_the_host_knows_it_by():
    fleet = fleet_of([SQL, SSH])
    found = from_controller(
        fleet, {"web0": seen(source="::ffff:203.0.113.9", destination="::ffff:192.0.2.10")}, 100, "1"
    )

    assert {(one.sender_class, one.source, one.receiver, one.target) for one in found} == {
        (CONTROLLER, "203.0.113.9", "web0", "192.0.2.10")
    }
    assert (found[0].port, found[0].allowed) == (22, True)
    assert {(one.port, one.allowed) for one in found} >= {(21, False), (23, False)}


def test_a_controller_that_the_model_does_not_know_is_asked_as_denied():
    found = from_controller(fleet_of([SQL, SSH]), {"web0": seen(source="198.51.100.7")}, 100, "1")

    assert (found[0].port, found[0].allowed) == (22, False)


@pytest.mark.parametrize("odd", [{}, seen(destination="198.51.100.1"), seen(source="somewhere"), seen(port="ssh")])
def test_nothing_is_asked_where_the_connection_is_to_no_address_of_the_host(odd):
    assert from_controller(fleet_of([SSH]), {"web0": odd}, 100, "1") == ()


def test_what_the_model_says_of_a_probe_is_the_verdict_of_both_ends(fleet):
    for one in asked(fleet):
        packets = [
            (one.sender, Packet("egress", ip_address(one.source), ip_address(one.target), one.protocol, one.port)),
            (one.receiver, Packet("ingress", ip_address(one.source), ip_address(one.target), one.protocol, one.port)),
        ]
        assert one.allowed == all(verdict(fleet.policy_of(host), packet).allowed for host, packet in packets)
        assert ip_address(one.target) in AddressSet.of([ip_network("192.0.2.0/24"), ip_network("2001:db8::/64")])


def test_a_host_that_observes_lets_through_what_the_other_end_does():
    closed = fleet_of([SQL])
    observing = fleet_of([SQL], hosts={**closed_hosts(), "db0": {**closed_hosts()["db0"], "gatehouse_mode": "observe"}})

    def denied_ports(fleet):
        return {one.port for one in asked(fleet) if one.receiver == "db0" and not one.allowed}

    # What the sender's host denies stays denied: it enforces.
    assert 5435 in denied_ports(closed)
    assert denied_ports(observing) == denied_ports(closed)

    # Where it observes what goes out alone, what comes in to the other end is denied as ever, and to itself as well.
    outgoing = {name: {**values, "gatehouse_mode": {"egress": "observe"}} for name, values in closed_hosts().items()}
    found = asked(fleet_of([SQL], hosts=outgoing))
    assert any(not one.allowed for one in found)
    incoming = {**outgoing, "db0": {**closed_hosts()["db0"], "gatehouse_mode": "observe"}}
    assert all(one.allowed for one in asked(fleet_of([SQL], hosts=incoming)) if one.receiver == "db0")

    watched = {**closed_hosts()}
    watched = {name: {**values, "gatehouse_mode": "observe"} for name, values in watched.items()}
    assert all(one.allowed for one in asked(fleet_of([SQL], hosts=watched)))


def closed_hosts():
    hosts = {f"web{number}": {"gatehouse_addresses": addresses(10 + number)} for number in range(2)}
    return hosts | {f"db{number}": {"gatehouse_addresses": addresses(50 + number)} for number in range(3)}


@pytest.mark.parametrize("source", ["192.0.2.50", "192.0.2.51"])
def test_a_controller_that_is_a_managed_host_is_held_to_its_own_rules_at_each_of_its_addresses(source):
    hosts = {
        "web0": {"gatehouse_addresses": addresses(10)},
        "db0": {"gatehouse_addresses": {"private": ["192.0.2.50", "192.0.2.51"]}},
    }
    let_in_alone = {"name": "admin", "from": ["db"], "to": ["web"], "ports": ["22/tcp"], "end": "ingress"}
    found = from_controller(fleet_of([let_in_alone], 1, 1, hosts=hosts), {"web0": seen(source=source)}, 100, "1")

    assert (found[0].port, found[0].allowed) == (22, False)
