# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Which managed hosts have an address in a network, without a walk of all hosts for each one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from .._policy.compile import Fleet
from .._policy.resolve import Host
from .._values.addresses import Network


@dataclass(frozen=True)
class HostIndex:
    """The managed hosts of a fleet, sorted by their addresses once."""

    fleet: Fleet

    def inside(self, networks: Iterable[Network]) -> list[Host]:
        """Return the hosts that have an address in any of these networks, in the fleet's order."""
        found: set[int] = set()
        for network in networks:
            addresses, places = self._sorted[network.version]
            first = bisect_left(addresses, int(network.network_address))
            found.update(places[first : bisect_right(addresses, int(network.broadcast_address))])
        return [self._hosts[place] for place in sorted(found)]

    @cached_property
    def _hosts(self) -> list[Host]:
        return [self.fleet.hosts[name] for name in self.fleet.sets]

    @cached_property
    def _sorted(self) -> dict[int, tuple[list[int], list[int]]]:
        """The addresses of each family as numbers, and beside each the place of the host that has it."""
        found: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for place, host in enumerate(self._hosts):
            for network in host.addresses("").networks:
                found[network.version].append((int(network.network_address), place))
        for pairs in found.values():
            pairs.sort()
        return {
            version: ([address for address, _place in pairs], [place for _address, place in pairs])
            for version, pairs in found.items()
        }
