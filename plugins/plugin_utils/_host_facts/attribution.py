# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whose an address is that a host has seen: a managed host's, a class's or a zone's, or a stranger's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .._policy.compile import Fleet, set_name
from .._values.addresses import Address, AddressSet

HOST, CLASS, ZONE, UNMANAGED, STRANGER = "host", "class", "zone", "unmanaged", "stranger"


@dataclass(frozen=True)
class Peer:
    """Whose an address is, as ``kind`` says: a ``host`` of the model, a network of a ``class``, or a ``zone``.

    Or that of a host of the inventory in no class (``unmanaged``), or a ``stranger``. ``name`` is the host, class or
    zone, or the address of a stranger. ``group`` is what peers have in common that are counted together: the classes of
    a host, the class or the zone, or the kind.
    """

    name: str
    kind: str
    group: str

    @property
    def is_known(self) -> bool:
        """Return whether a class or zone of the model has the address, other than one for everybody."""
        return self.kind not in (UNMANAGED, STRANGER)


@dataclass
class Attribution:
    """Tells of addresses whose they are; ``unmanaged`` has those of hosts of the inventory that are in no class."""

    fleet: Fleet
    unmanaged: Mapping[Address, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look at the model once for all addresses."""
        self._owners = owners_of(self.fleet)
        self._parties = parties_of(self.fleet)
        self._found: dict[Address, Peer] = {}

    def peer(self, address: Address) -> Peer:
        """Return whose an address is; of several classes and zones that have it, the one with the fewest addresses."""
        if address not in self._found:
            self._found[address] = self._peer(address)
        return self._found[address]

    def _peer(self, address: Address) -> Peer:
        host = self._owners.get(address)
        if host:
            return Peer(host, HOST, set_name(self.fleet.classes_of(host)))
        party = next((name for name, addresses in self._parties if address in addresses), None)
        if party:
            return Peer(party, CLASS if party in self.fleet.resolved.model.classes else ZONE, party)
        other = self.unmanaged.get(address)
        return Peer(other, UNMANAGED, UNMANAGED) if other else Peer(str(address), STRANGER, STRANGER)


def owners_of(fleet: Fleet) -> dict[Address, str]:
    """Return the managed host that has an address."""
    hosts = fleet.hosts.values()
    return {network.network_address: host.name for host in hosts for network in host.addresses("").networks}


def parties_of(fleet: Fleet) -> list[tuple[str, AddressSet]]:
    """Return the classes and zones of the model, those with the fewest addresses first; of two alike, the class.

    Those that are for everybody are left out: a flow opens to all that a zone has, of both families.
    """
    resolved = fleet.resolved
    found = [
        (name, AddressSet.union([resolved.peers(name, ""), *resolved.names.get(name, {}).values()]))
        for name in resolved.networks
    ]
    some = [party for party in found if not party[1].is_for_all]
    return sorted(some, key=lambda party: (_size(party[1]), party[0] not in resolved.model.classes))


def _size(addresses: AddressSet) -> int:
    return sum(network.num_addresses for network in addresses.networks)
