# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What an audit of the fleet has found, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._values.direction import DIRECTIONS, FORWARD

_HEADS = ("host", "kind", "finding")
_SHOWN = 200
"""How many findings are shown; each host's result has all of its own."""
_LEFT_BEHIND = (
    "in no node class, and still has our rules, unit or files, which no run brings to the model any more: "
    "ansible-playbook gatehouse.firewall.remove --limit {0} takes them away"
)


def left_behind(host: str) -> list[dict[str, str]]:
    """Return the findings about a host of no node class that still has something of ours."""
    return [{"kind": "left_behind", "text": _LEFT_BEHIND.format(host), "flow": ""}]


def lines(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a row for each finding, which hosts only observe, and the sum; ``results`` are those of the hosts asked."""
    asked = {host: result for host, result in results.items() if "findings" in result}
    rows = [(host, str(one["kind"]), str(one["text"])) for host, result in asked.items() for one in result["findings"]]
    if rows:
        widths = [max(len(row[column]) for row in (_HEADS, *rows[:_SHOWN])) for column in (0, 1)]
        for host, kind, text in (_HEADS, *rows[:_SHOWN]):
            yield f"{host:{widths[0]}}  {kind:{widths[1]}}  {text}"
    if len(rows) > _SHOWN:
        yield f"and {len(rows) - _SHOWN} more"
    yield from _observing(asked)
    differing = len({host for host, _kind, _text in rows})
    yield f"{differing} of {len(asked)} hosts differ from the model" if differing else _nothing(len(asked))


def _nothing(asked: int) -> str:
    return f"Nothing found on {asked} host{'' if asked == 1 else 's'}" if asked else "No host was asked"


def _observing(asked: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for host, result in asked.items():
        if "observed" in result:
            since = result.get("observed_since") or "an unknown time"
            count, ways = len(result["observed"]), result.get("observed_directions", DIRECTIONS)
            words = ["what it carries" if one == FORWARD else str(one) for one in ways]
            what = "" if {*DIRECTIONS} <= {*ways} else f" {' and '.join(words)}"
            yield f"{host} only observes{what} since {since}, and has let through what no flow allows: {count}"
