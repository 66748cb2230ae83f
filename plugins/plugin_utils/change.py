"""What another model would open and close: exactly, over all addresses and ports, by class and direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from .addresses import EVERYBODY, AddressSet
from .compile import DIRECTIONS, Fleet, Policy
from .ports import ALL_PORTS, PortRange, PortSet
from .reach import OTHER, Port, allowed, destinations, narrowed, ports_between
from .readers import SIDES

_LAST_PORT = 65535
_WITHOUT_PORTS = "every protocol without ports"


@dataclass(frozen=True)
class Change:
    """Peers to whom hosts of a class are opened, or closed, in one direction on some ports.

    ``side`` is empty where it makes no difference on which interface a packet is. ``ports`` are as a model writes them.
    ``at`` has the addresses of the hosts that packets are for: all, unless flows are for some alone.
    """

    node_class: str
    direction: str
    side: str
    ports: tuple[str, ...]
    opened: AddressSet
    closed: AddressSet
    flows: tuple[str, ...]
    at: AddressSet = EVERYBODY

    def as_data(self) -> dict[str, Any]:
        """Return the change as data that JSON and YAML can hold."""
        return {
            "class": self.node_class,
            "direction": self.direction,
            "side": self.side,
            "ports": list(self.ports),
            "at": self.at.texts(),
            "opened": self.opened.texts(),
            "closed": self.closed.texts(),
            "flows": list(self.flows),
        }


def changes(before: Fleet, after: Fleet) -> list[Change]:
    """Return what hosts of each class let through in one fleet and not in the other.

    A class that only one of them has denies everything in the other, as far as this is about.
    """
    found: list[Change] = []
    for name in dict.fromkeys([*before.policies, *after.policies]):
        policies = [fleet.policies.get(name, Policy(name)) for fleet in (before, after)]
        for direction in DIRECTIONS:
            by_side = {side: _changes_at_all(policies, direction, side) for side in SIDES}
            # Where both sides fare alike, the side is nothing to speak of.
            first, *others = by_side.values()
            same = all(other == first for other in others)
            for side, rows in {"": first}.items() if same else by_side.items():
                found += [replace(row, side=side) for row in rows]
    return found


def _changes_at_all(policies: Sequence[Policy], direction: str, side: str) -> list[Change]:
    """Return the changes on one side; addresses of the hosts at which they are the same stand together."""
    own = [_on_side(policy, side) for policy in policies]
    found: dict[Change, list[AddressSet]] = {}
    for part in destinations(*own) if direction == "ingress" else [EVERYBODY]:
        before, after = (narrowed(policy, part) for policy in own)
        for row in _changes(before, after, direction):
            found.setdefault(row, []).append(part)
    return [replace(row, at=AddressSet.union(parts)) for row, parts in found.items()]


def _changes(before: Policy, after: Policy, direction: str) -> Iterator[Change]:
    """Yield the changes at one part of the hosts' addresses; ports with the same peers stand together."""
    together: dict[tuple[AddressSet, AddressSet, tuple[str, ...]], list[tuple[Port, int]]] = {}
    for port, last in _ranges([rule.ports for policy in (before, after) for rule in policy.rules(direction)]):
        old, new = allowed(before, direction, port), allowed(after, direction, port)
        opened, closed = new - old, old - new
        if opened or closed:
            flows = (*_flows(after, direction, port, opened), *_flows(before, direction, port, closed))
            together.setdefault((opened, closed, tuple(dict.fromkeys(flows))), []).append((port, last))
    for (opened, closed, flows), ranges in together.items():
        yield Change(before.node_class, direction, "", _texts(ranges), opened, closed, flows)


def _on_side(policy: Policy, side: str) -> Policy:
    ingress, egress = (
        tuple(rule for rule in rules if rule.side in ("", side)) for rules in (policy.ingress, policy.egress)
    )
    return replace(policy, ingress=ingress, egress=egress)


def _ranges(edges: Sequence[PortSet]) -> Iterator[tuple[Port, int]]:
    """Yield the first and the last of ports that fare alike, and what stands for the protocols without ports."""
    found = [*ports_between(edges, ALL_PORTS)]
    for port, following in pairwise([*found, Port("", None)]):
        within = following.protocol == port.protocol and following.number
        yield port, (following.number or 0) - 1 if within else _LAST_PORT


def _flows(policy: Policy, direction: str, port: Port, peers: AddressSet) -> Iterator[str]:
    for rule in policy.rules(direction) if peers else ():
        if rule.ports.holds(port.protocol, port.number) and rule.addresses & peers:
            yield rule.flow


def _texts(ranges: Sequence[tuple[Port, int]]) -> tuple[str, ...]:
    ports = PortSet.of(PortRange(port.protocol, port.number or 0, last) for port, last in ranges if port.number)
    without_ports = any(port.protocol == OTHER for port, _last in ranges)
    if without_ports and ports == PortSet.parse("1-65535/tcp+udp+sctp"):
        return tuple(ALL_PORTS.texts())
    return (*ports.texts(), *([_WITHOUT_PORTS] if without_ports else []))
