# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How hosts ask again who is behind the host names of zones: as the user says it, for the whole fleet."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from ...module_utils._contract.constants import MAX_ADDRESSES
from .._values.addresses import AddressSet
from .._values.problems import Problems, Where
from .._values.readers import Item

SHORTEST_TTL, LONGEST_TTL = 1, 86400  # seconds
MOST_ADDRESSES = 4096  # about what an answer over TCP can have

# This host, this link, and unspecified: RFC 6890.
_NOT_A_PEERS = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "::/128",
    "::1/128",
    "fe80::/10",
    "ff00::/8",
)


@dataclass(frozen=True)
class Refresh:
    """An answer counts for its time to live, in seconds, but no shorter and no longer than these.

    Addresses in ``refused`` are never taken for a peer's. Of a family, one name has at most ``max_addresses``.
    """

    min_ttl: int = 60
    max_ttl: int = 3600
    refused: AddressSet = AddressSet.of(map(ip_network, _NOT_A_PEERS))
    max_addresses: int = MAX_ADDRESSES


def read_refresh(where: Where, value: object, problems: Problems) -> Refresh:
    """Read the bounds, noting problems; what isn't said is the default."""
    if value is None:
        return Refresh()
    item = Item(where, value, ("min_ttl", "max_ttl", "refused", "max_addresses"), problems)
    default = Refresh()
    least = item.number("min_ttl", SHORTEST_TTL, LONGEST_TTL, default.min_ttl)
    most = item.number("max_ttl", SHORTEST_TTL, LONGEST_TTL, max(default.max_ttl, least))
    if least > most:
        problems.add(item.place("min_ttl"), least, f"at most max_ttl, which is {most}")
    refused = item.networks("refused") if item.has("refused") else default.refused
    return Refresh(least, most, refused, item.number("max_addresses", 1, MOST_ADDRESSES, default.max_addresses))
