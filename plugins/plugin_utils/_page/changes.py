# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a plan would change, host by host: hosts with the same difference stand together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .._plan.reviewed import FILE, Planned
from .._policy.compile import set_name
from .html import count, items, link, text
from .report import Report
from .said import host_list

_SHOWN, _MOST = 25, 200
"""A first plan has a line for each address of each peer; plan.json has them all."""

Difference = tuple[tuple[str, ...], tuple[str, ...]]


def changes(report: Report) -> Iterator[str]:
    """Yield each difference once, with the hosts that would have it; nothing where there is no plan."""
    if report.plan is None:
        return
    together: dict[tuple[str, Difference], list[str]] = {}
    for host, one in report.plan.items():
        if one.changed:
            together.setdefault((set_name(one.classes), _difference(one)), []).append(host)
    yield from _sum(report, report.plan)
    for (name, difference), own in together.items():
        yield f'<article class="change"><h3>{link(report.place(name), text(name))} '
        yield f"<small>{count(len(own), 'host')}</small></h3>\n<p>{host_list(report, own)}</p>\n"
        yield from _lines(difference)
        yield "</article>\n"


def _sum(report: Report, plan: Mapping[str, Planned]) -> Iterator[str]:
    changing = sum(one.changed for one in plan.values())
    yield f'<p class="sum"><strong>{count(changing, "host")} would change</strong>, '
    yield f"{len(plan) - changing:,} would not.</p>\n"
    unknown = [host for host in report.host_places if host not in plan]
    if unknown:
        yield f"<p>Not known, since they were not asked or gave no answer: {host_list(report, unknown)}</p>\n"


def _difference(one: Planned) -> Difference:
    """Return the lines that go, and those that come."""
    gone, come = set(one.before) - set(one.after), set(one.after) - set(one.before)
    return tuple(line for line in one.before if line in gone), tuple(line for line in one.after if line in come)


def _lines(difference: Difference) -> Iterator[str]:
    gone, come = difference
    less = [f"<del><b>&minus;</b> {text(line)}</del>" for line in gone]
    more = [f"<ins><b>+</b> {text(line)}</ins>" for line in come]
    lines = [*less, *more] or ["Rules, units or files of ours; no flow and no address"]
    beyond = [f"and {len(lines) - _MOST:,} more lines, in {FILE}"] if len(lines) > _MOST else []
    yield from items(lines[:_SHOWN], "rules lines")
    if len(lines) > _SHOWN:
        yield f"<details><summary>and {count(len(lines) - _SHOWN, 'more line')}</summary>\n"
        yield from items([*lines[_SHOWN:_MOST], *beyond], "rules lines")
        yield "</details>\n"
