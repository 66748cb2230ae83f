# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What hosts have denied: whose it was, how often, and what the model says of it."""

from __future__ import annotations

from collections.abc import Iterator

from .._host_facts.attribution import Attribution
from .._host_facts.denials import Judge, Sum, sums
from .html import code, count, items, table, text
from .report import Report
from .said import host_list

_MOST = 200
"""The page has so many sums, of peers of the fleet before others, and those that were seen most often."""


def denied(report: Report) -> Iterator[str]:
    """Yield what hosts have denied that the model still denies; nothing where none has any."""
    judge = Judge(Attribution(report.fleet))
    said = {host: state.denied for host, state in report.live.items() if state.denied and host in report.fleet.sets}
    rows = [row for host, one in said.items() for row in judge.rows(host, one, report.live[host].before)]
    found = sums(report.fleet, [row for row in rows if not row.judged.allowed])
    if found:
        number = sum(one.packets for one in found)
        hosts = {row.host for one in found for row in one.rows}
        yield f"<p>{count(number, 'packet')} that no flow allows, on {count(len(hosts), 'host')}.</p>\n"
        yield from _table(report, found)


def _table(report: Report, found: tuple[Sum, ...]) -> Iterator[str]:
    heads = ["host", "direction", "peer", "port", "packets", "last", "ruleset before", "what the model says"]
    yield from table(heads, [_row(report, one) for one in found[:_MOST]])
    if len(found) > _MOST:
        yield from items([f"and {len(found) - _MOST:,} more"])


def _row(report: Report, one: Sum) -> list[str]:
    first = one.rows[0]
    where = [host_list(report, one.hosts), text(first.seen.direction), text(one.peer), code(first.seen.what)]
    return [*where, f"{one.packets:,}", text(one.last), text(str(one.earlier)), text(first.judged.reason)]
