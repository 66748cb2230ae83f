# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What one ruleset holds of the model's peers and another one doesn't."""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Dict, Iterator, Sequence, Tuple, Union

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header

Network = Union[IPv4Network, IPv6Network]
_SHOWN = 5
Holdings = Dict[Tuple[str, int], Tuple[str, ...]]


def lost(before: Header, after: Header) -> list[dict[str, Any]]:
    """Return a row for each peer and family of which something is gone, be it all of it.

    A row has the ``peer``, the ``family`` (4 or 6), the number of addresses and networks that were ``held``, an
    ``example`` of those that are gone, and how much that is in 1000, ``share``, rounded up. Each address and each
    network counts as one, and a network loses the part of it that is gone.
    """
    now = _holdings(after)
    rows = []
    for (peer, family), held in sorted(_holdings(before).items()):
        parts = dict(_gone(held, now.get((peer, family), ()), family))
        if parts:
            share = -int(-1000 * sum(parts.values()) // len(held))
            rows.append({"peer": peer, "family": family, "held": len(held), "share": share, "example": min(parts)})
    return rows


def moved(before: Header, after: Header) -> list[dict[str, Any]]:
    """Return a row for each peer and way (``came``, ``went``) of its addresses: some of them, and ``count``."""
    rows = []
    held, now = _holdings(before), _holdings(after)
    for peer, family in sorted({*held, *now}):
        old, new = held.get((peer, family), ()), now.get((peer, family), ())
        for way, texts in (("came", [*set(new) - set(old)]), ("went", [*set(old) - set(new)])):
            if texts:
                rows.append({"peer": peer, "way": way, "addresses": sorted(texts)[:_SHOWN], "count": len(texts)})
    return rows


def _holdings(header: Header) -> Holdings:
    """Return what the sets of each peer hold, but for those of host names: answers come and go."""
    by_name = {name for one in header.names for sets in one.sets.values() for name in sets}
    return {
        (one.peer, 6 if ":" in one.elements[0] else 4): one.elements
        for one in header.sets
        if one.elements and one.name not in by_name
    }


def _gone(held: Sequence[str], kept: Sequence[str], family: int) -> Iterator[tuple[str, float]]:
    """Yield what isn't there any more, as a whole or in part, with the part of it that is gone."""
    same = set(kept)
    missing = [text for text in held if text not in same]
    if not missing:
        return
    found = [network for network in (_network(text, family) for text in kept) if network]
    networks = sorted(found, key=lambda network: int(network.network_address))
    starts = [int(network.network_address) for network in networks]
    for text in missing:
        network = _network(text, family)
        part = 1 - _covered(network, networks, starts) / network.num_addresses if network else 1.0
        if part:
            yield text, part


def _network(text: str, family: int) -> Network | None:
    """Return a network; None where the file was edited, and it is none."""
    try:
        return IPv4Network(text) if family == 4 else IPv6Network(text)
    except ValueError:
        return None


def _covered(network: Network, others: Sequence[Network], starts: Sequence[int]) -> int:
    """Return how many addresses of a network are in others, which are sorted, and none of them inside another."""
    first, last = int(network.network_address), int(network.broadcast_address)
    meeting = others[max(0, bisect_right(starts, first) - 1) : bisect_right(starts, last)]
    overlaps = (
        min(last, int(other.broadcast_address)) - max(first, int(other.network_address)) + 1 for other in meeting
    )
    return sum(overlap for overlap in overlaps if overlap > 0)
