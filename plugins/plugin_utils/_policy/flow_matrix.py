# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Questions to a model that need no addresses."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from .._model.model import Flow, Model
from .._values.direction import DIRECTIONS
from .._values.ports import PortSet
from .._values.problems import ModelError, Problems, Where, near_miss, one_of


@dataclass(frozen=True)
class MatrixCell:
    """What the model lets one class or zone send to another: all ports together, and the flows they come from.

    ``end`` is both, ingress or egress: at which ends it is let through. ``at`` are the addresses of the receiver for
    which it is, where it isn't for all.
    """

    sender: str
    receiver: str
    end: str
    ports: PortSet
    flows: tuple[str, ...]
    at: tuple[str, ...] = ()

    @property
    def whom(self) -> str:
        """Return the receiver, for people."""
        return f"{self.receiver} at {', '.join(self.at)}" if self.at else self.receiver

    @property
    def pair(self) -> str:
        """Return both ends, for people."""
        return f"{self.sender} to {self.receiver}{self.limits}"

    @property
    def limits(self) -> str:
        """Return what the pair is limited to, for people: some of the receiver's addresses, or one end."""
        at = f" at {', '.join(self.at)}" if self.at else ""
        return at if self.end == "both" else f"{at}, {self.end} only"


def port_set(model: Model, node_class: str, direction: str, peer: str, today: datetime.date) -> PortSet:
    """Return the ports on which a class lets a peer (a class or a zone) in, or may reach it.

    Counts the flows that name both, not those of a wider zone that happens to hold the peer's addresses, nor those for
    some addresses of the receiver alone. Raises ModelError for a name that isn't in the model.
    """
    _check_question(model, node_class, direction, peer)
    ports = PortSet()
    for cell in flow_matrix(model, today):
        own, other = (cell.receiver, cell.sender) if direction == "ingress" else (cell.sender, cell.receiver)
        if own == node_class and other == peer and cell.end in ("both", direction) and not cell.at:
            ports |= cell.ports
    return ports


def flow_matrix(model: Model, today: datetime.date) -> list[MatrixCell]:
    """Return a cell for each pair of classes and zones that a flow connects, in the model's order."""
    cells: dict[tuple[str, str, str, tuple[str, ...]], list[Flow]] = {}
    for flow in model.flows.values():
        if flow.open_on(today):
            for pair in _pairs(flow):
                at = tuple(flow.at.texts()) if flow.is_narrowed else ()
                cells.setdefault((*pair, flow.end, at), []).append(flow)
    return [
        MatrixCell(sender, receiver, end, _union(flows), tuple(flow.name for flow in flows), at)
        for (sender, receiver, end, at), flows in cells.items()
    ]


def _pairs(flow: Flow) -> Iterator[tuple[str, str]]:
    for sender in flow.senders:
        for receiver in flow.receivers:
            yield sender, receiver


def _union(flows: list[Flow]) -> PortSet:
    ports = PortSet()
    for flow in flows:
        ports |= flow.ports
    return ports


def _check_question(model: Model, node_class: str, direction: str, peer: str) -> None:
    problems = Problems()
    peers = (*model.classes, *model.zones)
    if node_class not in model.classes:
        hint = near_miss(node_class, model.classes)
        problems.add(Where("node_class"), node_class, f"a class: {one_of(model.classes)}", hint)
    if direction not in DIRECTIONS:
        problems.add(Where("direction"), direction, one_of(DIRECTIONS), near_miss(direction, DIRECTIONS))
    if peer not in peers:
        problems.add(Where("peer"), peer, f"a class or a zone: {one_of(peers)}", near_miss(peer, peers))
    if problems.found:
        raise ModelError(problems.found)
