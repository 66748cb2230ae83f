# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What is not wrong with a model, and yet not what its author means: flows of the user's own that open nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._model.model import Flow
from .._policy.compile import Fleet, Rule
from .._values.addresses import EVERYBODY
from .._values.direction import DIRECTIONS
from .reach import ports_between


def remarks(fleet: Fleet) -> Iterator[str]:
    """Yield a line for each of the user's flows that opens nothing, or nothing that another flow doesn't.

    A profile's flows may well open nothing: its zones are empty until the user fills them. Of two flows that
    open the same, the later one is told, so that one of them stays.
    """
    found: dict[str, str] = {}
    for flow in reversed([*fleet.resolved.model.flows.values()]):
        if not flow.where.is_shipped and flow.name not in fleet.expired:
            remark = _remark(fleet, flow, set(found))
            if remark:
                found[flow.name] = f"{flow.where}: the flow {flow.name} {remark}"
    yield from reversed(found.values())


def _remark(fleet: Fleet, flow: Flow, useless: set[str]) -> str:
    groups = [policy.rules(direction) for policy in fleet.policies.values() for direction in DIRECTIONS]
    own = [(rule, rules) for rules in groups for rule in rules if rule.flow == flow.name]
    nobody = sorted({rule.peer for rule, _others in own if not rule.is_for_somebody})
    if nobody and len(nobody) == len({rule.peer for rule, _others in own}):
        return f"opens nothing: {', '.join(nobody)} is empty"
    wider: dict[str, None] = {}
    for rule, rules in own:
        for allowed in _allowed_already(rule, [other for other in rules if other.flow not in {*useless, flow.name}]):
            if not allowed:
                return ""
            wider[allowed] = None
    return f"opens nothing that {', '.join(wider)} doesn't open already" if wider else ""


def _allowed_already(rule: Rule, rules: Sequence[Rule]) -> Iterator[str]:
    """Yield, for each part of a rule's ports, the flow that opens it to the same peer or to everybody; or nothing."""
    if not rule.is_for_somebody:
        return
    whom = (rule.peer, rule.side, rule.names)
    others = [
        other
        for other in rules
        if not rule.at - other.at
        if (other.peer, other.side, other.names) == whom
        or (other.addresses == EVERYBODY and other.side in ("", rule.side))
    ]
    for port in ports_between([other.ports for other in others], rule.ports):
        yield next((other.flow for other in others if other.ports.holds(port.protocol, port.number)), "")
