# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How a change of the fleet went: each host's result, summed up by their node classes, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

COLUMNS = ("hosts", "flows", "unchanged", "changed", "confirmed", "rolled_back", "failed", "unreachable", "waiting")

_SHOWN = 20
_ROWS = 20
_LISTS = {
    "unreachable": "Not reached",
    "rolled_back": "Gone back to their previous ruleset",
    "failed": "Failed",
    "old_connection": "Confirmed, but not over a new connection (it may be refused)",
    "waiting": "Not tried yet",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one host, in the words of COLUMNS and _LISTS (what is confirmed has changed, too), and why."""

    host: str
    classes: str
    what: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def outcome(host: str, classes: str, result: Mapping[str, object] | None) -> Outcome:
    """Read the result that a host's change was registered with; None where it wasn't tried."""
    if result is None:
        return Outcome(host, classes, ("waiting",))
    if result.get("unreachable"):
        return Outcome(host, classes, ("unreachable",))
    if result.get("failed"):
        is_back = result.get("confirmed") is False and result.get("gone_back", True)
        return Outcome(host, classes, ("rolled_back" if is_back else "failed",))
    if not result.get("changed"):
        return Outcome(host, classes, ("unchanged",))
    why = tuple(map(str, cast("list[str]", result.get("reasons") or [])))
    if not result.get("confirmed"):
        return Outcome(host, classes, ("changed",), why)
    over = () if result.get("new_connection", True) else ("old_connection",)
    return Outcome(host, classes, ("changed", "confirmed", *over), why)


def by_classes(outcomes: Iterable[Outcome], flows: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return the number of hosts in each column, for each set of classes; the largest first."""
    found: dict[str, dict[str, int]] = {}
    for one in outcomes:
        numbers = found.setdefault(one.classes, {**dict.fromkeys(COLUMNS, 0), "flows": flows.get(one.classes, 0)})
        for column in ("hosts", *(what for what in one.what if what in COLUMNS)):
            numbers[column] += 1
    return dict(sorted(found.items(), key=lambda item: (-item[1]["hosts"], item[0])))


def table(numbers: Mapping[str, Mapping[str, int]], dry_run: bool = False) -> list[str]:
    """Return the numbers as lines; of the last columns, only those that say something. Many rows end in a sum."""
    always = COLUMNS[:4] if dry_run else COLUMNS[:5]
    shown = [name for name in COLUMNS if name in always or any(row[name] for row in numbers.values())]
    words = {"changed": "would change"} if dry_run else {}
    heads = [["classes", *(words.get(name, name.replace("_", " ")) for name in shown)]]
    rows = [[name, *(str(row[column]) for column in shown)] for name, row in numbers.items()]
    rows = heads + (rows if len(rows) <= _ROWS else [*rows[:_ROWS], *_rest(numbers, shown)])
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]


def _rest(numbers: Mapping[str, Mapping[str, int]], shown: Sequence[str]) -> Iterator[list[str]]:
    """Yield the rows that stand for those that aren't shown, and for all; flows of different classes have no sum."""
    rows = [*numbers.values()]
    for words, some in ((f"{len(rows) - _ROWS} more", rows[_ROWS:]), ("all", rows)):
        yield [words, *("" if column == "flows" else str(sum(row[column] for row in some)) for column in shown)]


def progress(numbers: Mapping[str, Mapping[str, int]], seconds: float) -> str:
    """Return how far a run is that goes on; an empty text where no host waits."""
    hosts, waiting = (sum(row[column] for row in numbers.values()) for column in ("hosts", "waiting"))
    return f"{hosts - waiting} of {hosts} hosts after {seconds:.0f} s" if waiting else ""


def complaint(numbers: Mapping[str, Mapping[str, int]]) -> str:
    """Return why a run must not go on, or has not ended well; an empty text where it may, or has."""
    sums = {column: sum(row[column] for row in numbers.values()) for column in COLUMNS}
    if sums["rolled_back"] or sums["failed"]:
        stopped = ". Stopped here: what was not tried yet is as it was" if sums["waiting"] else ""
        return f"{sums['rolled_back'] + sums['failed']} of {sums['hosts']} hosts could not be changed{stopped}"
    if sums["unreachable"] and not sums["waiting"]:
        return f"{sums['unreachable']} of {sums['hosts']} hosts were not reached"
    return ""


def would_change(numbers: Mapping[str, Mapping[str, int]]) -> str:
    """Return how many hosts a dry run would change; an empty text where it is none."""
    changed, hosts = (sum(row[column] for row in numbers.values()) for column in ("changed", "hosts"))
    return f"{changed} of {hosts} hosts would change" if changed else ""


def not_changed(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the hosts that could not be changed, for which a run must not go on to others."""
    return [one.host for one in outcomes if {"rolled_back", "failed"} & {*one.what}]


def lists(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each reason to change, and for each thing that people should know the hosts of."""
    known = {words: [one.host for one in outcomes if words in one.reasons] for words in _reasons(outcomes)}
    told = {words: [one.host for one in outcomes if what in one.what] for what, words in _LISTS.items()}
    return [f"{words}: {_shortened(hosts)}" for words, hosts in {**known, **told}.items() if hosts]


def _reasons(outcomes: Iterable[Outcome]) -> list[str]:
    return sorted({words for one in outcomes for words in one.reasons})


def _shortened(hosts: Sequence[str]) -> str:
    more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
    return f"{', '.join(hosts[:_SHOWN])}{more}"
