# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What Calico does otherwise than the model says, since it can't do it: for the run to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._model.calico_settings import LEAVE, OBSERVE
from .._policy.compile import Fleet, Policy, Rule
from .._values.addresses import EVERYBODY
from .._values.ports import PortSet
from .._values.problems import Problems
from .endpoints import FAILSAFES, endpoint_kinds, enforced_by_calico
from .names import Names

DROPS = "Calico drops what it denies, whatever gatehouse_deny.ingress says on {0}"
ENFORCES = (
    "Calico enforces both directions, whatever gatehouse_mode says, on {0}: gatehouse_calico.mode has it observe both"
)


def calico_remarks(fleet: Fleet) -> Iterator[str]:
    """Yield a line for each thing that stays open, or is judged, although the model doesn't say so."""
    calico = fleet.resolved.model.calico
    enforced = enforced_by_calico(fleet)
    asked = [host for policy in enforced for host in fleet.members[policy.name]]
    if enforced and calico.mode == OBSERVE:
        yield "Calico observes: its policies are staged, and its host endpoints let everything through"
    yield from _of_hosts(sorted(host.name for host in asked if host.deny.rejects("ingress")), DROPS)
    if calico.mode != OBSERVE:
        yield from _of_hosts(sorted(host.name for host in asked if fleet.policy_of(host.name).observe), ENFORCES)
    if calico.failsafes == LEAVE:
        for policy in enforced:
            yield from _failsafe_remarks(policy)
    for kind in endpoint_kinds(fleet, Names(Problems())):
        if kind.denies_before_dnat and not calico.pod_networks:
            side = f"the {kind.side} side" if kind.side else "any interface"
            judged = f"{kind.denies_before_dnat} of {kind.policy.name} on {side}"
            hint = "gatehouse_calico.pod_networks leaves those alone"
            yield f"Calico judges {judged} whomever a packet is for, pods among them: {hint}"
        late = [rule for rule in kind.policy.ingress if rule.is_narrowed and not _is_within(rule, kind.policy)]
        for flow in dict.fromkeys(rule.flow for rule in late):
            yield f"Calico judges the flow {flow} by the address that a packet has after DNAT, if the host redirects it"


def _of_hosts(names: Sequence[str], remark: str) -> Iterator[str]:
    if names:
        yield remark.format(", ".join(names))


def _failsafe_remarks(policy: Policy) -> Iterator[str]:
    for direction, words in (("ingress", "from everybody"), ("egress", "to everybody")):
        ports = list(_open_failsafes(policy, direction))
        if ports:
            opened = f"Calico leaves {', '.join(ports)} of {policy.name} open {words}, whatever the model says"
            hint = "gatehouse_calico.failsafes: manage narrows them"
            yield f"{opened}: Felix' failsafes come before any policy; {hint}"


def _is_within(rule: Rule, policy: Policy) -> bool:
    """Return whether all ports of a rule are judged before DNAT."""
    return (policy.pre_dnat_ports & rule.ports) == rule.ports


def _open_failsafes(policy: Policy, direction: str) -> Iterator[str]:
    """Yield the failsafe ports of a direction that no flow opens to everybody."""
    for protocol, port in FAILSAFES[direction]:
        allowed = (rule for rule in policy.rules(direction) if rule.ports.holds(protocol, port) and not rule.side)
        if not any(rule.addresses == EVERYBODY and not rule.is_narrowed for rule in allowed):
            yield str(PortSet.parse(f"{port}/{protocol}"))
