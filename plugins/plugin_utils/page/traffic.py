"""What has passed and what would not have: counters by flow, and what hosts that only observe have let through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..live import Live
from .html import code, count, folded, items, link, table, text
from .report import Report, by_class

_MOST = 200
"""A host keeps at most a few thousand peers: the page has those of each class that were seen most often."""


@dataclass(frozen=True)
class _Seen:
    """One thing that hosts of a class have counted, together."""

    hosts: int = 0
    packets: int = 0
    first: str = ""
    last: str = ""

    def and_also(self, row: Mapping[str, Any]) -> _Seen:
        times = [time for time in (self.first, str(row.get("first") or "")) if time]
        first, last = min(times, default=""), max(self.last, str(row.get("last") or ""))
        return _Seen(self.hosts + 1, self.packets + int(row["packets"]), first, last)


def usage(report: Report) -> Iterator[str]:
    """Yield how often each flow was used, by class; nothing where no host counts."""
    rows = [
        [
            link(report.place(node_class), text(node_class)),
            code(flow),
            text(direction),
            _number(seen),
            f"{seen.hosts:,}",
        ]
        for node_class, own in by_class(report).items()
        for (flow, direction), seen in _together(own, "usage", ("flow", "direction")).items()
    ]
    if rows:
        never = sum(row[3] == "none" for row in rows)
        unused = f"{never:,} of {count(len(rows), 'flow')} by class and direction not used"
        heads = ["class", "flow", "direction", "new connections", "hosts that count"]
        yield from folded("Use", unused, len(rows), table(heads, rows, "numbers words-3"))


def observed(report: Report) -> Iterator[str]:
    """Yield what hosts have let through that no flow asks for, by class; nothing where none has seen any."""
    for node_class, own in by_class(report).items():
        found = _together(own, "observed", ("direction", "address", "protocol", "port"))
        most = sorted(found.items(), key=lambda pair: -pair[1].packets)
        if found:
            peers = f"{node_class}, {count(len(found), 'peer and port', 'peers and ports')}"
            lines = _observed_table([_observed_row(*pair) for pair in most[:_MOST]], len(found) - _MOST)
            yield from folded("Let through without a flow", peers, len(found), lines)


def _observed_table(rows: list[list[str]], more: int) -> Iterator[str]:
    heads = ["peer", "direction", "port", "packets", "hosts", "first", "last"]
    yield from table(heads, rows, "numbers words-3")
    if more > 0:
        yield from items([f"and {more:,} more, each seen less often"])


def _observed_row(key: tuple[Any, ...], seen: _Seen) -> list[str]:
    direction, address, protocol, port = key
    where = [code(address), text(direction), code(f"{port}/{protocol}" if port else protocol)]
    return [*where, _number(seen), f"{seen.hosts:,}", text(seen.first), text(seen.last)]


def _together(own: list[Live], field: str, keys: tuple[str, ...]) -> dict[tuple[Any, ...], _Seen]:
    """Return what the hosts have in a field of theirs, added up by these keys."""
    found: dict[tuple[Any, ...], _Seen] = {}
    for one in own:
        for entry in getattr(one, field, ()):
            row = entry if isinstance(entry, Mapping) else vars(entry)
            key = tuple(row[name] for name in keys)
            found[key] = found.get(key, _Seen()).and_also(row)
    return found


def _number(seen: _Seen) -> str:
    return f"{seen.packets:,}" if seen.packets else "none"
