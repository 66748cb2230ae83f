# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What another model would open and close: exactly, over all addresses and ports, by classes and direction.

Hosts of the same classes before and after stand together, so that a host that gains or loses a class is compared, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from ...module_utils._contract.kinds import FORWARD_IN, FORWARD_OUT, FORWARDED, way_of
from .._policy.compile import Fleet, Policy, Rule
from .._policy.describe import describe_carried
from .._values.addresses import EVERYBODY, AddressSet
from .._values.always_allowed import dhcp
from .._values.direction import DIRECTIONS, FORWARD
from .._values.ports import ALL_PORTS, PortRange, PortSet
from .._values.readers import SIDES
from .reach import OTHER, Port, allowed, allowed_behind, destinations, narrowed, partition, ports_between

PRE_DNAT = "pre-DNAT"
"""The direction of what hosts redirect to pods and containers, where only one of two models has it judged."""

_LAST_PORT = 65535
_WITHOUT_PORTS = "every protocol without ports"
_ECHO_REQUESTS = "echo requests"
_ECHO = Port(_ECHO_REQUESTS, None)
_DHCP_CLIENT = "DHCP"
_DHCP = Port(_DHCP_CLIENT, None)
_EVERYBODY = {network.version: network for network in EVERYBODY.networks}
_NO_CLASS = "no class"
_SHOWN = 5
_ANYTHING = Rule("", "", EVERYBODY, ALL_PORTS)
_NOBODYS = Policy((), ingress=(_ANYTHING,), egress=(_ANYTHING,))
"""Of a host in no class: nothing is enforced there."""


@dataclass(frozen=True)
class Change:
    """Peers to which hosts of the same classes are opened, or closed, in one direction on some ports.

    ``hosts`` is what the set of their classes is called; where it was another one, that and the hosts, too.
    ``side`` is empty where it makes no difference on which interface a packet is. ``ports`` are as a model writes them.
    ``at`` has the addresses of the hosts that packets are for: all, unless flows are for some alone. A row of the
    direction ``forward`` opens and closes nothing by itself: ``words`` say who is behind the hosts, and who was.
    """

    hosts: str
    direction: str
    side: str
    ports: tuple[str, ...]
    opened: AddressSet
    closed: AddressSet
    flows: tuple[str, ...]
    at: AddressSet = EVERYBODY
    words: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return the change as data that JSON and YAML can hold."""
        return {
            "class": self.hosts,
            "direction": self.direction,
            "side": self.side,
            "ports": list(self.ports),
            "at": self.at.texts(),
            "opened": self.opened.texts(),
            "closed": self.closed.texts(),
            "flows": list(self.flows),
            "words": list(self.words),
        }


def changes(before: Fleet, after: Fleet) -> list[Change]:
    """Return what hosts let through in one fleet and not in the other; one in no class lets everything through."""
    together: dict[tuple[str, str], list[str]] = {}
    for host in dict.fromkeys([*before.sets, *after.sets]):
        together.setdefault((before.sets.get(host, ""), after.sets.get(host, "")), []).append(host)
    found: list[Change] = []
    for (old, new), hosts in together.items():
        policies = (before.policies.get(old, _NOBODYS), after.policies.get(new, _NOBODYS))
        found += [replace(row, hosts=_called(old, new, hosts)) for row in _changes_of(policies)]
    return found


def _called(old: str, new: str, hosts: Sequence[str]) -> str:
    """Return what people call hosts of the same classes; of those that had others, which ones they are."""
    if old == new:
        return new
    more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
    return f"{new or _NO_CLASS} (was {old or _NO_CLASS}): {', '.join(hosts[:_SHOWN])}{more}"


def _changes_of(policies: Sequence[Policy]) -> Iterator[Change]:
    before, after = policies
    if before.carries != after.carries:
        nothing = AddressSet()
        yield Change(
            "", FORWARD, "", (), nothing, nothing, (), words=(_behind("before", before), _behind("after", after))
        )
    for direction in (*DIRECTIONS, PRE_DNAT, *_forwarded(before, after)):
        by_side = {side: _changes_at_all(policies, direction, side) for side in SIDES}
        first, *others = by_side.values()
        if all(other == first for other in others):
            by_side = {"": first}  # the same on both sides: one row, without a side
        for side, rows in by_side.items():
            yield from (replace(row, side=side) for row in rows)


def _behind(when: str, policy: Policy) -> str:
    lines = [line.removeprefix("carried: ") for line in describe_carried(policy)]
    return f"{when}: {'; '.join(lines) or 'nothing that these hosts forward is judged'}"


def _forwarded(before: Policy, after: Policy) -> Iterator[str]:
    """Yield the kinds in which those behind the hosts fare otherwise than the rows of ingress and egress say."""
    if bool(before.carries) != bool(after.carries) or before.isolates_carried != after.isolates_carried:
        yield from FORWARDED
    elif before.carries.excepted != after.carries.excepted:
        yield FORWARD_OUT


def _changes_at_all(policies: Sequence[Policy], direction: str, side: str) -> list[Change]:
    """Return the changes on one side; addresses of the hosts at which they are the same stand together."""
    own = [_on_side(policy, side) for policy in policies]
    services = AddressSet.union(policy.pre_dnat_addresses for policy in own)
    found: dict[Change, list[AddressSet]] = {}
    for part in _parts(own, direction):
        before, after = (_at(policy, part, services) for policy in own)
        for row in _changes(before, after, direction):
            found.setdefault(row, []).append(part)
    return [replace(row, at=AddressSet.union(parts)) for row, parts in found.items()]


def _parts(policies: Sequence[Policy], direction: str) -> list[AddressSet]:
    """Return the addresses that packets are for, in parts that fare alike."""
    if direction in ("egress", FORWARD_OUT):
        return [EVERYBODY]
    if direction in ("ingress", FORWARD_IN):
        return destinations(*policies)
    rules = [rule.at for policy in policies for rule in policy.ingress]
    return partition([*rules, *(stage.addresses for policy in policies for stage in policy.pre_dnat)])


def _at(policy: Policy, part: AddressSet, services: AddressSet) -> Policy:
    """Return a policy as it is for packets to some addresses. A service's is judged before DNAT only where it is named.

    Any other is taken for the host's own.
    """
    is_own = bool(part - services)
    judging = tuple(stage for stage in policy.pre_dnat if is_own or not part - stage.addresses)
    return replace(narrowed(policy, part), pre_dnat=judging)


def _changes(before: Policy, after: Policy, direction: str) -> Iterator[Change]:
    """Yield the changes at one part of the hosts' addresses; ports with the same peers stand together."""
    together: dict[tuple[AddressSet, AddressSet, tuple[str, ...]], list[tuple[Port, int]]] = {}
    for port, last in _asked(before, after, direction):
        old, new = _passing(before, direction, port), _passing(after, direction, port)
        opened, closed = new - old, old - new
        if opened or closed:
            flows = (*_flows(after, direction, port, opened), *_flows(before, direction, port, closed))
            together.setdefault((opened, closed, tuple(dict.fromkeys(flows))), []).append((port, last))
    for (opened, closed, flows), ranges in together.items():
        yield Change("", direction, "", _texts(ranges), opened, closed, flows)


def _asked(before: Policy, after: Policy, direction: str) -> Iterator[tuple[Port, int]]:
    """Yield the first and the last of ports that fare alike, where the two policies may differ."""
    if direction in FORWARDED:
        yield from _ranges([rule.ports for policy in (before, after) for rule in policy.rules(way_of(direction))])
        return
    if direction != PRE_DNAT:
        yield from _ranges([rule.ports for policy in (before, after) for rule in policy.rules(direction)])
        if before.echo_request != after.echo_request:
            yield _ECHO, _LAST_PORT
        if before.dhcp != after.dhcp:
            yield _DHCP, _LAST_PORT
        return
    # What both judge before DNAT is judged by the rules of ingress, where it stands already.
    edges = [rule.ports for policy in (before, after) for rule in policy.ingress]
    for port, last in _ranges([*edges, before.pre_dnat_ports, after.pre_dnat_ports]):
        if _is_judged(before, port) != _is_judged(after, port):
            yield port, last


def _passing(policy: Policy, direction: str, port: Port) -> AddressSet:
    """Return the peers that pass in one direction on a port."""
    if direction in FORWARDED:
        return allowed_behind(policy, way_of(direction), port) if policy.carries else EVERYBODY
    if direction == PRE_DNAT:
        return allowed(policy, "ingress", port) if _is_judged(policy, port) else EVERYBODY
    if port == _ECHO:
        return EVERYBODY if policy.echo_request else allowed(policy, direction, Port(OTHER, None))
    return _leasing(policy, direction) if port == _DHCP else allowed(policy, direction, port)


def _leasing(policy: Policy, direction: str) -> AddressSet:
    """Return the peers with which hosts may talk as DHCP clients."""
    found = [AddressSet()]
    for family, everybody in _EVERYBODY.items():
        expected, open_now = (dhcp(direction, family, is_client) for is_client in (True, policy.dhcp))
        # All that a client sends, or hears, in one family goes to one port (RFC 2131 4.1, RFC 8415 7.2).
        by_flow = allowed(policy, direction, Port("udp", expected[0].port)).of_family(family)
        peers = (one.source if direction == "ingress" else one.destination for one in open_now)
        found.append(AddressSet.of([*by_flow, *(peer or everybody for peer in peers)]))
    return AddressSet.union(found)


def _is_judged(policy: Policy, port: Port) -> bool:
    return policy.pre_dnat_ports.holds(port.protocol, port.number)


def _on_side(policy: Policy, side: str) -> Policy:
    judging = tuple(stage for stage in policy.pre_dnat if stage.side in ("", side))
    ingress, egress = (
        tuple(rule for rule in rules if rule.side in ("", side)) for rules in (policy.ingress, policy.egress)
    )
    return replace(policy, ingress=ingress, egress=egress, pre_dnat=judging)


def _ranges(edges: Sequence[PortSet]) -> Iterator[tuple[Port, int]]:
    """Yield the first and the last of ports that fare alike, and what stands for the protocols without ports."""
    found = [*ports_between(edges, ALL_PORTS)]
    for port, following in pairwise([*found, Port("", None)]):
        within = following.protocol == port.protocol and following.number
        yield port, (following.number or 0) - 1 if within else _LAST_PORT


def _flows(policy: Policy, direction: str, port: Port, peers: AddressSet) -> Iterator[str]:
    """Yield the flows by which peers pass; what is not judged passes by none."""
    if not peers or direction == PRE_DNAT or (direction in FORWARDED and not policy.carries):
        return
    for rule in policy.rules(way_of(direction)):
        if rule.flow and rule.ports.holds(port.protocol, port.number) and rule.addresses & peers:
            yield rule.flow


def _texts(ranges: Sequence[tuple[Port, int]]) -> tuple[str, ...]:
    ports = PortSet.of(PortRange(port.protocol, port.number or 0, last) for port, last in ranges if port.number)
    protocols = {port.protocol for port, _last in ranges}
    others = [word for word in (_ECHO_REQUESTS, _DHCP_CLIENT) if word in protocols]
    # All ports and every protocol without: a model writes that as `all`.
    if OTHER in protocols and ports == PortSet.parse("1-65535/tcp+udp+sctp"):
        return (*ALL_PORTS.texts(), *others)
    return (*ports.texts(), *([_WITHOUT_PORTS] if OTHER in protocols else []), *others)
