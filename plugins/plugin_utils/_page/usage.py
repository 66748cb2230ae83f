# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Which flows are used, for people: a Markdown table, and the unused ones as YAML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from .._host_facts.reader import TIME
from .._host_facts.usage import FlowUse

COLUMNS = ("flow", "last used", "days watched without use", "packets", "hosts", "owner", "ticket")
_SHOWN = 5
"""How many hosts are named where a host was not heard."""


def usage_page(found: Sequence[FlowUse], days: int, now: datetime) -> str:
    """Return the use of each flow as Markdown, with those unused for so many days as YAML."""
    rows = [COLUMNS, tuple("---" for _column in COLUMNS), *(_row(one) for one in found)]
    unused = [one for one in found if one.is_unused(days, now)]
    return "".join(
        [
            f"# Use of flows\n\nAs reports have seen it until {now.strftime(TIME)}. {_EXPLAINED}\n\n",
            *(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in row)} |\n" for row in rows),
            f"\n## Flows unused for {days} days\n\n",
            *(["```yaml\n", *(f"{line}\n" for line in map(_as_yaml, unused)), "```\n"] if unused else ["None.\n"]),
            *_blind(unused),
        ]
    )


def usage_lines(found: Sequence[FlowUse], days: int, now: datetime) -> list[str]:
    """Return what to say on screen: which are unused, and of which nothing is known."""
    unused = [one.flow.name for one in found if one.is_unused(days, now)]
    unknown = [one.flow.name for one in found if not one.hosts]
    watched = (now - min((one.since for one in found if one.since), default=now)).days
    none = "none" if watched >= days else f"not known yet, watched for {watched} days"
    return [
        f"flows unused for {days} days: {', '.join(unused) or none}",
        *([f"not known, as no host counts them: {', '.join(unknown)}"] if unknown else []),
    ]


_EXPLAINED = (
    "A flow was used no later than what is said here: by the report that first saw more of it. What asked for a "
    "connection and was let through counts, since the rules were loaded last."
)


def last_used(one: FlowUse) -> str:
    """Return when a flow was last used, in words."""
    if one.used:
        return f"by {one.used.strftime(TIME)}"
    return f"never since {one.since.strftime(TIME)}" if one.since else "not known"


def _row(one: FlowUse) -> tuple[str, ...]:
    if not one.hosts:
        return (one.flow.name, last_used(one), "", "", "0", one.flow.owner, one.flow.ticket)
    hosts = f"{one.hosts}, and {len(one.blind)} not heard" if one.blind else str(one.hosts)
    return (one.flow.name, last_used(one), str(one.idle.days), str(one.packets), hosts, one.flow.owner, one.flow.ticket)


def unused_flow(one: FlowUse) -> dict[str, str]:
    """Return an unused flow as data: its name, when it was used last, and who answers for it."""
    return {
        "name": one.flow.name,
        "last_used": last_used(one),
        "owner": one.flow.owner,
        "ticket": one.flow.ticket,
    }


def _as_yaml(one: FlowUse) -> str:
    items = (f"{key}: {json.dumps(text, ensure_ascii=False)}" for key, text in unused_flow(one).items() if text)
    return f"- {{{', '.join(items)}}}"


def _blind(unused: Iterable[FlowUse]) -> Iterator[str]:
    """Yield who else might have used what is said to be unused."""
    hosts = sorted({host for one in unused for host in one.blind})
    if hosts:
        more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
        yield f"\nNot heard this time, though some of these flows are theirs: {', '.join(hosts[:_SHOWN])}{more}.\n"
