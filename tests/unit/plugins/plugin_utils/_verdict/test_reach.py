"""Who reaches whom by sets of addresses, held to verdict() over every packet of small fleets."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Fleet, Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Host
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import EVERYBODY, AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import ALL_PORTS, PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.owners import Owners
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.reach import (
    OTHER,
    Port,
    are_enforced,
    ports_that_differ,
    reachable_pairs,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

V4 = [ip_address(f"198.51.100.{number}") for number in range(8)]
V6 = [ip_address(f"2001:db8::{number}") for number in range(4)]
PORTS = (
    [Port("tcp", number) for number in range(1, 7)] + [Port("udp", number) for number in (1, 2)] + [Port(OTHER, None)]
)

_networks = some.one_of(
    some.sampled_from(V4 + V6).map(ip_network),
    some.sampled_from(
        ["198.51.100.0/30", "198.51.100.4/31", "198.51.100.0/29", "2001:db8::2/127", "0.0.0.0/0", "::/0"]
    ).map(ip_network),
)
_addresses = some.lists(_networks, max_size=4).map(AddressSet.of)
_ports = some.one_of(
    some.just(ALL_PORTS),
    some.lists(
        some.sampled_from(["1/tcp", "2-4/tcp", "4-6/tcp", "5/tcp", "1/udp", "1-2/udp"]), min_size=1, max_size=3
    ).map(lambda texts: PortSet.of(item for text in texts for item in PortSet.parse(text).ranges)),
)
_rules = some.lists(some.builds(Rule, some.just("flow"), some.just("peer"), _addresses, _ports), max_size=3).map(tuple)


_wide = AddressSet.of(map(ip_network, ["0.0.0.0/0", "2001:db8::/126"]))
_shared = AddressSet.of(map(ip_network, [*V4[6:], V6[3]]))
_at = some.one_of(some.just(EVERYBODY), _addresses.filter(bool), some.sampled_from([_wide, _shared]))
_ends = some.one_of(_addresses, some.just(AddressSet.of(map(ip_network, V4 + V6))))


@some.composite
def fleets(draw):
    """Draw a fleet of two classes, each of a few hosts of one address.

    Flows are at addresses of the receivers, of the other class, and of nobody, which both classes may receive.
    """
    shuffled = draw(some.permutations(V4 + V6))
    count = draw(some.integers(1, 4))
    owners = {"a": shuffled[:count], "b": shuffled[count : count + draw(some.integers(1, 3))]}
    hosts, classes, policies = {}, {}, {}
    for name, addresses in owners.items():
        own = AddressSet.of(map(ip_network, addresses))
        isolated = {name: own} if draw(some.booleans()) else {}
        coming_in = tuple(replace(rule, at=draw(_at)) for rule in draw(_rules))
        policies[name] = Policy((name,), coming_in, draw(_rules), isolated)
        for number, address in enumerate(addresses):
            one = AddressSet.of([ip_network(address)])
            hosts[f"{name}{number}"] = Host(f"{name}{number}", one, one)
            classes[f"{name}{number}"] = name
    return Fleet(policies, hosts, classes)


def owner(fleet, address):
    """Return the class whose host has an address; an empty text where none has."""
    return next((fleet.sets[name] for name, host in fleet.hosts.items() if address in host.private), "")


def receivers(fleet, address):
    """Return the classes of which a host may receive at an address, and an empty text where it may be a stranger's.

    A single address that flows are at is known to be no stranger's.
    """
    if owner(fleet, address):
        return [owner(fleet, address)]
    at = {
        name: [rule.at for rule in policy.ingress if rule.is_narrowed and address in rule.at]
        for name, policy in fleet.policies.items()
    }
    is_known = any(ip_network(address) in one.networks for found in at.values() for one in found)
    return [*(name for name, found in at.items() if found), *([] if is_known else [""])]


def passes(fleet, source, target, port):
    """Return what verdict() says at both ends, for each who may receive; nothing where nobody says anything."""
    for receiver in receivers(fleet, target):
        said = [
            verdict(fleet.policies[name], Packet(direction, source, target, port.protocol, port=port.number)).allowed
            for direction, name in (("egress", owner(fleet, source)), ("ingress", receiver))
            if name
        ]
        if said:
            yield receiver, all(said)


def pairs(senders, receivers):
    everybody = V4 + V6
    for source in (address for address in everybody if address in senders):
        for target in (address for address in everybody if address in receivers):
            if source.version == target.version and source != target:
                yield source, target


@examples(150)
@given(fleets(), _ends, _ends, some.sampled_from(PORTS))
def test_every_pair_of_addresses_is_in_one_crossing_of_each_receiver_that_says_what_verdict_says(
    fleet, sending, receiving, port
):
    ends = Owners(fleet).senders("x", sending), Owners(fleet).receivers("y", receiving)
    found = list(reachable_pairs(fleet, *ends, port))

    for source, target in pairs(sending, receiving):
        meant = [one for one in found if source in one.senders and target in one.receivers]
        expected = sorted(passes(fleet, source, target, port))
        assert sorted((one.receiver_set, one.passes) for one in meant) == expected
        assert {one.sender_set for one in meant} <= {owner(fleet, source)}
    assert are_enforced(fleet, *ends) == bool(found)
    for wanted in (True, False):
        assert list(reachable_pairs(fleet, *ends, port, wanted)) == [one for one in found if one.passes == wanted]
    for one in found:
        source, target = one.sample()
        assert source != target
        assert (source in one.senders, target in one.receivers) == (True, True)


@examples(100)
@given(fleets(), _ports)
def test_a_port_between_two_that_differ_is_like_the_first(fleet, asked):
    found = list(ports_that_differ(fleet, asked))
    everybody = AddressSet.of(map(ip_network, V4 + V6))
    ends = Owners(fleet).senders("x", everybody), Owners(fleet).receivers("y", everybody)

    def outcome(port):
        return {(one.senders, one.receivers, one.passes) for one in reachable_pairs(fleet, *ends, port)}

    known = {}
    for port in PORTS:
        if asked.everything or asked.holds(port.protocol, port.number):
            below = [one for one in found if one.protocol == port.protocol and (one.number or 0) <= (port.number or 0)]
            known[port] = max(below, key=lambda one: one.number or 0)
    for port, stands_for in known.items():
        assert outcome(port) == outcome(stands_for)


@examples(100)
@given(_addresses, _addresses)
def test_sets_of_addresses_are_cut_exactly(one, other):
    for address in V4 + V6:
        assert (address in one - other) == (address in one and address not in other)
        assert (address in one & other) == (address in one and address in other)
    assert not (one - other) & other
    assert (one - other) - other == one - other
