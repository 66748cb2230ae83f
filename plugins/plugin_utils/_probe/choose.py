# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What to ask real hosts: the edges of each flow as allowed, and the ports just outside as denied.

The probes of each ordered pair of node classes are put in turn to different hosts of them, never to each pair of
hosts. Only declared addresses of managed hosts are ever at the other end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice, zip_longest
from typing import Protocol, TypeVar

from .._change.lockout import unmapped
from .._policy.compile import Fleet, Policy, Rule
from .._policy.resolve import Host
from .._values.addresses import Address, AddressSet
from .._values.ports import PortSet
from .._values.readers import SIDES
from .._verdict.packet import Packet, lets_through
from .._verdict.reach import Port

CONTROLLER = "controller"
"""Stands for the class of the machine that runs Ansible."""

_ASKED = ("tcp", "udp")
# A kernel says "port unreachable" once a second to one peer, after a handful; more would only wait for each other.
_DATAGRAMS_PER_ADDRESS = 10

Item = TypeVar("Item")


class HasEnds(Protocol):
    """What goes from one address to another."""

    @property
    def source(self) -> str:
        """Return the sender's address."""

    @property
    def target(self) -> str:
        """Return the receiver's address."""

    @property
    def protocol(self) -> str:
        """Return tcp or udp."""


Asked = TypeVar("Asked", bound=HasEnds)


@dataclass(frozen=True)
class Probe:
    """May the sender open this port of the receiver? ``allowed`` is what the model says of it, at both ends.

    ``redirected`` says that the receiver may pass such packets on, to pods or containers: their silence is their own.
    """

    sender: str
    sender_class: str
    source: str
    receiver: str
    receiver_class: str
    target: str
    protocol: str
    port: int
    allowed: bool
    redirected: bool = False

    def __str__(self) -> str:
        """Return the probe on one line."""
        return f"{self.sender} ({self.source}) -> {self.receiver} ({self.target}), {self.port}/{self.protocol}"


@dataclass(frozen=True)
class _Way:
    """Both ends, and which of their addresses; ``sender`` is None for an unmanaged source."""

    sender: Host | None
    source: Address
    receiver: Host
    target: Address
    of_controller: bool = False

    def ends(self, fleet: Fleet) -> tuple[str, str, str, str, str, str]:
        """Return both ends as a probe names them."""
        name = CONTROLLER if self.of_controller or not self.sender else self.sender.name
        own = CONTROLLER if name == CONTROLLER else fleet.sets[name]
        receiver = self.receiver.name
        return name, own, str(self.source), receiver, fleet.sets[receiver], str(self.target)


def probes(fleet: Fleet, hosts: Collection[str], limit: int, seed: str) -> tuple[Probe, ...]:
    """Return at most ``limit`` probes between hosts of the fleet, spread evenly over pairs of sets of classes."""
    members = _members(fleet, hosts, seed)
    pairs = in_order_of([(one, other) for one in members for other in members], seed)
    asked = [_between(fleet, members[sender], members[receiver], seed) for sender, receiver in pairs]
    return tuple(islice(paced(taken_in_turn(asked)), limit))


def from_controller(fleet: Fleet, seen: Mapping[str, Mapping[str, object]], limit: int, seed: str) -> tuple[Probe, ...]:
    """Return at most ``limit`` probes from the machine that runs Ansible to hosts.

    ``seen`` has each host's ssh connection as the host sees it: its ``source`` and ``destination`` addresses and its
    ``port``. Where the destination is none of the host's declared addresses, nothing is asked.
    """
    members = _members(fleet, seen, seed)
    owners = _owners(fleet)
    asked = [_to_class(fleet, hosts, seen, owners, seed) for hosts in members.values()]
    return tuple(islice(paced(taken_in_turn(asked)), limit))


def _owners(fleet: Fleet) -> dict[Address, Host]:
    """Return the managed host that has an address."""
    hosts = fleet.hosts.values()
    return {network.network_address: host for host in hosts for network in host.addresses("").networks}


def taken_in_turn(some: Iterable[Iterator[Item]]) -> Iterator[Item]:
    """Yield one item of each, and again, until there is none."""
    for row in zip_longest(*some):
        yield from (item for item in row if item is not None)


def paced(asked: Iterable[Asked]) -> Iterator[Asked]:
    """Leave out the datagrams between two addresses that are too many to be answered soon."""
    counts: dict[tuple[str, str], int] = {}
    for probe in asked:
        if probe.protocol == "udp":
            pair = (probe.source, probe.target)
            counts[pair] = counts.get(pair, 0) + 1
            if counts[pair] > _DATAGRAMS_PER_ADDRESS:
                continue
        yield probe


def in_order_of(items: Iterable[Item], seed: str) -> list[Item]:
    """Return items in an order that only they and the seed decide."""
    return sorted(items, key=lambda item: sha256(f"{seed} {item}".encode()).digest())


def edges(rules: Iterable[Rule]) -> Iterator[Port]:
    """Yield the first and the last port of each range of rules; of all ports, the first and the last there are."""
    for rule in rules:
        ranges = rule.ports.ranges or (PortSet.parse("1-65535/tcp+udp").ranges if rule.ports.everything else ())
        for item in ranges:
            if item.protocol in _ASKED:
                yield from (Port(item.protocol, number) for number in dict.fromkeys((item.first, item.last)))


def outside(rules: Iterable[Rule]) -> Iterator[Port]:
    """Yield the ports just before and after each range of rules."""
    for rule in rules:
        for item in rule.ports.ranges:
            if item.protocol in _ASKED:
                around = (item.first - 1, item.last + 1)
                yield from (Port(item.protocol, number) for number in around if 1 <= number <= 65535)


def any_ports(seed: str) -> list[Port]:
    """Return a port of each protocol that no flow need have to do with."""
    return [
        Port(protocol, 1024 + int(sha256(f"{seed} {protocol}".encode()).hexdigest(), 16) % 64000) for protocol in _ASKED
    ]


def _members(fleet: Fleet, hosts: Iterable[str], seed: str) -> dict[str, list[Host]]:
    found: dict[str, list[Host]] = {}
    for name in in_order_of([name for name in hosts if name in fleet.hosts], seed):
        found.setdefault(fleet.sets[name], []).append(fleet.hosts[name])
    return dict(sorted(found.items()))


def _between(fleet: Fleet, senders: Sequence[Host], receivers: Sequence[Host], seed: str) -> Iterator[Probe]:
    """Yield the probes of one pair of sets, to the next hosts in turn, until each host has had each port once."""
    apart = 1 if senders == receivers else 0
    if apart and len(senders) == 1:
        return
    ports = _ports(fleet, senders[0], receivers[apart], seed)
    for lap in range(max(len(senders), len(receivers))):
        for turn, port in enumerate(ports, lap):
            for way in _ways(senders[turn % len(senders)], receivers[(turn + apart) % len(receivers)]):
                yield from _probe(fleet, way, port)


def _to_class(
    fleet: Fleet,
    receivers: Sequence[Host],
    seen: Mapping[str, Mapping[str, object]],
    owners: Mapping[Address, Host],
    seed: str,
) -> Iterator[Probe]:
    found = [way for host in receivers for way in _management(host, seen[host.name], owners)]
    if not found:
        return
    rules = fleet.policies[fleet.sets[receivers[0].name]].ingress
    ours = [rule for rule in rules if found[0][0].source in rule.addresses]
    ports = [Port("tcp", port) for way, port in found]
    ports += [*edges(ours), *any_ports(seed), *outside(ours), *edges(rules), *outside(rules)]
    for lap in range(len(found)):
        for turn, port in enumerate(dict.fromkeys(ports), lap):
            yield from _probe(fleet, found[turn % len(found)][0], port)


def _management(
    host: Host, connection: Mapping[str, object], owners: Mapping[Address, Host]
) -> Iterator[tuple[_Way, int]]:
    """Yield the way that Ansible itself takes to a host, and its port, if it ends at an address of the host."""
    try:
        source, target = (unmapped(connection[end]) for end in ("source", "destination"))
        port = int(str(connection["port"]))
    except (KeyError, ValueError):
        return
    if target in host.addresses(""):
        yield _Way(owners.get(source), source, host, target, of_controller=True), port


def _ports(fleet: Fleet, sender: Host, receiver: Host, seed: str) -> list[Port]:
    """Return the ports worth asking about: edges of what is for each other, just outside, and of what is for others."""
    egress = fleet.policies[fleet.sets[sender.name]].egress
    ingress = fleet.policies[fleet.sets[receiver.name]].ingress
    ends = ((egress, receiver.addresses("")), (ingress, sender.addresses("")))
    ours = [rule for rules, peer in ends for rule in rules if _is_for(rule, peer)]
    found = [*edges(ours), *any_ports(seed), *outside(ours), *edges(ingress), *edges(egress)]
    return list(dict.fromkeys(found))


def _is_for(rule: Rule, peer: AddressSet) -> bool:
    return any(network.network_address in rule.addresses for network in peer.networks)


def _ways(sender: Host, receiver: Host) -> Iterator[_Way]:
    """Yield the ways between addresses of both hosts on one side and of one family, of each that they share."""
    found = []
    for side in SIDES:
        ours, theirs = sender.addresses(side), receiver.addresses(side)
        for own, others in ((ours.v4, theirs.v4), (ours.v6, theirs.v6)):
            if own and others:
                found.append((own[0].network_address, others[0].network_address))
    yield from (_Way(sender, source, receiver, target) for source, target in dict.fromkeys(found))


def _probe(fleet: Fleet, way: _Way, port: Port) -> Iterator[Probe]:
    """Yield the probe with the model's answer, if it is the same whichever interface the packet takes."""
    if way.source == way.target or port.number is None:
        return
    packet = Packet("ingress", way.source, way.target, port.protocol, port=port.number)
    policy = fleet.policy_of(way.receiver.name)
    answers = _answers(policy, way.receiver, packet, way.target)
    if way.sender:
        egress = _answers(fleet.policy_of(way.sender.name), way.sender, replace(packet, direction="egress"), way.source)
        answers = {one and other for one in egress for other in answers}
    if len(answers) == 1:
        redirected = policy.pre_dnat_ports.holds(port.protocol, port.number)
        ends = way.ends(fleet)
        yield Probe(*ends, port.protocol, port.number, answers == {True}, redirected)


def _answers(policy: Policy, host: Host, packet: Packet, own: Address) -> set[bool]:
    sides = [side for side in SIDES if own in host.addresses(side)]
    names = [name for side in sides for name in policy.interfaces.get(side, ())] or [""]
    return {lets_through(policy, replace(packet, interface=name)) for name in names}
