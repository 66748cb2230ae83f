# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What hosts have denied, for people: a table of sums, the flows to paste, and what is not known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .denials import OBSERVED, Denials, Sum, verdict_of

_HEADS = ("host", "direction", "peer", "port", "packets", "last", "ruleset before", "what the model says")
_SHOWN = 40
_FLOWS = 10
_REASONS = 10
_NAMES = 5
_LONG = 200
"""Characters of what a host has said that may be anything."""


def lines(found: Denials, sets: Mapping[str, str]) -> Iterator[str]:
    """Yield what hosts deny that the model still denies, with the flows to paste; ``sets`` has each host's classes."""
    denied = [one for one in found.sums if not one.rows[0].judged.allowed]
    allowed = [one for one in found.sums if one.rows[0].judged.allowed]
    yield from _table(denied, sets)
    yield from _programs(denied)
    yield from _to_paste(found)
    yield from _allowed_by_now(allowed)
    yield from _unknown(found)
    yield _conclusion(found, denied)


def answer(found: Denials, sets: Mapping[str, str]) -> Iterator[str]:
    """Yield what hosts have seen of one question, also what the model allows by now."""
    yield from _table(found.sums, sets)
    yield from _programs(found.sums)
    yield from _unknown(found)
    if found.rows and not found.sums:
        yield f"Nothing of it was denied on {_hosts(list(found.rows))}{_since(found)}"
    if not found.rows:
        yield "No host has said what it denied"


def _table(sums: Sequence[Sum], sets: Mapping[str, str]) -> Iterator[str]:
    """Yield a row for each sum, as wide as the widest of each column."""
    rows = [_HEADS, *(_row(one, sets) for one in sums[:_SHOWN])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS) - 1)]
    if sums:
        yield from ("  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths)), row[-1]]) for row in rows)
    if len(sums) > _SHOWN:
        yield f"and {len(sums) - _SHOWN:,} more rows: the result has them all"


def _row(one: Sum, sets: Mapping[str, str]) -> tuple[str, ...]:
    first = one.rows[0]
    observed = f", {OBSERVED}" if verdict_of(first.seen) == OBSERVED else ""
    here = one.hosts[0] if len(one.hosts) == 1 else f"{len(one.hosts):,} of {sets[first.host]}"
    direction = f"{first.seen.direction}{observed}"
    what = (first.seen.what, f"{one.packets:,}", one.last)
    return (here, direction, one.peer, *what, str(one.earlier), first.judged.reason)


def _programs(sums: Sequence[Sum]) -> Iterator[str]:
    """Yield which programs of the hosts themselves wait for something at this moment."""
    rows = [row for one in sums for row in one.rows if row.seen.programs]
    yield from _bounded(
        f"Waiting at this moment on {row.host}, for {row.peer.name} on {row.seen.what}: {_few(row.seen.programs)}"
        for row in rows
    )


def _to_paste(found: Denials) -> Iterator[str]:
    """Yield the flows of peers that the model has a name for, and how many there are of others."""
    known = found.missing.of_known_peers()
    more = len(found.missing.flows) - len(known[:_FLOWS])
    if known:
        yield "If it is wanted, add it to the model, with a name and a reason of your own, and run harden:"
        yield from replace(found.missing, zones=(), flows=known[:_FLOWS]).rows()
    reasons = len(found.missing.remarks) - len(found.full)
    rest = [
        *([_number(more, "more flow" if known else "flow")] if more else []),
        *([f"{_number(reasons, 'reason')} why no flow is suggested"] if reasons else []),
    ]
    if rest:
        yield f"The playbook report writes missing_flows.yml, with {' and '.join(rest)}"


def _allowed_by_now(allowed: Sequence[Sum]) -> Iterator[str]:
    if allowed:
        flows = sorted({one.rows[0].judged.flow for one in allowed} - {""})
        names = f" ({_few(flows)})" if flows else ""
        packets = sum(one.packets for one in allowed)
        shown = f"{_number(packets, 'packet')} not shown, as the model allows them by now{names}"
        yield f"{shown}: run harden, unless you have since"


def _unknown(found: Denials) -> Iterator[str]:
    """Yield what is not known, and why."""
    full = {host: ", ".join(sets) for host, sets in found.full.items()}
    yield from _bounded(f"No room was left to keep all ({sets}): {hosts}" for sets, hosts in _together(full))
    why = {host: " ".join(text.split())[:_LONG] for host, text in found.without.items()}
    yield from _bounded(f"Nothing is known of {hosts}: {text}" for text, hosts in _together(why))
    if found.not_asked:
        yield f"Not asked, as the play is not for them: {_few(found.not_asked)}"


def _together(said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is said of hosts, and some of those of which the same is said."""
    together: dict[str, list[str]] = {}
    for host, text in said.items():
        together.setdefault(text, []).append(host)
    yield from ((text, _few(hosts)) for text, hosts in together.items())


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    shown = list(lines)
    yield from shown[:_REASONS]
    if len(shown) > _REASONS:
        yield f"and {len(shown) - _REASONS:,} more such lines"


def _conclusion(found: Denials, denied: Sequence[Sum]) -> str:
    asked = _hosts(list(found.rows))
    if not found.rows:
        return "No host has said what it denied"
    if not denied:
        return f"Nothing denied on {asked}{_since(found)}"
    hosts = {host for one in denied for host in one.hosts}
    packets = sum(one.packets for one in denied)
    return f"{_number(packets, 'packet')} that no flow allows, on {len(hosts):,} of {asked}"


def _since(found: Denials) -> str:
    """Return since when all hosts have kept what they denied."""
    times = found.since.values()
    return f" since {max(times)}" if all(times) else ", for an unknown time"


def _hosts(hosts: Sequence[str]) -> str:
    return _number(len(hosts), "host")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return f"{', '.join(names[:_NAMES])}{more}"


def _number(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
