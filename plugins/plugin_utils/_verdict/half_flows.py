# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Flows that one end opens in vain: managed hosts in a zone don't know of them, or the other end has another family."""

from __future__ import annotations

from collections.abc import Iterator

from .._model.model import Flow
from .._policy.compile import Fleet
from .._policy.resolve import Host, Resolved
from .._values.addresses import EVERYBODY, AddressSet
from .owners import Owners
from .reach import allowed, ports_between

_FAMILIES = (4, 6)
_ENDS = {"ingress": ("to", "in"), "egress": ("from", "out")}


def half_flow_remarks(fleet: Fleet) -> Iterator[str]:
    """Yield a line for each zone with managed hosts that shut out what a flow opens at its other end.

    And one for each class or zone that has no family in common with the other end of a flow.
    """
    owners = Owners(fleet)
    for flow in fleet.resolved.model.flows_of_hosts():
        if flow.name not in fleet.expired:
            found = [*_shut_out(owners, flow), *_without_family(fleet.resolved, flow)]
            yield from (f"{flow.where}: the flow {flow.name} {words}" for words in found)


def _shut_out(owners: Owners, flow: Flow) -> Iterator[str]:
    zones = owners.fleet.resolved.model.zones
    for direction, ends, others in (
        ("ingress", flow.receivers, flow.senders),
        ("egress", flow.senders, flow.receivers),
    ):
        managed = [name for name in others if owners.fleet.resolved.hosts.get(name)]
        for zone in (name for name in ends if name in zones and flow.end == "both" and managed):
            peers = AddressSet.union(owners.fleet.resolved.peers(name, flow.side) for name in managed)
            for host in _hosts_that_deny(owners, flow, zone, direction, peers):
                key, way = _ENDS[direction]
                node_class = owners.fleet.classes[host.name]
                yield (
                    f"is half a flow: zone {zone} has the address of {host.name}, of class {node_class}, which doesn't "
                    f"let it {way}; name {node_class} in {key}"
                )


def _hosts_that_deny(owners: Owners, flow: Flow, zone: str, direction: str, peers: AddressSet) -> Iterator[Host]:
    """Yield one host of each class that a zone holds and whose policy doesn't let a flow through with these peers."""
    fleet = owners.fleet
    for node_class, inside in owners.senders(zone, _said(fleet.resolved, zone)).parts.items():
        policy = fleet.policies.get(node_class)
        if not policy:
            continue
        open_ports = [rule.ports for rule in policy.rules(direction)]
        passing = [allowed(policy, direction, port) for port in ports_between(open_ports, flow.ports)]
        denied = AddressSet.union(peers - one for one in passing) - policy.isolated
        hosts = (host for host in fleet.hosts.values() if fleet.classes[host.name] == node_class)
        # What a host sends to itself is never judged.
        found = (host for host in hosts if host.addresses("") & inside and denied - host.addresses(""))
        first = next(found, None)
        if first:
            yield first


def _said(resolved: Resolved, zone: str) -> AddressSet:
    """Return a zone's networks, without those of a family of which it means everybody but the exceptions."""
    networks, whole = resolved.networks[zone], resolved.whole.get(zone, resolved.networks[zone])
    named = [family for family in _FAMILIES if whole.of_family(family) != EVERYBODY.of_family(family)]
    return AddressSet.of(network for family in named for network in networks.of_family(family))


def _without_family(resolved: Resolved, flow: Flow) -> Iterator[str]:
    senders = {name: _families(resolved, name, flow.side) for name in flow.senders}
    receivers = {name: _families(resolved, name, flow.side) for name in flow.receivers}
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


def _families(resolved: Resolved, name: str, side: str) -> set[int]:
    """Return the families in which a class or a zone has addresses, or may have some tomorrow."""
    return {*_FAMILIES} if resolved.names.get(name) else _families_of(resolved.peers(name, side))


def _families_of(addresses: AddressSet) -> set[int]:
    return {family for family in _FAMILIES if addresses.of_family(family)}
