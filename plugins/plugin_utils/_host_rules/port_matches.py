# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Matches of iptables for ports: many ranges in few rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .._values.ports import PortRange
from .port_segments import Segment, range_text

_MULTIPORT_SLOTS = 15  # a range takes two


def port_matches(protocol: str, ranges: Sequence[PortRange | Segment]) -> Iterator[str]:
    """Yield matches that have all these ranges together."""
    if len(ranges) == 1:
        yield f"-p {protocol} -m {protocol} --dport {range_text(ranges[0], ':')} "
        return
    batch: list[str] = []
    room = _MULTIPORT_SLOTS
    for item in ranges:
        slots = 1 if item.first == item.last else 2
        if slots > room:
            yield _multiport(protocol, batch)
            batch, room = [], _MULTIPORT_SLOTS
        batch.append(range_text(item, ":"))
        room -= slots
    if batch:
        yield _multiport(protocol, batch)


def asked_for(protocol: str, ports: PortRange | Segment, state: str = "") -> str:
    """Return the match for the port that a packet was sent to, whatever it was redirected to."""
    return f"-m conntrack {state}--ctproto {protocol} --ctorigdstport {range_text(ports, ':')} "


def _multiport(protocol: str, ports: Iterable[str]) -> str:
    return f"-p {protocol} -m multiport --dports {','.join(ports)} "
