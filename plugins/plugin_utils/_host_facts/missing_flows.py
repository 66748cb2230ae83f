# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The flows that a model lacks, by what hosts have let through or denied without one, as rows to paste into it.

A row never says more than what was seen: the ends of connections and the ports that were asked for. What a row can't
say so, or should not, is said in words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from ...module_utils._contract.kinds import SPOOFED
from .._policy.compile import Fleet, Policy
from .._values.addresses import AddressSet, Network, network_text
from .._values.ports import PROTOCOLS, PortRange, PortSet
from .._values.readers import NAME_LENGTH
from .attribution import owners_of, parties_of
from .observed import Observed, Seen, denied, is_never_carried

FILE = "missing_flows.yml"
_DYNAMIC = 32768
"""The least of the ports that Linux gives to clients and to servers that ask for none."""
_MANY = 8
_SCANNED = 64
"""Ports of one protocol between the same ends, of which many were tried and few are used."""
_LAST_PORT = 65535
_SHOWN = 5
_CONNECTIONS, _PACKETS = "connections", "packets"
"""A program that is denied asks again, and each time counts."""
_HEAD = """\
---
# What hosts have seen although no flow of the model allows it: those that observe let it through, and those that
# enforce denied it. You decide: paste what is wanted into your model, with a name and a reason of your own.
"""

Ends = tuple[str, str]


@dataclass(frozen=True)
class NewZone:
    """A zone for peers that the model has no name for."""

    name: str
    networks: tuple[Network, ...]


@dataclass(frozen=True)
class MissingFlow:
    """A flow that would allow what was seen: new connections, so many, the first and the last of them at a time.

    It is ``sided`` where the model tells sides of its hosts apart, and it is unknown on which one this was; ``denied``
    where some host has denied it.
    """

    name: str
    sender: str
    receiver: str
    ports: PortSet
    packets: int
    first: str
    last: str
    peers: tuple[str, ...]
    sided: bool = False
    denied: bool = False


@dataclass(frozen=True)
class Missing:
    """What is missing: zones that flows need, flows, and in words what isn't to be pasted."""

    zones: tuple[NewZone, ...] = ()
    flows: tuple[MissingFlow, ...] = ()
    remarks: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the whole as a file in YAML, in which comments say what was seen."""
        lines = [*(f"# {remark}" for remark in self.remarks), *self.rows()]
        return _HEAD + "".join(f"{line}\n" for line in lines)

    def rows(self) -> list[str]:
        """Return the rows to paste, as lines of YAML."""
        zones = [f"  - {_zone(zone)}" for zone in self.zones]
        flows = [line for flow in self.flows for line in (*self._comments(flow), f"  - {_flow(flow)}")]
        return [
            *(["gatehouse_zones:", *zones] if zones else []),
            *(["gatehouse_flows:", *flows] if flows else ["gatehouse_flows: []"]),
        ]

    def of_known_peers(self) -> tuple[MissingFlow, ...]:
        """Return the flows between ends that the model has a name for."""
        return tuple(flow for flow in self.flows if not self._is_strangers(flow))

    def _is_strangers(self, flow: MissingFlow) -> bool:
        return not {flow.sender, flow.receiver}.isdisjoint(zone.name for zone in self.zones)

    def _comments(self, flow: MissingFlow) -> Iterator[str]:
        yield from _seen_lines(flow)
        if flow.denied and self._is_strangers(flow):
            yield "  # No class or zone has these peers, and a scan looks like this, too"


@dataclass
class _Names:
    """Names that nothing of the model has."""

    taken: set[str]

    def new(self, wanted: str) -> str:
        """Return this name, or one like it."""
        base = wanted[: NAME_LENGTH - 5]
        name = next(one for one in (base, *(f"{base}_{n}" for n in range(2, 10000))) if one not in self.taken)
        self.taken.add(name)
        return name


@dataclass
class _Group:
    """What was seen between the same ends; ``unknown`` are peers that the model has no name for."""

    seen: list[Seen] = field(default_factory=list)
    unknown: set[Network] = field(default_factory=set)


def missing_flows(fleet: Fleet, observed: Mapping[str, Observed]) -> Missing:
    """Return the flows that are missing, by what each host has observed."""
    found: list[tuple[str, Seen]] = []
    remarks: list[str] = [
        f"{host}: no room was left to count all ({', '.join(one.full)})" for host, one in observed.items() if one.full
    ]
    for host, one in observed.items():
        if host not in fleet.sets:
            continue
        policy = fleet.policy_of(host)
        for seen in denied(policy, one.seen):
            reason = _no_flow_for(policy, seen)
            if reason:
                remarks.append(f"{host}: {reason}")
            else:
                found.append((host, seen))
    zones, named = _named(fleet, _grouped(fleet, found))
    flows, dynamic = _flows(fleet, named)
    return Missing(tuple(zones), tuple(flows), tuple(dict.fromkeys([*remarks, *dynamic])))


def _grouped(fleet: Fleet, found: Sequence[tuple[str, Seen]]) -> dict[tuple[str, str, str], _Group]:
    """Return what was seen by its ends; one connection that both its hosts have seen has the same ends twice."""
    parties, owners = parties_of(fleet), owners_of(fleet)
    by_port: dict[tuple[str, int], list[tuple[str, str, Seen]]] = {}
    for host, seen in found:
        peer = owners.get(seen.address, str(seen.address))
        ends = (peer, host) if seen.way == "ingress" else (host, peer)
        by_port.setdefault((seen.protocol, seen.port), []).append((*ends, seen))
    groups: dict[tuple[str, str, str], _Group] = {}
    for rows in by_port.values():
        receivers = _who(fleet, parties, [row[1] for row in rows])
        by_receiver: dict[str, list[tuple[str, str, Seen]]] = {}
        for row in rows:
            by_receiver.setdefault(receivers[row[1]] or row[1], []).append(row)
        for alike in by_receiver.values():
            senders = _who(fleet, parties, [row[0] for row in alike])
            for sender, receiver, seen in alike:
                _put(groups, (senders[sender], receivers[receiver]), seen)
    return groups


def _who(fleet: Fleet, parties: Sequence[tuple[str, AddressSet]], ends: Sequence[str]) -> dict[str, str]:
    """Return the class or zone of each end: of hosts, the class with the fewest hosts that has all of them, or most.

    Of addresses that are no host's, the one with the fewest addresses; an empty text where there is none.
    """
    members = fleet.resolved.hosts
    found: dict[str, str] = {}
    left = {end for end in ends if end in fleet.sets}
    while left:
        counts = Counter(name for host in left for name in fleet.classes_of(host))
        best = min(counts, key=lambda name: (-counts[name], len(members[name]), name))
        found |= {host: best for host in left if best in fleet.classes_of(host)}
        left -= found.keys()
    for end in dict.fromkeys(end for end in ends if end not in found):
        found[end] = next((name for name, addresses in parties if ip_address(end) in addresses), "")
    return found


def _no_flow_for(policy: Policy, seen: Seen) -> str:
    """Return why no flow should be suggested for what was seen; an empty text where one can be."""
    if seen.is_port_alone:
        return f"no flow can be suggested for {seen}: the host had no room left to keep its peers"
    if seen.direction == SPOOFED:
        return f"no flow can allow {seen}: gatehouse_antispoof judges its source, which this host routes another way"
    if is_never_carried(policy, seen):
        return f"no flow can allow {seen}: those behind the host never reach it (carries)"
    for name, members in policy.isolated.items():
        if seen.address in members:
            return f"no flow can allow {seen}: hosts of {name} are isolated from each other"
    if seen.protocol not in PROTOCOLS or not seen.port:
        return f"no flow but one for all ports and protocols can allow {seen}"
    return ""


def _put(groups: dict[tuple[str, str, str], _Group], ends: Ends, seen: Seen) -> None:
    group = groups.setdefault((*ends, "" if all(ends) else str(seen.address)), _Group())
    group.seen.append(seen)
    if not all(ends):
        group.unknown.add(ip_network(seen.address))


def _named(fleet: Fleet, groups: Mapping[tuple[str, str, str], _Group]) -> tuple[list[NewZone], dict[Ends, list[Seen]]]:
    """Return zones for those who have no name yet, and what was seen by named ends. Peers alike share a zone."""
    resolved = fleet.resolved
    names = _Names({*resolved.networks, *resolved.hosts, *resolved.model.classes, *resolved.model.zones})
    named: dict[Ends, list[Seen]] = {}
    alike: dict[tuple[str, str, frozenset[tuple[str, int]]], _Group] = {}
    for (sender, receiver, address), group in groups.items():
        if not address:
            named.setdefault((sender, receiver), []).extend(group.seen)
            continue
        ports = frozenset((one.protocol, one.port) for one in group.seen)
        together = alike.setdefault((sender, receiver, ports), _Group())
        together.seen += group.seen
        together.unknown |= group.unknown
    zones = []
    for (sender, receiver, _ports), group in alike.items():
        name = names.new(f"seen_by_{receiver}" if receiver else f"asked_by_{sender}")
        zones.append(NewZone(name, AddressSet.of(group.unknown).networks))
        named[sender or name, receiver or name] = group.seen
    return zones, named


def _flows(fleet: Fleet, named: Mapping[Ends, list[Seen]]) -> tuple[list[MissingFlow], list[str]]:
    names = _Names(set(fleet.resolved.model.flows))
    known = fleet.resolved.networks.keys()
    flows, remarks = [], []
    for ends, all_seen in sorted(named.items(), key=lambda item: (not known >= set(item[0]), item[0])):
        seen, dynamic = _without_dynamic(all_seen)
        if dynamic:
            remarks.append(_dynamic_remark(ends, dynamic))
        if seen:
            policies = [policy for policy in fleet.policies.values() if {*ends} & {*policy.classes}]
            sided = any(policy.has_sides for policy in policies)
            flows.append(_flow_of(names.new(f"{ends[0][:28]}_to_{ends[1][:28]}"), ends, seen, sided))
    return flows, remarks


def _without_dynamic(seen: Sequence[Seen]) -> tuple[list[Seen], list[Seen]]:
    """Part what was seen from many high ports of one protocol, chosen anew each time, and from too many of any kind."""
    ports: dict[str, set[int]] = {}
    for one in seen:
        ports.setdefault(one.protocol, set()).add(one.port)
    least = {protocol: _least_dynamic(numbers) for protocol, numbers in ports.items()}
    return (
        [one for one in seen if one.port < least[one.protocol]],
        [one for one in seen if one.port >= least[one.protocol]],
    )


def _least_dynamic(ports: set[int]) -> int:
    """Return from which port on no flow should be suggested for these ports of one protocol."""
    if len(ports) >= _SCANNED:
        return 0
    return _DYNAMIC if len([port for port in ports if port >= _DYNAMIC]) >= _MANY else _LAST_PORT + 1


def _dynamic_remark(ends: Ends, seen: Sequence[Seen]) -> str:
    protocols = sorted({one.protocol for one in seen})
    ports = sorted({one.port for one in seen})
    total, _first, last = _sum(seen)
    return (
        f"From {ends[0]} to {ends[1]}: {len(ports)} ports between {ports[0]} and {ports[-1]}/{'+'.join(protocols)}, "
        f"{total} {_noun(seen)}, last {last}. No flow is suggested: give the service a port, or open its range yourself"
    )


def _noun(seen: Sequence[Seen]) -> str:
    return _PACKETS if any(one.denied for one in seen) else _CONNECTIONS


def _flow_of(name: str, ends: Ends, seen: Sequence[Seen], sided: bool) -> MissingFlow:
    ports = PortSet.of(PortRange(one.protocol, one.port, one.port) for one in seen)
    peers = sorted({(one.address.version, int(one.address), str(one.address)) for one in seen})
    packets, first, last = _sum(seen)
    was_denied = any(one.denied for one in seen)
    return MissingFlow(name, *ends, ports, packets, first, last, tuple(peer[2] for peer in peers), sided, was_denied)


def _sum(seen: Sequence[Seen]) -> tuple[int, str, str]:
    """Return how many, the first and the last. Where both ends observe, each connection was counted at both."""
    counts = [sum(one.packets for one in seen if one.way == way) for way in ("ingress", "egress")]
    return max(counts), min(one.first for one in seen), max(one.last for one in seen)


def _seen_lines(flow: MissingFlow) -> Iterator[str]:
    more = f" and {len(flow.peers) - _SHOWN} more" if len(flow.peers) > _SHOWN else ""
    peers = f"{', '.join(flow.peers[:_SHOWN])}{more}"
    yield f"  # {_counted(flow)}; {peers}"
    if flow.sided:
        yield "  # On which side is not counted: as it stands here, it opens both"


def _counted(flow: MissingFlow) -> str:
    return f"{flow.packets} {_PACKETS if flow.denied else _CONNECTIONS}, first {flow.first}, last {flow.last}"


def _flow(flow: MissingFlow) -> str:
    why = json.dumps(f"{'denied' if flow.denied else 'observed'}: {_counted(flow)}")
    ends = f"from: [{flow.sender}], to: [{flow.receiver}]"
    return f"{{name: {flow.name}, {ends}, ports: [{', '.join(flow.ports.texts())}], why: {why}}}"


def _zone(zone: NewZone) -> str:
    return f"{{name: {zone.name}, networks: [{_quoted(map(network_text, zone.networks))}]}}"


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(map(json.dumps, texts))
