# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the hosts that were asked have said of themselves. What needs attention comes first.

Each part is a function from the report to lines, none where no host has said anything of the kind; PARTS has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .._host_facts.state import HostState
from .html import count, items, link, table, text
from .report import Report, by_classes
from .traffic import observed, usage

_OPEN = 20
"""More hosts than these are folded."""


def said(report: Report) -> Iterator[str]:
    """Yield what the hosts have said; nothing where none was asked."""
    if by_classes(report):
        for part in PARTS:
            yield from part(report)


def _states(report: Report) -> Iterator[str]:
    """Yield how many hosts are as the model has them, and the classes in which some are not."""
    rows = {name: _numbers(own) for name, own in by_classes(report).items()}
    asked, good, different, silent = (sum(column) for column in zip(*rows.values()))
    yield f'<p class="sum"><strong>{good:,} of {count(asked, "host")} as the model has them</strong>, '
    yield f"{different:,} not, {silent:,} without an answer.</p>\n"
    shown = [
        [link(report.place(name), text(name)), *(f"{number:,}" for number in numbers)]
        for name, numbers in rows.items()
        if numbers[1] < numbers[0]
    ]
    if shown:
        heads = ["class", "asked", "as the model has them", "not", "without an answer"]
        yield from table(heads, shown, "numbers")


def _numbers(own: list[HostState]) -> tuple[int, int, int, int]:
    silent, different = sum(bool(one.silence) for one in own), sum(bool(one.findings) for one in own)
    return len(own), len(own) - silent - different, different, silent


def _findings(report: Report) -> Iterator[str]:
    """Yield how hosts differ from what they should be; those of a class that say the same stand together."""
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, own in by_classes(report).items():
        for one in own:
            if one.findings:
                together.setdefault((name, one.findings), []).append(one.host)
    for (name, lines), hosts in together.items():
        yield from _article(report, hosts, name, lines)


def _silences(report: Report) -> Iterator[str]:
    """Yield who gave no answer, and why."""
    together: dict[str, list[str]] = {}
    for one in (one for own in by_classes(report).values() for one in own):
        if one.silence:
            together.setdefault(one.silence, []).append(one.host)
    for why, hosts in together.items():
        yield from _article(report, hosts, "no answer", (why,))


def _article(report: Report, hosts: list[str], more: str, lines: tuple[str, ...]) -> Iterator[str]:
    yield f'<article class="change"><h3>{count(len(hosts), "host")} <small>{text(more)}</small></h3>\n'
    yield f"<p>{host_list(report, hosts)}</p>\n"
    yield from items([text(line) for line in lines], "rules lines")
    yield "</article>\n"


def host_list(report: Report, hosts: list[str]) -> str:
    """Return links to hosts, folded where there are many."""
    links = ", ".join(link(report.host_places[host], text(host)) for host in hosts)
    folded = f"<details><summary>{text(hosts[0])} and {len(hosts) - 1:,} more</summary>{links}</details>"
    return links if len(hosts) <= _OPEN else folded


PARTS: tuple[Callable[[Report], Iterator[str]], ...] = (_states, _findings, _silences, observed, usage)
