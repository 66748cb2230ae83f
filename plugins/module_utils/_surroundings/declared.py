# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the model says of one host that the host alone can be held to, as the controller sends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Sequence, Tuple

from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules import Match, Ranges, shared

PortRange = Tuple[str, int, int]
"""A protocol, the first and the last port."""

PROTOCOLS = ("tcp", "udp", "sctp")
_EVERY: Ranges = ((0, 65535),)


@dataclass(frozen=True)
class Stage:
    """Ports that a host judges before DNAT at its own addresses, and at these that are none of its own."""

    ports: Sequence[PortRange]
    addresses: Sequence[str]


@dataclass(frozen=True)
class Carried:
    """By which interfaces and in which networks others are behind the host, and whether these are to be kept apart."""

    interfaces: Sequence[str] = ()
    networks: Sequence[str] = ()
    is_isolated: bool = False


@dataclass(frozen=True)
class Declared:
    """A host's addresses and interfaces, what its flows let in and out, and what it judges before DNAT, and where.

    ``elsewhere`` has addresses that are none of its own: those that flows are for alone, and those of pre_dnat. Where
    ``antispoof`` has sources judged, ``sided_peers`` are those who come in by a side: the side, the peer, an address.
    ``carried`` is None where no class says anything of those behind the host.
    """

    addresses: Sequence[str] = ()
    interfaces: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ingress: Sequence[PortRange] = ()
    egress: Sequence[PortRange] = ()
    pre_dnat: Sequence[Stage] = ()
    elsewhere: Sequence[str] = ()
    antispoof: str = "off"
    sided_peers: Sequence[Sequence[str]] = ()
    carried: Carried | None = None

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> Declared | None:
        """Return what a module's parameters say; None where the controller says nothing."""
        declared: dict[str, Any] = params.get("declared") or {}
        if not declared:
            return None
        sides: dict[str, list[str]] = params.get("addresses") or {}
        carried = declared.get("carries")
        stages = [Stage(_ranges(one["ports"]), one["addresses"]) for one in declared.get("pre_dnat", ())]
        return cls(
            addresses=[text for texts in sides.values() for text in texts],
            interfaces=params.get("interfaces") or declared.get("interfaces") or {},
            ingress=_ranges(declared.get("ingress", ())),
            egress=_ranges(declared.get("egress", ())),
            pre_dnat=stages,
            elsewhere=[*declared.get("at", ()), *(text for stage in stages for text in stage.addresses)],
            antispoof=declared.get("antispoof", "off"),
            sided_peers=declared.get("sided_peers", ()),
            carried=Carried(carried["interfaces"], carried["networks"], carried["isolated"]) if carried else None,
        )


def _ranges(texts: Iterable[str]) -> Sequence[PortRange]:
    """Return ports as a policy's data writes them: ``22/tcp``, ``30000-32767/udp``, ``all``."""
    found: list[PortRange] = []
    for text in texts:
        numbers, _slash, protocol = text.partition("/")
        low, _dash, high = numbers.partition("-")
        found += of_match(Match()) if text == "all" else [(protocol, int(low), int(high or low))]
    return found


def of_match(match: Match) -> list[PortRange]:
    """Return the ports that a rule of others is about."""
    protocols = [name for name in PROTOCOLS if match.protocols is None or name in match.protocols]
    return [(name, low, high) for name in protocols for low, high in match.ports or _EVERY]


def in_both(some: Iterable[PortRange], others: Iterable[PortRange]) -> list[PortRange]:
    """Return the ports of both."""
    known = list(others)
    return [
        (protocol, *pair)
        for protocol, low, high in some
        for name, first, last in known
        if name == protocol
        for pair in shared(((low, high),), ((first, last),)) or ()
    ]


def without(some: Iterable[PortRange], others: Iterable[PortRange]) -> list[PortRange]:
    """Return the ports of the first that are none of the others."""
    left = list(some)
    for name, first, last in others:
        cut: list[PortRange] = []
        for protocol, low, high in left:
            parts = ((low, min(high, first - 1)), (max(low, last + 1), high)) if protocol == name else ((low, high),)
            cut += [(protocol, one, two) for one, two in parts if one <= two]
        left = cut
    return left


def in_words(ports: Iterable[PortRange]) -> str:
    """Return ports as a model writes them."""
    texts = [
        f"every {protocol} port" if (low, high) in _EVERY else f"{low}{f'-{high}' if high > low else ''}/{protocol}"
        for protocol, low, high in sorted(set(ports), key=lambda one: (PROTOCOLS.index(one[0]), one[1:]))
    ]
    return ", ".join(texts)
