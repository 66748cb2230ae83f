# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What people call an end of a question: a host, a node class, a zone, an address, a network, or a host name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .._policy.compile import Fleet
from .._policy.resolve import Inventory, Lookup, host_addresses
from .._values.addresses import AddressError, AddressSet, parse_host_address, parse_network
from .._values.problems import Problems, Where, near_miss
from .owners import Owners
from .reach import Party

_EXPECTED = "a host of the inventory, a node class, a zone, an address, a network, or a name that resolves to one"

_HIDDEN = (
    "{0} is behind hosts of {1}, which masquerade it: peers see the host's address, and other hosts may have the same "
    "behind them. Ask for a host"
)
_NO_PODS = "an end with addresses: pods have none here, and their NetworkPolicies say who reaches them"


@dataclass(frozen=True)
class Ends:
    """Finds who is meant, in a fleet and its inventory."""

    fleet: Fleet
    inventory: Inventory
    lookup: Lookup

    @cached_property
    def owners(self) -> Owners:
        """Whose the fleet's addresses are."""
        return Owners(self.fleet)

    def sender(self, where: Where, name: object, problems: Problems) -> Party:
        """Return who of this name sends, noting a problem where there is none."""
        return self.owners.senders(_text(name), self._addresses(where, name, problems))

    def receiver(self, where: Where, name: object, problems: Problems) -> Party:
        """Return who of this name receives: a class also where flows are at addresses that no host has."""
        node_class = self._node_class(_text(name))
        received = self.owners.received_by(node_class)
        addresses = self._addresses(where, name, problems) | received
        return self.owners.receivers(_text(name), addresses, node_class)

    def is_empty_class(self, name: object) -> bool:
        """Return whether a name is that of a class that is empty today."""
        resolved = self.fleet.resolved
        node_class = resolved.model.classes.get(self._node_class(_text(name)))
        return node_class is not None and not node_class.pods and not resolved.peers(node_class.name, "")

    def strangers(self, found: Party) -> Party:
        """Return who of a zone is in no node class; any other party as it is.

        "Everybody" in a zone's networks holds the fleet's own hosts, too, which are not meant.
        """
        if found.name not in self.fleet.resolved.model.zones:
            return found
        rest = found.parts.get("", AddressSet()) - self.owners.networks
        return Party(found.name, {"": rest} if rest else {})

    def remarks(self, *names: object) -> tuple[str, ...]:
        """Return what there is to know of addresses that a question names and no peer sees."""
        return tuple(dict.fromkeys(line for name in names if name for line in self._hidden(_text(name))))

    def _hidden(self, text: str) -> Iterator[str]:
        if not (self._host(text) or self._class_or_zone(text)):
            addresses = self._address(text) - self.owners.hosts
            for node_class in self.fleet.resolved.model.classes.values():
                if node_class.carries and addresses & node_class.carries.masqueraded:
                    yield _HIDDEN.format(text, node_class.name)

    def _addresses(self, where: Where, name: object, problems: Problems) -> AddressSet:
        text = _text(name)
        addresses = self._host(text) or self._class_or_zone(text) or self._address(text)
        if not addresses:
            model = self.fleet.resolved.model
            known = [*self.inventory.hosts, *model.classes, *model.zones]
            nobody = text in model.zones or text in model.classes
            expected = "an end with addresses: it has none" if nobody else _EXPECTED
            expected = _NO_PODS if model.same_as.get(text, text) in model.pods else expected
            problems.add(where, name, expected, "" if nobody else near_miss(text, known))
        return addresses

    def _node_class(self, text: str) -> str:
        return "" if self._host(text) else self.fleet.resolved.model.same_as.get(text, text)

    def _host(self, text: str) -> AddressSet:
        if text in self.fleet.hosts:
            return self.fleet.hosts[text].addresses("")
        if text in self.inventory.hosts:
            return host_addresses(text, self.inventory, self.lookup)
        return AddressSet()

    def _class_or_zone(self, text: str) -> AddressSet:
        resolved = self.fleet.resolved
        name = resolved.model.same_as.get(text, text)
        if name not in resolved.networks:
            return AddressSet()
        return AddressSet.union([resolved.peers(name, ""), *resolved.names.get(name, {}).values()])

    def _address(self, text: str) -> AddressSet:
        try:
            return AddressSet.of([parse_network(text)])
        except AddressError:
            pass
        try:
            answers = self.lookup(text) if text else ()
            return AddressSet.of(parse_host_address(answer) for answer in answers)
        except AddressError:
            return AddressSet()


def _text(name: object) -> str:
    return name if isinstance(name, str) else ""
