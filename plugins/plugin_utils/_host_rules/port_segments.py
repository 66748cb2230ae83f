# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From the rules of a policy to ranges of ports in which the same rules decide: what a renderer dispatches by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .._policy.compile import Rule
from .._values.ports import PortRange, PortSet


@dataclass(frozen=True)
class Segment:
    """A range of ports of one protocol in which the same rules decide; ``chain`` is the first port of those alike."""

    first: int
    last: int
    chain: int
    rules: tuple[Rule, ...]


def range_text(item: PortRange | Segment, to: str) -> str:
    """Return a range with what its ends are joined by; a single port stands alone."""
    return str(item.first) if item.first == item.last else f"{item.first}{to}{item.last}"


def segments(rules: Iterable[Rule], protocol: str) -> list[Segment]:
    """Cut the ports of a protocol where the set of rules that name them changes; rules for everything don't count."""
    ranges = [
        (item.first, item.last, rule)
        for rule in rules
        if rule.is_for_somebody and not rule.ports.everything
        for item in rule.ports.ranges
        if item.protocol == protocol
    ]
    starts = sorted({first for first, _last, _rule in ranges} | {last + 1 for _first, last, _rule in ranges})
    found: list[Segment] = []
    chains: dict[tuple[tuple[str, str, bool], ...], int] = {}
    for first, end in pairwise(starts):
        deciding = tuple(rule for low, high, rule in ranges if low <= first and end - 1 <= high)
        if deciding:
            alike = tuple((rule.flow, rule.peer, bool(rule.names)) for rule in deciding)
            found.append(Segment(first, end - 1, chains.setdefault(alike, first), deciding))
    return found


def within(found: Sequence[Segment], ports: PortSet, protocol: str) -> Iterator[Segment]:
    """Yield the parts of segments that lie in a set of ports."""
    for segment in found:
        for item in ports.ranges:
            first, last = max(segment.first, item.first), min(segment.last, item.last)
            if item.protocol == protocol and first <= last:
                yield replace(segment, first=first, last=last)


def by_chain(parts: Iterable[Segment]) -> Iterable[list[Segment]]:
    """Return the segments in which the same rules decide together."""
    found: dict[int, list[Segment]] = {}
    for part in parts:
        found.setdefault(part.chain, []).append(part)
    return found.values()
