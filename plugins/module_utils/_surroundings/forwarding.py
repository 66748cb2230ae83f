# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host forwards, held to what the model says of those behind it."""

from __future__ import annotations

import re
from typing import Callable, Iterator, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.interfaces import is_by
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import Carried

Read = Callable[[str], str]

BRIDGED = {"IPv4": "bridge-nf-call-iptables", "IPv6": "bridge-nf-call-ip6tables"}
# As Docker, Podman, CNI, Nomad, libvirt, LXC, LXD and Incus call the interfaces of those that they run.
_OF_GUESTS = re.compile(r"docker|br-|podman|cni|nomad|virbr|lxcbr|lxdbr|incusbr")
_SHOWN = 5
_EVERYBODY4, _EVERYBODY6 = "0" * 8, "0" * 32


def uplinks(read: Read) -> list[str]:
    """Return the interfaces by which default routes leave."""
    found = [row[0] for row in _rows(read("/proc/net/route")) if len(row) > 7 and row[1] == row[7] == _EVERYBODY4]
    rows = _rows(read("/proc/net/ipv6_route"))
    found += [row[9] for row in rows if len(row) > 9 and row[0] == _EVERYBODY6 and row[1] == "00"]
    return [one for one in dict.fromkeys(found) if one != "lo"]


def _rows(text: str) -> Iterator[list[str]]:
    return (line.split() for line in text.splitlines())


def unjudged(
    carried: Carried | None,
    families: Sequence[str],
    interfaces: Sequence[str],
    ways_out: Sequence[str],
    others: Sequence[str],
) -> Iterator[Finding]:
    """Yield a finding where a host forwards in some families for those of which its classes say nothing.

    ``others`` are rules of others about what is forwarded. A class that says that it carries nothing has said it, and
    so has one that knows those behind its hosts by their addresses alone.
    """
    if not families or (carried and not carried.interfaces):
        return
    known = carried.interfaces if carried else ()
    behind = [one for one in interfaces if _OF_GUESTS.match(one) and one not in ways_out and not is_by(known, one)]
    for_whom = f"for {_some(behind)}" if behind else ""
    by_what = f"by {_some(others, '; ')}" if others and not carried and not behind else ""
    if for_whom or by_what:
        what = f"this host forwards {' and '.join(families)} {for_whom or by_what}"
        yield finding("forwarding_unjudged", f"{what}, of which its classes say nothing: that is not judged")


def too_wide(carried: Carried, ways_out: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for each way out that a class takes for an interface of those behind its hosts."""
    for one in ways_out:
        if is_by(carried.interfaces, one):
            names = ", ".join(name for name in carried.interfaces if is_by([name], one))
            what = f"{one}, by which the default route leaves, is one of carries.interfaces ({names})"
            yield finding("uplink_carried", f"{what}, so that what comes from there counts as carried")


def unfiltered(carried: Carried, bridges: Sequence[str], read: Read) -> Iterator[Finding]:
    """Yield a finding where hosts of an isolated class don't judge what goes from one guest to another on a bridge."""
    off = [name for name in BRIDGED.values() if read(f"/proc/sys/net/bridge/{name}").strip() in ("", "0")]
    if off and bridges and carried.is_isolated:
        settings = " and ".join(f"net.bridge.{name}" for name in off)
        what = f"two guests on {_some(bridges)} are not kept apart, although their class is isolated"
        yield finding("bridge_unjudged", f"{what}: {settings} is 0, or missing")


def _some(texts: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{between.join(texts[:_SHOWN])}{more}"
