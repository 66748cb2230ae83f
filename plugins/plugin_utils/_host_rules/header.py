# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host has to know of the ruleset that a policy becomes, as the ruleset's first line says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ...module_utils._contract.constants import ENFORCE, OBSERVE, VERSION
from ...module_utils._contract.header import Header, HostName, NamedSet, Refresh
from .._policy.compile import Policy
from .._policy.describe import described
from .._values.addresses import AddressSet
from .._values.direction import DIRECTIONS
from .denied_sets import keeps
from .peer_sets import FAMILIES, peer_name


def first_line(policy: Policy, sets: Iterable[NamedSet], set_name: Callable[[str, int], str]) -> str:
    """Return the line; ``set_name`` answers what a peer's set in a family is called."""
    names = tuple(_host_names(policy, set_name))
    refresh = policy.refresh
    bounds = Refresh(refresh.min_ttl, refresh.max_ttl, tuple(refresh.refused.texts()), refresh.max_addresses)
    return Header(
        version=VERSION,
        mode=OBSERVE if policy.only_observes else ENFORCE,
        observing=policy.observe,
        describes=tuple(described(policy)),
        refresh=bounds if names else None,
        names=names,
        sets=tuple(sets),
        self_heal=policy.self_heal,
        keeps=keeps(policy),
        carries=bool(policy.carries),
    ).line()


def _host_names(policy: Policy, set_name: Callable[[str, int], str]) -> Iterator[HostName]:
    """Yield the names that sets depend on."""
    peers: dict[str, dict[str, AddressSet]] = {}
    for direction in DIRECTIONS:
        for rule in policy.rules(direction):
            for one in rule.names:
                peers.setdefault(one.name, {})[peer_name(direction, rule)] = one.addresses
    for name, sets in sorted(peers.items()):
        addresses = AddressSet.union(sets.values())  # a name has the same ones wherever it is
        by_family = {str(family): tuple(set_name(peer, family) for peer in sorted(sets)) for family in FAMILIES}
        yield HostName(name, tuple(addresses.texts()), by_family)
