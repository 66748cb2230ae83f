# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host has denied, and the state of its rules, as numbers for node_exporter's textfile collector.

What is in sets is forgotten, so that these numbers fall, too: they are gauges. The time of the last denial is what
tells a new one.
"""

from __future__ import annotations

import calendar
import time
from typing import Any, Callable, Iterable, Iterator, Mapping, Tuple

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import (
    DIRECTIONS,
    ENFORCE,
    KNOWN,
    OBSERVE,
    OBSERVED_MOST,
    STRANGER,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.kinds import DENIED_KINDS
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.conntrack import drops, tracked

Sample = Tuple[Mapping[str, str], int]
"""Labels, and a number."""


def metrics(found: Mapping[str, Any], modes: Mapping[str, str], read: Callable[[str], str]) -> str:
    """Return the numbers of a look at a host; ``modes`` are those of the rules in force, if any, by direction."""
    return "".join(
        [
            *_denied(found),
            *_metric(
                "gatehouse_mode",
                "gauge",
                "Whether rules are in force that deny (enforce), or that only count (observe).",
                [
                    ({"direction": way, "mode": mode}, int(modes.get(way) == mode))
                    for way in dict.fromkeys((*DIRECTIONS, *modes))
                    for mode in (ENFORCE, OBSERVE)
                ],
            ),
            *_loaded(found.get("in_force_since")),
            *_invalid(found),
            *_conntrack(read),
        ]
    )


def _denied(found: Mapping[str, Any]) -> Iterator[str]:
    if found.get("denied") is None:
        return
    packets = {(direction, peer): 0 for direction in DENIED_KINDS for peer in (KNOWN, STRANGER)}
    last: dict[tuple[str, str], int] = {}
    for row in found["denied"]:
        key = row["direction"], KNOWN if row["known"] else STRANGER
        packets[key] += row["packets"]
        last[key] = max(last.get(key, 0), _seconds(row["last"]))
    name = "gatehouse_denied"
    what = "Packets denied that the host has not forgotten: of peers that the model knows, and of strangers."
    yield from _metric(f"{name}_packets", "gauge", what, _by_peer(packets))
    yield from _metric(f"{name}_last_time_seconds", "gauge", "When such a packet was denied last.", _by_peer(last))
    keys = [
        (dict(zip(("direction", "family", "peer"), words.split())), number)
        for words, number in found["denied_keys"].items()
    ]
    yield from _metric(f"{name}_keys", "gauge", "Peers and ports in a set of the kernel.", keys)
    yield from _metric(f"{name}_keys_limit", "gauge", "How many such a set holds.", [({}, OBSERVED_MOST)])


def _by_peer(numbers: Mapping[tuple[str, str], int]) -> Iterable[Sample]:
    return [({"direction": direction, "peer": peer}, number) for (direction, peer), number in numbers.items()]


def _loaded(since: str | None) -> Iterator[str]:
    samples: list[Sample] = [({}, _seconds(since))] if since else []
    yield from _metric("gatehouse_loaded_time_seconds", "gauge", "When the rules in force were loaded.", samples)


def _invalid(found: Mapping[str, Any]) -> Iterator[str]:
    samples: list[Sample] = [({}, found["invalid"])] if "invalid" in found else []
    what = "Packets of no connection that were dropped, since the load."
    yield from _metric("gatehouse_invalid_total", "counter", what, samples)


def _conntrack(read: Callable[[str], str]) -> Iterator[str]:
    counts, lost = tracked(read), drops(read)
    name = "gatehouse_conntrack"
    if counts:
        yield from _metric(f"{name}_entries", "gauge", "Connections that the kernel tracks.", [({}, counts[0])])
        yield from _metric(
            f"{name}_limit", "gauge", "How many it tracks at most (nf_conntrack_max).", [({}, counts[1])]
        )
    if lost is not None:
        what = "Connections that the kernel's table had no room for, or has dropped for others."
        yield from _metric(f"{name}_drops_total", "counter", what, [({}, lost)])


def _metric(name: str, kind: str, what: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the lines of one metric; none where it has no number."""
    lines = [f"{name}{_labels(labels)} {number}\n" for labels, number in samples]
    if lines:
        yield f"# HELP {name} {what}\n# TYPE {name} {kind}\n"
    yield from lines


def _labels(labels: Mapping[str, str]) -> str:
    found = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{{{found}}}" if found else ""


def _seconds(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
