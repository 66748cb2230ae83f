# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Flows that one end opens in vain: hosts in a zone don't know of them, or packets come from other addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from ipaddress import ip_network

from .._model.model import Flow
from .._policy.compile import Fleet, Policy
from .._policy.resolve import Host
from .._values.addresses import EVERYBODY, AddressSet, network_text
from .host_index import HostIndex
from .reach import ports_between

_FAMILIES = (4, 6)
_WORDS = {
    "ingress": "which don't let it in; to names no class of theirs",
    "egress": "which don't let it out; from names no class of theirs",
}
_MOST = 3
# RFC 4291 2.5.6 and 2.7: what is sent to a group of the link comes from the sender's address on it.
_LINK_LOCAL = AddressSet.of([ip_network("fe80::/10")])
_GROUPS_OF_A_LINK = AddressSet.of([ip_network("ff02::/16")])


def half_flow_remarks(fleet: Fleet) -> Iterator[str]:
    """Yield a line for each zone with managed hosts that deny what a flow opens at its other end.

    And one for the classes and zones that have no family in common with the other end of a flow, and for what is sent
    to the multicast groups of a link alone.
    """
    ends = _Ends(fleet)
    for flow in fleet.resolved.model.flows_of_hosts():
        if flow.name not in fleet.expired:
            found = [*_denied(ends, flow), *_without_family(ends, flow), *_from_the_link(ends, flow)]
            yield from (f"{flow.where}: the flow {flow.name} {words}" for words in found)


@dataclass(frozen=True)
class _Ends:
    """The addresses of classes and zones, and which managed hosts these zones have the addresses of."""

    fleet: Fleet

    @cached_property
    def peers(self) -> Callable[[str, str], AddressSet]:
        """Returns the addresses of a class or a zone on a side, each worked out once."""
        return cache(self.fleet.resolved.peers)

    @cached_property
    def hosts_in(self) -> Callable[[str], dict[str, list[Host]]]:
        """Returns the hosts of each policy that have an address in a zone, looked for once for each zone."""
        return cache(self._hosts_in)

    def _hosts_in(self, zone: str) -> dict[str, list[Host]]:
        """Return the hosts of each policy that a zone has.

        Those in a family of which a zone means everybody, but for exceptions, don't count: it is about strangers.
        """
        resolved = self.fleet.resolved
        networks, whole = resolved.networks[zone], resolved.whole.get(zone, resolved.networks[zone])
        named = [family for family in _FAMILIES if whole.of_family(family) != EVERYBODY.of_family(family)]
        found: dict[str, list[Host]] = {name: [] for name in self.fleet.policies}
        for host in self._index.inside(network for family in named for network in networks.of_family(family)):
            found[self.fleet.sets[host.name]].append(host)
        return {name: hosts for name, hosts in found.items() if hosts}

    @cached_property
    def _index(self) -> HostIndex:
        return HostIndex(self.fleet)

    def host_that_denies(self, flow: Flow, zone: str, name: str, direction: str, peers: Sequence[str]) -> str:
        """Return a host of a policy that a zone has and that lets a flow not through with these peers, or nothing."""
        denied = list(self._remaining(self.fleet.policies[name], flow, direction, peers))
        # What a host sends to itself is never judged.
        found = (
            host.name
            for host in self.hosts_in(zone)[name]
            if any(addresses.exceeds(*passing, host.addresses("")) for addresses, passing in denied)
        )
        return next(found, "") if denied else ""

    def _remaining(
        self, policy: Policy, flow: Flow, direction: str, peers: Sequence[str]
    ) -> Iterator[tuple[AddressSet, list[AddressSet]]]:
        """Yield the addresses of each peer of which a policy denies some on a port, and the sets it doesn't deny."""
        rules, isolated = policy.rules(direction), [*policy.isolated.values()]
        for port in ports_between([rule.ports for rule in rules], flow.ports):
            passing = [rule.addresses for rule in rules if rule.ports.holds(port.protocol, port.number)] + isolated
            for addresses in (self.peers(name, flow.side) for name in peers):
                # Where nothing is denied, one rule most often has all of them.
                if all(self._exceeds(addresses, one) for one in passing) and self._exceeds(addresses, *passing):
                    yield addresses, passing

    @cached_property
    def _exceeds(self) -> Callable[..., bool]:
        """Returns whether any address of a set is in none of the others, worked out once for however many policies."""
        return cache(AddressSet.exceeds)


def _denied(ends: _Ends, flow: Flow) -> Iterator[str]:
    resolved = ends.fleet.resolved
    if flow.end != "both":
        return
    for direction, here, there in (
        ("ingress", flow.receivers, flow.senders),
        ("egress", flow.senders, flow.receivers),
    ):
        managed = [name for name in there if resolved.hosts.get(name)]
        zones = [name for name in here if name in resolved.model.zones] if managed else []
        for zone in zones:
            names = ends.hosts_in(zone)
            hosts = {name: ends.host_that_denies(flow, zone, name, direction, managed) for name in names}
            classes = [f"{name} ({host})" for name, host in hosts.items() if host]
            if classes:
                yield f"is half a flow: zone {zone} has hosts of {_some(classes)}, {_WORDS[direction]}"


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return f"{', '.join(texts[:_MOST])}{more}"


def _without_family(known: _Ends, flow: Flow) -> Iterator[str]:
    senders = {name: _families(known, name, flow.side) for name in flow.senders}
    receivers = {name: _families(known, name, flow.side) for name in flow.receivers}
    if flow.is_narrowed:
        receivers = dict.fromkeys(receivers, _families_of(flow.at))
    for ends, others in ((senders, receivers), (receivers, senders)):
        beyond = set().union(*others.values())
        lost = [name for name, families in ends.items() if families and beyond and not families & beyond]
        if lost:
            (here,), (there,) = ends[lost[0]], beyond
            yield f"opens nothing for {', '.join(lost)}: IPv{here} alone, and {', '.join(others)} IPv{there} alone"
        if len(lost) == len(ends):
            return


def _from_the_link(known: _Ends, flow: Flow) -> Iterator[str]:
    groups = flow.at & _GROUPS_OF_A_LINK if flow.is_narrowed else AddressSet()
    senders = [known.peers(name, flow.side) for name in flow.senders]
    if groups and flow.end != "egress" and _LINK_LOCAL.exceeds(*senders):
        texts = ", ".join(network_text(one) for one in groups.of_family(6))
        come = "which comes from addresses of the link: add a zone of fe80::/10 to from"
        yield f"doesn't let in what is sent to {texts}, {come}"


def _families(known: _Ends, name: str, side: str) -> set[int]:
    """Return the families in which a class or a zone has addresses, or may have some tomorrow."""
    return {*_FAMILIES} if known.fleet.resolved.names.get(name) else _families_of(known.peers(name, side))


def _families_of(addresses: AddressSet) -> set[int]:
    return {family for family in _FAMILIES if addresses.of_family(family)}
