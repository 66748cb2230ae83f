# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What has passed and what would not have: counters by flow, and what hosts that only observe have let through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .._host_facts.observed import Seen
from .._host_facts.state import Count
from .._values.ports import PROTOCOLS
from .html import code, count, folded, items, link, table, text
from .report import Report, by_classes

_MOST = 200
"""A host keeps at most a few thousand peers: the page has those of each class that were seen most often."""


@dataclass(frozen=True)
class _Sum:
    """One thing that hosts of a class have counted, together."""

    hosts: int = 0
    packets: int = 0
    first: str = ""
    last: str = ""

    def and_also(self, one: Count | Seen) -> _Sum:
        times = [time for time in (self.first, one.first) if time] if isinstance(one, Seen) else []
        last = max(self.last, one.last) if isinstance(one, Seen) else ""
        return _Sum(self.hosts + 1, self.packets + one.packets, min(times, default=""), last)


def usage(report: Report) -> Iterator[str]:
    """Yield how often each flow was used, by class; nothing where no host counts."""
    rows = [
        [
            link(report.place(name), text(name)),
            code(flow),
            text(direction),
            _number(seen),
            f"{seen.hosts:,}",
        ]
        for name, own in by_classes(report).items()
        for (flow, direction), seen in _together((_flow(one), one) for host in own for one in host.usage).items()
    ]
    if rows:
        never = sum(row[3] == "none" for row in rows)
        unused = f"{never:,} of {count(len(rows), 'flow')} by class and direction not used"
        heads = ["class", "flow", "direction", "attempts", "hosts that count"]
        yield from folded("Use", unused, len(rows), table(heads, rows, "numbers words-3"))


def observed(report: Report) -> Iterator[str]:
    """Yield what hosts have let through that no flow asks for, by class; nothing where none has seen any."""
    for name, own in by_classes(report).items():
        found = _together((_peer(one), one) for host in own if host.observed for one in host.observed.seen)
        most = sorted(found.items(), key=lambda pair: -pair[1].packets)
        if found:
            peers = f"{name}, {count(len(found), 'peer and port', 'peers and ports')}"
            lines = _observed_table([_observed_row(*pair) for pair in most[:_MOST]], len(found) - _MOST)
            yield from folded("Let through without a flow", peers, len(found), lines)


def _observed_table(rows: list[list[str]], more: int) -> Iterator[str]:
    heads = ["peer", "direction", "port", "packets", "hosts", "first", "last"]
    yield from table(heads, rows, "numbers words-3")
    if more > 0:
        yield from items([f"and {more:,} more, each seen less often"])


def _observed_row(key: tuple[str, ...], seen: _Sum) -> list[str]:
    address, direction, port = key
    where = [code(address), text(direction), code(port)]
    return [*where, _number(seen), f"{seen.hosts:,}", text(seen.first), text(seen.last)]


def _flow(one: Count) -> tuple[str, ...]:
    return (one.flow, one.direction)


def _peer(one: Seen) -> tuple[str, ...]:
    port = f"{one.port}/{one.protocol}" if one.protocol in PROTOCOLS else one.protocol
    return (str(one.address), one.direction, port)


def _together(counted: Iterable[tuple[tuple[str, ...], Count | Seen]]) -> dict[tuple[str, ...], _Sum]:
    """Return what stands under the same key, added up."""
    found: dict[tuple[str, ...], _Sum] = {}
    for key, one in counted:
        found[key] = found.get(key, _Sum()).and_also(one)
    return found


def _number(seen: _Sum) -> str:
    return f"{seen.packets:,}" if seen.packets else "none"
