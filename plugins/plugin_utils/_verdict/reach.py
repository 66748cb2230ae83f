# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What reaches what, exactly: over all addresses, by sets, and never over pairs of hosts.

A packet passes where the sender's host lets it out, if that host is managed, and the receiver's lets it in.
What a host lets out depends on the receiver's address alone, and what it lets in on the sender's, so that each end of a
question falls into two parts: those who pass the other end, and those who don't. Only where flows are for some
addresses of the receiver alone (``at``), the receiver's addresses fall into those that fare alike first. Those behind a
host fare as it does, but for what they are excepted from and for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from .._policy.compile import Fleet, Policy, Rule
from .._values.addresses import EVERYBODY, Address, AddressSet, Network
from .._values.ports import PortSet

OTHER = "other"
"""Stands for every protocol without ports: only a flow on all of them lets these through."""

_OUTCOMES = ((True, True), (True, False), (False, True), (False, False))  # the receiver lets in, the sender lets out


@dataclass(frozen=True)
class _Part:
    """Addresses of hosts of one set of classes, or of those behind them; of unmanaged ones, the set is empty."""

    hosts: str
    addresses: AddressSet
    is_behind: bool = False


@dataclass(frozen=True)
class Port:
    """A port of a protocol; of a protocol without ports, the port is None."""

    protocol: str
    number: int | None

    def __str__(self) -> str:
        """Return the port as it is written in a model."""
        return f"{self.number}/{self.protocol}" if self.number else "a protocol without ports"


@dataclass(frozen=True)
class Party:
    """One end of a question: what it was called, and the addresses it has under each policy, by the set of classes.

    Unmanaged ones are under an empty name. Where an address may be of several, it is in several parts.
    """

    name: str
    parts: Mapping[str, AddressSet]


@dataclass(frozen=True)
class ReachablePair:
    """Addresses of one part of each end between which a port is open for all, or for none.

    Those ``behind_one_host`` talk through that host, and no packet of theirs meets another one.
    """

    sender_set: str
    senders: AddressSet
    receiver_set: str
    receivers: AddressSet
    passes: bool
    behind_one_host: bool = False

    def sample(self) -> tuple[Address, Address]:
        """Return the addresses of one packet."""
        return next(_pairs(self.senders, self.receivers))


def owner(fleet: Fleet, name: str, address: Address) -> str:
    """Return the host of a set of classes that has an address; an empty text where none has."""
    return next((host.name for host in fleet.members[name] if address in host.addresses("")), "")


def reachable_pairs(
    fleet: Fleet, senders: Party, receivers: Party, port: Port, passes: bool | None = None
) -> Iterator[ReachablePair]:
    """Yield what reaches what between two ends on a port, or of these who ``passes``, or who doesn't.

    Pairs with no managed end are skipped, and outcomes that were not requested are not computed.
    """
    wanted = [one for one in _OUTCOMES if passes in (None, all(one))]
    for sender, receiver in _managed(fleet, senders, receivers):
        found = _between(fleet, sender, receiver, port, wanted)
        yield from (one for one in found if next(_pairs(one.senders, one.receivers), None))


def are_enforced(fleet: Fleet, senders: Party, receivers: Party) -> bool:
    """Return whether anything is enforced between two ends, on whichever port."""
    managed = _managed(fleet, senders, receivers)
    pairs = (_pairs(sender.addresses, receiver.addresses) for sender, receiver in managed)
    return any(next(found, None) for found in pairs)


def _managed(fleet: Fleet, senders: Party, receivers: Party) -> Iterator[tuple[_Part, _Part]]:
    found = product(_parts(fleet, senders), _parts(fleet, receivers))
    return ((sender, receiver) for sender, receiver in found if sender.hosts or receiver.hosts)


def _parts(fleet: Fleet, party: Party) -> Iterator[_Part]:
    """Yield the parts of a party, with those behind hosts apart from the hosts."""
    for name, addresses in party.parts.items():
        behind = addresses & fleet.routed[name] if name in fleet.routed else AddressSet()
        for part in (_Part(name, addresses - behind), _Part(name, behind, is_behind=True)):
            if part.addresses:
                yield part


def _between(
    fleet: Fleet, sender: _Part, receiver: _Part, port: Port, wanted: Sequence[tuple[bool, bool]]
) -> Iterator[ReachablePair]:
    """Yield who passes both ends and who doesn't; at an unmanaged end, everything passes."""
    goes_out = _allowed_peers(fleet.policies.get(sender.hosts), "egress", port, sender.is_behind)
    policy = fleet.policies.get(receiver.hosts)
    if policy and sender.is_behind and receiver.is_behind and sender.hosts == receiver.hosts:
        yield from _behind_one_host(sender, receiver, goes_out, wanted)
        if policy.isolates_carried or len(fleet.members[sender.hosts]) == 1:
            return
    parts = destinations(policy) if policy else [EVERYBODY]
    for here in parts:
        comes_in = _allowed_peers(narrowed(policy, here) if policy else None, "ingress", port, receiver.is_behind)
        for lets_in, lets_out in wanted:
            tos = _filtered_side(receiver.addresses & here, goes_out, lets_out)
            froms = _filtered_side(sender.addresses, comes_in, lets_in) if tos else AddressSet()
            yield ReachablePair(sender.hosts, froms, receiver.hosts, tos, lets_in and lets_out)


def _behind_one_host(
    sender: _Part, receiver: _Part, goes_out: AddressSet, wanted: Sequence[tuple[bool, bool]]
) -> Iterator[ReachablePair]:
    """Yield what the host says of packets between those behind it: it judges them once."""
    for passes in dict.fromkeys(all(one) for one in wanted):
        tos = _filtered_side(receiver.addresses, goes_out, passes)
        yield ReachablePair(sender.hosts, sender.addresses, receiver.hosts, tos, passes, behind_one_host=True)


def _filtered_side(addresses: AddressSet, let_through: AddressSet, passing: bool) -> AddressSet:
    return addresses & let_through if passing else addresses - let_through


def _allowed_peers(policy: Policy | None, direction: str, port: Port, is_behind: bool) -> AddressSet:
    """Return the peers that hosts with a policy let through; where they are not managed, all."""
    if not policy:
        return EVERYBODY
    return allowed_behind(policy, direction, port) if is_behind else allowed(policy, direction, port)


def destinations(*policies: Policy) -> list[AddressSet]:
    """Return all addresses in as few parts as fare alike with these policies, which may be for some alone."""
    return partition(at for policy in policies for at in narrowed_to(policy.ingress))


def partition(sets: Iterable[AddressSet]) -> list[AddressSet]:
    """Return all addresses in as few parts as are inside or outside of each of these sets."""
    parts = [EVERYBODY]
    for one in dict.fromkeys(sets):
        parts = [part for whole in parts for part in (whole & one, whole - one) if part]
    return parts


def narrowed(policy: Policy, destination: AddressSet) -> Policy:
    """Return a policy as it is for packets to one of the parts that ``destinations`` returns."""
    return replace(policy, ingress=tuple(rule for rule in policy.ingress if not destination - rule.at))


def narrowed_to(rules: Iterable[Rule]) -> Iterator[AddressSet]:
    """Yield the addresses of receivers that rules are for, where these are not all."""
    return (rule.at for rule in rules if rule.is_narrowed)


def allowed(policy: Policy, direction: str, port: Port) -> AddressSet:
    """Return the peers that a policy lets in, or out to, on a port, by whichever interface."""
    rules = [rule for rule in policy.rules(direction) if rule.ports.holds(port.protocol, port.number)]
    # Isolation comes before every flow.
    return AddressSet.union(rule.addresses for rule in rules) - policy.isolated_from


def allowed_behind(policy: Policy, direction: str, port: Port) -> AddressSet:
    """Return the peers that a policy lets in to those behind its hosts, or out to from them."""
    carries, peers = policy.carries, allowed(policy, direction, port)
    if direction == "ingress" and carries.interfaces:
        return peers  # an interface tells those behind the host from all who have such an address
    others = peers - carries.networks - (carries.excepted if direction == "egress" else AddressSet())
    return others if policy.isolates_carried else others | carries.networks


def ports_that_differ(fleet: Fleet, ports: PortSet) -> Iterator[Port]:
    """Yield ports of which each stands for all those up to the next: wherever a rule of any policy begins or ends."""
    rules = (rule for policy in fleet.policies.values() for rule in (*policy.ingress, *policy.egress))
    return ports_between([rule.ports for rule in rules], ports)


def ports_between(edges: Iterable[PortSet], ports: PortSet) -> Iterator[Port]:
    """Yield the first of a set's ports, and each of them at which another set begins or has ended."""
    ranges = [item for one in edges for item in one.ranges]
    asked = ports.ranges if not ports.everything else PortSet.parse("1-65535/tcp+udp+sctp").ranges
    for item in asked:
        found = {edge for one in ranges if one.protocol == item.protocol for edge in (one.first, one.last + 1)}
        for number in sorted({item.first, *(edge for edge in found if item.first <= edge <= item.last)}):
            yield Port(item.protocol, number)
    if ports.everything:
        yield Port(OTHER, None)


def _pairs(senders: AddressSet, receivers: AddressSet) -> Iterator[tuple[Address, Address]]:
    """Yield addresses of one packet, if any two are of one family and not the same."""
    for own, others in ((senders.v4, receivers.v4), (senders.v6, receivers.v6)):
        for source in _some(own):
            for target in _some(others):
                # A packet of a host to itself takes the loopback interface, where nothing is judged.
                if source != target:
                    yield source, target


def _some(networks: Iterable[Network]) -> list[Address]:
    """Return two addresses of networks, if there are as many, so that one of them differs from a given one."""
    found: list[Address] = []
    for network in networks:
        first, last = network.network_address, network.broadcast_address
        # The first address of a network is no host's, unless it is one of two (/31 and /127).
        found += [first] if first == last else [first + min(1, network.num_addresses - 2), last]
        if len(found) > 1:
            break
    return found
