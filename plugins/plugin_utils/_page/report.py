# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a page is made of, and where on it everything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .._host_facts.state import HostState
from .._model.model import Model
from .._plan.reviewed import Planned
from .._policy.compile import Fleet
from .._policy.flow_matrix import MatrixCell
from .._policy.resolve import Host


@dataclass(frozen=True)
class Report:
    """The fleet, which traffic it allows, what its hosts have said of themselves, and what a plan would change there.

    ``live`` is empty where no host was asked, and ``plan`` is None.
    """

    fleet: Fleet
    cells: Sequence[MatrixCell]
    live: Mapping[str, HostState] = field(default_factory=dict)
    plan: Mapping[str, Planned] | None = None

    @property
    def model(self) -> Model:
        """Return the model behind the fleet."""
        return self.fleet.resolved.model

    @cached_property
    def names(self) -> list[str]:
        """Return the classes and zones that some flow connects, classes first."""
        found = {name for cell in self.cells for name in (cell.sender, cell.receiver)}
        return [name for name in (*self.model.classes, *self.model.zones) if name in found]

    @cached_property
    def senders(self) -> list[str]:
        """Return the names that reach any other."""
        found = {cell.sender for cell in self.cells}
        return [name for name in self.names if name in found]

    @cached_property
    def receivers(self) -> list[str]:
        """Return the names that any other reaches."""
        found = {cell.receiver for cell in self.cells}
        return [name for name in self.names if name in found]

    @cached_property
    def hosts(self) -> dict[str, list[Host]]:
        """Return the managed hosts of each set of classes, by name."""
        return {name: sorted(hosts, key=lambda host: host.name) for name, hosts in self.fleet.members.items()}

    @cached_property
    def host_places(self) -> dict[str, str]:
        """Return where each host stands; what a host is called need not do as a name of a place."""
        hosts = [host.name for hosts in self.hosts.values() for host in hosts]
        return {host: f"host-{number}" for number, host in enumerate(hosts)}

    def kind(self, name: str) -> str:
        """Return whether a name is that of a zone, or of a class or a set of classes."""
        return "zone" if name in self.model.zones else "class"

    def sets_with(self, name: str) -> list[str]:
        """Return the sets of classes that have a class."""
        return [one for one, policy in self.fleet.policies.items() if name in policy.classes]

    def place(self, name: str) -> str:
        """Return where a class, a set of classes or a zone stands."""
        return f"{self.kind(name)}-{name}"


def by_classes(report: Report) -> dict[str, list[HostState]]:
    """Return what the hosts of each set of classes have said, for those of which any host was asked."""
    found: dict[str, list[HostState]] = {}
    for name, hosts in report.hosts.items():
        own = [report.live[host.name] for host in hosts if host.name in report.live]
        if own:
            found[name] = own
    return found
