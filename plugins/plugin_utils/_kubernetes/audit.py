# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How the NetworkPolicies of a cluster differ from those that a model has: by flow, for people and for a role."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .network_policies import FLOWS_ANNOTATION, LABEL
from .verdict import selected

Object = Mapping[str, Any]

KINDS = (
    "policy_gone",
    "policy_surplus",
    "policy_foreign",
    "another_policy",
    "selector_changed",
    "address_changed",
    "rule_added",
    "rule_removed",
)

_DIRECTIONS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}


@dataclass(frozen=True)
class Finding:
    """One difference between the cluster and the model; ``flow`` is empty where no flow tells it."""

    kind: str
    text: str
    flow: str = ""


@dataclass(frozen=True)
class Comparison:
    """What there is in the model's namespaces: ours, what of it the model has no more, and what is in our way."""

    ours: tuple[Object, ...]
    surplus: tuple[Object, ...]
    foreign: tuple[Object, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Opening:
    """One peer on one port, of one rule."""

    peer: str
    port: str

    @property
    def is_block(self) -> bool:
        return "ipBlock" in json.loads(self.peer)

    def __str__(self) -> str:
        return f"{_peer_text(json.loads(self.peer))} on {self.port}"


def compare(wanted: Sequence[Object], live: Sequence[Object]) -> Comparison:
    """Return how the policies of some namespaces differ from those that a model has there."""
    names = {full_name(one) for one in wanted}
    found = {full_name(one): one for one in live}
    ours = [one for one in live if is_ours(one)]
    surplus = [one for one in ours if full_name(one) not in names]
    foreign = [one for one in live if not is_ours(one) and full_name(one) in names]
    findings = [
        *(_gone(one) for one in wanted if full_name(one) not in found),
        *(Finding("policy_surplus", f"{full_name(one)}: ours, but the model has it no more") for one in surplus),
        *(Finding("policy_foreign", f"{full_name(one)}: not ours, but has a name of the model's") for one in foreign),
        *(one for each in wanted for one in _others(each, live)),
        *(one for each in wanted if full_name(each) in found for one in _differences(each, found[full_name(each)])),
    ]
    return Comparison(tuple(ours), tuple(surplus), tuple(foreign), tuple(findings))


def full_name(policy: Object) -> str:
    """Return what names a policy in a cluster."""
    return f"{policy['metadata'].get('namespace', 'default')}/{policy['metadata']['name']}"


def is_ours(policy: Object) -> bool:
    """Return whether we have made a policy: its label says so."""
    key, value = LABEL
    return (policy["metadata"].get("labels") or {}).get(key) == value


def _gone(policy: Object) -> Finding:
    types = " and ".join(_types(policy)).lower()
    return Finding("policy_gone", f"{full_name(policy)}: not there, so that nothing of ours restricts {types}")


def _others(policy: Object, live: Iterable[Object]) -> Iterator[Finding]:
    """Yield the policies of others that open more for the same pods: the rules of all policies add up."""
    labels = policy["spec"]["podSelector"]["matchLabels"]
    for other in live:
        same_namespace = other["metadata"].get("namespace") == policy["metadata"]["namespace"]
        if same_namespace and not is_ours(other) and full_name(other) != full_name(policy):
            opened = [one for one in _types(policy) if one in _types(other) and _rules(other, one)]
            if opened and selected(other["spec"].get("podSelector") or {}, labels):
                words = f"not ours, opens {opened[0].lower()} for the pods of {full_name(policy)}"
                yield Finding("another_policy", f"{full_name(other)}: {words}")


def _differences(wanted: Object, live: Object) -> Iterator[Finding]:
    name = full_name(wanted)
    if wanted["spec"]["podSelector"] != live["spec"].get("podSelector") or _types(wanted) != _types(live):
        yield Finding("selector_changed", f"{name}: is for other pods, or for another direction, than the model's")
    for policy_type in _types(wanted):
        expected, found = _openings(wanted, policy_type), _openings(live, policy_type)
        missing = {one: flow for one, flow in expected.items() if one not in found}
        extra = {one: flow for one, flow in found.items() if one not in expected}
        for flow in dict.fromkeys([*missing.values(), *extra.values()]):
            gone, added = ([one for one, its in each.items() if its == flow] for each in (missing, extra))
            yield from _of_flow(name, flow, gone, added)


def _of_flow(name: str, flow: str, gone: Sequence[_Opening], added: Sequence[_Opening]) -> Iterator[Finding]:
    where = f"{name}, flow {flow}" if flow else name
    if flow and all(one.is_block for one in (*gone, *added)):
        words = f"the model has {_list(gone)}, the cluster {_list(added)}"
        yield Finding("address_changed", f"{where}: {words}", flow)
        return
    for one in gone:
        yield Finding("rule_removed", f"{where}: {one} is not open", flow)
    for one in added:
        yield Finding("rule_added", f"{where}: {one} is open, and not by the model", flow)


def _list(openings: Sequence[_Opening]) -> str:
    return ", ".join(map(str, openings)) or "nothing instead"


def _openings(policy: Object, policy_type: str) -> dict[_Opening, str]:
    """Return each peer and port that a policy opens, with the flow that its annotation names for the rule."""
    rules = _rules(policy, policy_type)
    lines = (policy["metadata"].get("annotations") or {}).get(FLOWS_ANNOTATION, "").splitlines()
    flows = [line.partition(":")[0].split(" [")[0] for line in lines]
    known = flows if len(flows) == len(rules) else [""] * len(rules)
    _key, peers = _DIRECTIONS[policy_type]
    return {
        _Opening(json.dumps(peer, sort_keys=True), port): flow
        for rule, flow in zip(rules, known)
        for peer in rule.get(peers) or [{}]
        for port in [_port_text(one) for one in rule.get("ports") or []] or ["every port"]
    }


def _rules(policy: Object, policy_type: str) -> list[Object]:
    return policy["spec"].get(_DIRECTIONS[policy_type][0]) or []


def _types(policy: Object) -> list[str]:
    return list(policy["spec"].get("policyTypes") or ["Ingress"])


def _port_text(port: Object) -> str:
    first, last = port.get("port", "every port"), port.get("endPort")
    number = f"{first}-{last}" if last else str(first)
    return f"{number}/{port.get('protocol', 'TCP').lower()}"


def _peer_text(peer: Object) -> str:
    if "ipBlock" in peer:
        excepted = peer["ipBlock"].get("except")
        return f"{peer['ipBlock']['cidr']}{' except ' + ', '.join(excepted) if excepted else ''}"
    if not peer:
        return "everybody"
    selector = peer.get("podSelector")
    pods = f"pods {_selector_text(selector)}" if selector else "all pods"
    if "namespaceSelector" not in peer:
        return f"{pods} of the same namespace"
    namespaces = peer["namespaceSelector"]
    return f"{pods} in {'namespaces ' + _selector_text(namespaces) if namespaces else 'any namespace'}"


def _selector_text(selector: Object) -> str:
    labels = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    expressions = [json.dumps(one, sort_keys=True) for one in selector.get("matchExpressions") or ()]
    return ",".join([*labels, *expressions])
