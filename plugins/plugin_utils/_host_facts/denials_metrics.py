# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a fleet denies by class, as numbers for Prometheus: a host knows its own denials, and no peer's class.

What is in a host's sets is forgotten, so that these numbers fall, too: they are gauges.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping

from .denials import DENIED, Denials, verdict_of
from .reader import TIME

FILE = "denied.prom"
_Labels = tuple[tuple[str, str], ...]


def denials_metrics(found: Denials, sets: Mapping[str, str]) -> str:
    """Return the numbers of what the model still denies; ``sets`` has each host's classes."""
    packets: dict[_Labels, int] = {}
    last: dict[_Labels, int] = {}
    for one in found.sums:
        first = one.rows[0]
        if verdict_of(first.seen) == DENIED and not first.judged.allowed:
            # Of classes and zones, never of addresses: a flood of strangers makes no more lines.
            labels = (
                ("class", sets[first.host]),
                ("direction", first.seen.direction),
                ("peer", first.peer.group),
                ("peer_kind", first.peer.kind),
            )
            packets[labels] = packets.get(labels, 0) + one.packets
            last[labels] = max(last.get(labels, 0), calendar.timegm(time.strptime(one.last, TIME)))
    name = "gatehouse_fleet_denied"
    hosts: dict[_Labels, int] = {(("answered", "true"),): len(found.rows), (("answered", "false"),): len(found.without)}
    return "".join(
        [
            *_gauge(
                f"{name}_packets", "Packets denied that no flow allows, and that hosts have not forgotten.", packets
            ),
            *_gauge(f"{name}_last_time_seconds", "When such a packet was denied last.", last),
            *_gauge(f"{name}_hosts", "Hosts that have said what they denied, and hosts that have not.", hosts),
        ]
    )


def _gauge(name: str, what: str, numbers: Mapping[_Labels, int]) -> Iterator[str]:
    if numbers:
        yield f"# HELP {name} {what}\n# TYPE {name} gauge\n"
    for labels, number in sorted(numbers.items()):
        words = ",".join(f'{key}="{value}"' for key, value in labels)
        yield f"{name}{{{words}}} {number}\n"
