# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whose an address is: hosts of which classes send from it, and which receive what is sent to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .._policy.compile import Fleet
from .._values.addresses import AddressSet, is_single
from .reach import Party, narrowed_to


@dataclass(frozen=True)
class Owners:
    """Tells of all addresses whose they are.

    A host's own address is its classes' alone, whatever flows are ``at``, and so is a routed one of those behind it. An
    address that flows alone name (``at``) is no class's own: hosts of several may receive there, each by its own
    policy, and none sends from it. A network that flows are at may hold those of others, too.
    """

    fleet: Fleet

    def senders(self, name: str, addresses: AddressSet) -> Party:
        """Return who sends from these addresses."""
        parts = {one: addresses & own for one, own in self._own.items()}
        return _party(name, {**parts, "": addresses - self._owned})

    def receivers(self, name: str, addresses: AddressSet, node_class: str = "") -> Party:
        """Return who receives at these addresses; where the name is a class's, no stranger is meant at its own."""
        parts = {one: addresses & (own | self.received[one]) for one, own in self._own.items()}
        rest = addresses - self._owned - self._named - self.received_by(node_class)
        return _party(name, {**parts, "": rest})

    @cached_property
    def hosts(self) -> AddressSet:
        """The addresses of all managed hosts."""
        return AddressSet.union(host.addresses("") for host in self.fleet.hosts.values())

    @cached_property
    def networks(self) -> AddressSet:
        """The networks of all classes: addresses of unmanaged hosts, and of those behind managed ones."""
        resolved = self.fleet.resolved
        unmanaged = (resolved.networks[name] for name in resolved.model.classes)
        return AddressSet.union([*unmanaged, *self.fleet.routed.values()])

    def received_by(self, node_class: str) -> AddressSet:
        """Return what the hosts of a class receive beside their own."""
        policies = self.fleet.policies
        return AddressSet.union(one for name, one in self.received.items() if node_class in policies[name].classes)

    @cached_property
    def received(self) -> dict[str, AddressSet]:
        """What hosts of each set receive beside their own: flows are at it, and it is no other's own."""
        found, networks = {}, self.fleet.resolved.networks
        for name, policy in self.fleet.policies.items():
            at = AddressSet.union(narrowed_to(policy.ingress)) - self._owned
            its_own = at & AddressSet.union(networks.get(one, AddressSet()) for one in policy.classes)
            found[name] = (at - self.networks) | its_own
        return found

    @cached_property
    def _named(self) -> AddressSet:
        """What is received at single addresses: who names one knows that it is no stranger's."""
        rules = [rule for policy in self.fleet.policies.values() for rule in policy.ingress]
        named = AddressSet.of(network for at in narrowed_to(rules) for network in at.networks if is_single(network))
        return named & AddressSet.union(self.received.values())

    @cached_property
    def _owned(self) -> AddressSet:
        return AddressSet.union(self._own.values())

    @cached_property
    def _own(self) -> dict[str, AddressSet]:
        found: dict[str, list[AddressSet]] = {name: [] for name in self.fleet.policies}
        for host in self.fleet.hosts.values():
            found[self.fleet.sets[host.name]].append(host.addresses(""))
        for name, routed in self.fleet.routed.items():
            found[name].append(routed)
        return {name: AddressSet.union(sets) for name, sets in found.items()}


def _party(name: str, parts: dict[str, AddressSet]) -> Party:
    return Party(name, {one: part for one, part in parts.items() if part})
