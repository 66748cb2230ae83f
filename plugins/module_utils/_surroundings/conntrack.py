# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How full the kernel's table of connections would be once it begins to track those that are open now.

A host that never tracked may have more of them than the table holds: a balancer, or a resolver.
"""

from __future__ import annotations

import re
import time
from typing import Callable

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding

Read = Callable[[str], str]
"""Returns what a file below /proc has; an empty text where it isn't there."""

TABLE_FULL = "conntrack_full"

_NETFILTER = "/proc/sys/net/netfilter/nf_conntrack_"
_STATISTICS = "/proc/net/stat/nf_conntrack"
_UDP_SECONDS = 30  # for how long the kernel knows a flow of one datagram, or of one and its answer
_SAMPLE = 0.25
_MEGABYTE = 1024


def filling(read: Read, sleep: Callable[[float], None] = time.sleep) -> list[Finding]:
    """Return a finding where a first load would fill the table by more than half."""
    most, tracked = maximum(read), _number(read(f"{_NETFILTER}count"))
    flows = open_flows(read, sleep)
    if flows <= tracked or flows <= most // 2:
        return []
    what = f"about {flows} connections are open here, and the kernel's table has room for {most} (nf_conntrack_max)"
    return [finding(TABLE_FULL, what)]


def maximum(read: Read) -> int:
    """Return how many connections the kernel tracks at most, or will where its module isn't loaded yet.

    The kernel chooses by its memory (nf_conntrack_init_start): 262144 above 4 GiB, 65536 above 1 GiB.
    """
    known = _number(read(f"{_NETFILTER}max"))
    found = re.search(r"^MemTotal: +(\d+) kB", read("/proc/meminfo"), re.MULTILINE)
    kilobytes = int(found.group(1)) if found else 0
    if kilobytes > 4096 * _MEGABYTE:
        return known or 262144
    return known or (65536 if kilobytes > 1024 * _MEGABYTE else max(1024, kilobytes // 128))


def tracked(read: Read) -> tuple[int, int] | None:
    """Return how many connections the kernel tracks, and how many it can; None where it tracks none at all."""
    count, most = (read(f"{_NETFILTER}{name}").strip() for name in ("count", "max"))
    return (int(count), int(most)) if count.isdigit() and most.isdigit() else None


def drops(read: Read) -> int | None:
    """Return how many connections found no room, or had to make it for others; None where the kernel doesn't tell."""
    heads, *rows = [line.split() for line in read(_STATISTICS).splitlines()] or [[]]
    places = [heads.index(name) for name in ("drop", "early_drop") if name in heads]
    if not places or any(len(row) < len(heads) for row in rows):
        return None
    return sum(int(row[place], 16) for row in rows for place in places)


def open_flows(read: Read, sleep: Callable[[float], None]) -> int:
    """Return how many connections there are: sockets, what IPVS forwards, and UDP flows by their rate."""
    before, start = _datagrams(read), time.monotonic()
    sleep(_SAMPLE)
    rate = max(0, _datagrams(read) - before) / (time.monotonic() - start or _SAMPLE)
    return _sockets(read) + _balanced(read) + int(rate * _UDP_SECONDS)


def _sockets(read: Read) -> int:
    text = read("/proc/net/sockstat") + read("/proc/net/sockstat6")
    lines = re.findall(r"^TCP6?: inuse (\d+)(?: orphan (\d+) tw (\d+))?", text, re.MULTILINE)
    return sum(int(number or 0) for inuse, _orphan, waiting in lines for number in (inuse, waiting))


def _balanced(read: Read) -> int:
    """Return the connections that IPVS has, active and inactive, as the last two columns say for each server."""
    rows = [line.split() for line in read("/proc/net/ip_vs").splitlines() if line.startswith("  -> ")]
    return sum(int(row[-1]) + int(row[-2]) for row in rows if row[-1].isdigit() and row[-2].isdigit())


def _datagrams(read: Read) -> int:
    """Return how many datagrams came and went; of a question and its answer, one counts."""
    rows = [line.split()[1:] for line in read("/proc/net/snmp").splitlines() if line.startswith("Udp: ")]
    four = dict(zip(rows[0], rows[1])) if len(rows) == 2 else {}
    six = dict(line.split() for line in read("/proc/net/snmp6").splitlines() if line.startswith("Udp6"))
    ways = [(four, "InDatagrams", "OutDatagrams"), (six, "Udp6InDatagrams", "Udp6OutDatagrams")]
    return sum(min(_number(found.get(one, "")), _number(found.get(other, ""))) for found, one, other in ways)


def _number(text: str) -> int:
    return int(text) if text.strip().isdigit() else 0
