# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whether what files with bounds open lies within these: by addresses, whatever a zone is called.

Such a file says who its zones are and what its services are. So what a flow of others opens with these is the file's
doing, too, and has to lie within its bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._model.bounds import Bounds
from .._model.model import Flow, Model, zones_within
from .._values.addresses import EVERYBODY, AddressSet, network_text
from .._values.problems import Problems
from .resolve import Resolved

_OF_ANOTHER = "files with these bounds declare a zone or a service of this flow, and so decide what it opens"


def check_bounds(resolved: Resolved, problems: Problems) -> None:
    """Note each end of a flow that is outside of the bounds of a file that says what the flow opens."""
    model = resolved.model
    for bounds in model.bounds:
        senders, receivers = _Within(resolved, bounds.senders), _Within(resolved, bounds.receivers)
        for flow in (flow for flow in model.flows.values() if _decides(bounds, flow, model)):
            hint = "" if flow.where.origin in bounds.origins else _OF_ANOTHER
            for key, got, end, within in _outside(flow, senders, receivers):
                allowed = f"{bounds.where.key(end)} ({', '.join(within.names)})"
                problems.add(flow.where.key(key), got, f"only addresses in {allowed}", hint)


def _outside(flow: Flow, senders: _Within, receivers: _Within) -> Iterator[tuple[str, str, str, _Within]]:
    """Yield a flow's key, what is outside of the bounds there, and these: their key, and who is within them."""
    for key, names, within in (("from", flow.senders, senders), ("to", flow.receivers, receivers)):
        for name in names:
            lacking = within.lacks(name)
            if lacking:
                yield key, name if lacking == name else f"{name}: {lacking}", key, within
    lacking = receivers.lacks_some_of(flow.at) if flow.is_narrowed else ""
    if lacking:
        yield "at", lacking, "to", receivers


def _decides(bounds: Bounds, flow: Flow, model: Model) -> bool:
    """Return whether a file with these bounds says what a flow opens: its row, or a zone or a service of it."""
    zones = [name for end in (*flow.senders, *flow.receivers) for name in zones_within(model.zones, end)]
    said = [model.zones[name].where for name in zones] + [model.services[name].where for name in flow.services]
    return any(where.origin in bounds.origins for where in (flow.where, *said))


@dataclass(frozen=True)
class _Within:
    """Tells what is within the addresses of some classes and zones."""

    resolved: Resolved
    names: Sequence[str]

    @property
    def networks(self) -> AddressSet:
        return AddressSet.union(self.resolved.peers(name, "") for name in self.names)

    def lacks(self, name: str) -> str:
        """Return what of a class or a zone is outside; an empty text where nothing is."""
        if name in self.names:
            return ""
        if name in self.resolved.model.pods:
            return name  # pods have no address by which they could be inside
        known_as = {one for own in self.names for one in self.resolved.names.get(own, ())}
        # A name's addresses are others tomorrow, and the bounds are not asked for again then.
        unbound = [one for one in self.resolved.names.get(name, ()) if one not in known_as]
        if unbound and self.networks != EVERYBODY:
            return unbound[0]
        return self.lacks_some_of(self.resolved.peers(name, ""))

    def lacks_some_of(self, addresses: AddressSet) -> str:
        """Return a network of these that is outside; an empty text where none is."""
        rest = (addresses - self.networks).networks
        return network_text(rest[0]) if rest else ""
