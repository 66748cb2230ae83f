# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Ports as a firewall sees them: a protocol and a range, or everything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .port_hints import port_hint

PROTOCOLS = ("tcp", "udp", "sctp")
EXPECTED_PORTS = 'a port such as "443/tcp", "30000-32767/udp", "53/tcp+udp" or "all"'

_PORTS = re.compile(r"(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?/(?P<protocols>[a-z+]+)", re.ASCII)


class PortError(ValueError):
    """A text that is no port; ``expected`` and ``hint`` say what would be one."""

    def __init__(self, expected: str, hint: str = "") -> None:
        """Keep both parts of the message."""
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


@dataclass(frozen=True, order=True)
class PortRange:
    """Ports ``first`` to ``last`` (inclusive) of one protocol."""

    protocol: str
    first: int
    last: int

    def __str__(self) -> str:
        """Return the range as it is written in a model."""
        ports = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{ports}/{self.protocol}"


@dataclass(frozen=True)
class PortSet:
    """A set of ports: disjoint ranges, sorted by protocol and port; or ``everything``, whatever the protocol."""

    ranges: tuple[PortRange, ...] = ()
    everything: bool = False

    @classmethod
    def of(cls, ranges: Iterable[PortRange]) -> PortSet:
        """Return the union of ranges: adjacent and overlapping ones of the same protocol join."""
        merged: list[PortRange] = []
        for item in sorted(ranges, key=lambda item: (PROTOCOLS.index(item.protocol), item.first)):
            last = merged[-1] if merged else None
            if last and last.protocol == item.protocol and item.first <= last.last + 1:
                merged[-1] = PortRange(last.protocol, last.first, max(last.last, item.last))
            else:
                merged.append(item)
        return cls(tuple(merged))

    @classmethod
    def parse(cls, text: object) -> PortSet:
        """Read one entry of a model's ``ports``; raise PortError where it is none."""
        if text == "all":
            return ALL_PORTS
        match = _PORTS.fullmatch(text) if isinstance(text, str) else None
        if not match:
            raise PortError(EXPECTED_PORTS, port_hint(text))
        first, last = int(match["first"]), int(match["last"] or match["first"])
        if not (1 <= first <= 65535 and 1 <= last <= 65535):
            raise PortError("ports between 1 and 65535")
        if first > last:
            raise PortError("a range that goes upwards", f"did you mean {last}-{first}/{match['protocols']}?")
        return cls.of(PortRange(protocol, first, last) for protocol in _protocols(match["protocols"]))

    def __or__(self, other: PortSet) -> PortSet:
        """Return the ports of either set."""
        if self.everything or other.everything:
            return ALL_PORTS
        return PortSet.of(self.ranges + other.ranges)

    def __and__(self, other: PortSet) -> PortSet:
        """Return the ports of both sets."""
        if self.everything or other.everything:
            return other if self.everything else self
        shared = [
            PortRange(one.protocol, max(one.first, two.first), min(one.last, two.last))
            for one in self.ranges
            for two in other.ranges
            if one.protocol == two.protocol
        ]
        return PortSet.of(item for item in shared if item.first <= item.last)

    def __sub__(self, other: PortSet) -> PortSet:
        """Return the ports of this set that are not in the other; of everything, nothing can be taken but all."""
        if self.everything or other.everything:
            return PortSet() if other.everything else self
        left = list(self.ranges)
        for item in other.ranges:
            left = [part for one in left for part in _cut(one, item)]
        return PortSet(tuple(left))

    def __bool__(self) -> bool:
        """Return whether the set has any port."""
        return self.everything or bool(self.ranges)

    def holds(self, protocol: str, port: int | None) -> bool:
        """Return whether a packet to this port is in the set."""
        if self.everything:
            return True
        return port is not None and any(
            item.protocol == protocol and item.first <= port <= item.last for item in self.ranges
        )

    def texts(self) -> list[str]:
        """Return the set as a model would list it."""
        return ["all"] if self.everything else [str(item) for item in self.ranges]

    def __str__(self) -> str:
        """Return the set in one line."""
        return " ".join(self.texts()) or "no port"


ALL_PORTS = PortSet(everything=True)


def _cut(one: PortRange, other: PortRange) -> list[PortRange]:
    """Return what of one range is not in the other."""
    if one.protocol != other.protocol:
        return [one]
    before = PortRange(one.protocol, one.first, min(one.last, other.first - 1))
    after = PortRange(one.protocol, max(one.first, other.last + 1), one.last)
    return [part for part in (before, after) if part.first <= part.last]


def _protocols(text: str) -> list[str]:
    names = text.split("+")
    for name in names:
        if name not in PROTOCOLS:
            raise PortError(f"a protocol of {', '.join(PROTOCOLS)}, or two joined by +", port_hint(name))
    return names
