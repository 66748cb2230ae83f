# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How much each flow has let through since its rules are in force, from what the kernel has counted.

Only what begins a connection comes to a flow's rules: all that belongs to one passes before them.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Iterator, Mapping, Sequence, Tuple

_DIRECTIONS = {
    **dict.fromkeys(("input", "INPUT", "carried_in", "FWD-IN", "PRE-DNAT", "DNAT"), "ingress"),
    **dict.fromkeys(("output", "OUTPUT", "FWD-OUT"), "egress"),
}
_STAGE = "INPUT|OUTPUT|PRE-DNAT|DNAT|FWD-IN|FWD-OUT"
_NAME = "[A-Za-z][A-Za-z0-9_-]*"
_CHAIN = re.compile(r"\tchain (input|output|carried_in)\S* \{")
_NFT = re.compile(rf'\t\t.*\bcounter packets (\d+) bytes (\d+) accept comment "flow:({_NAME})".*')
_IPTABLES = re.compile(rf'\[(\d+):(\d+)\] -A GATEHOUSE-({_STAGE})\b.* --comment "?flow:({_NAME})"? -j RETURN')

_INVALID_NFT = re.compile(r'counter packets (\d+) bytes \d+ drop comment "invalid: ')
_INVALID_IPTABLES = re.compile(r'^\[(\d+):\d+\] -A GATEHOUSE-\S+ .*--comment "invalid: [^"]*" -j DROP$', re.MULTILINE)

_Counted = Tuple[str, str, int, int]
"""A rule's flow and direction, and the packets and bytes it has let through."""


def usage_of(counted: str) -> list[dict[str, Any]]:
    """Return what a backend has counted, by flow and direction; what several rules of a flow have is added up."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for flow, direction, packets, size in _rules(counted):
        before = sums.get((flow, direction), (0, 0))
        sums[flow, direction] = (before[0] + packets, before[1] + size)
    return [
        {"flow": flow, "direction": direction, "packets": packets, "bytes": size}
        for (flow, direction), (packets, size) in sorted(sums.items())
    ]


def invalid_in(counted: str) -> int:
    """Return how many packets of no connection were dropped, in what a backend has counted."""
    return sum(map(int, [*_INVALID_NFT.findall(counted), *_INVALID_IPTABLES.findall(counted)]))


def metrics(usage: Sequence[Mapping[str, Any]]) -> str:
    """Return what flows have let through, for node_exporter's textfile collector; nothing where there are none."""
    name = "gatehouse_flow_attempts_total"
    head = [
        f"# HELP {name} Packets that asked for a new connection and were let through by a flow.\n",
        f"# TYPE {name} counter\n",
    ]
    counts = [f'{name}{{flow="{one["flow"]}",direction="{one["direction"]}"}} {one["packets"]}\n' for one in usage]
    return "".join([*head, *counts]) if counts else ""


def utc(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 has it, in UTC; nothing where it isn't known."""
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rules(counted: str) -> Iterator[_Counted]:
    """Yield the rules of flows in what nft lists, or in what iptables-save prints with counters."""
    direction = ""
    for line in counted.splitlines():
        chain, rule, saved = _CHAIN.match(line), _NFT.fullmatch(line), _IPTABLES.fullmatch(line)
        if line.startswith("\tchain "):
            direction = _DIRECTIONS[chain.group(1)] if chain else ""
        elif rule and direction:
            yield rule.group(3), direction, int(rule.group(1)), int(rule.group(2))
        elif saved:
            yield saved.group(4), _DIRECTIONS[saved.group(3)], int(saved.group(1)), int(saved.group(2))
