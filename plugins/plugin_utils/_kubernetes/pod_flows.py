# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Flows of pods: at which ends they are enforced, what a NetworkPolicy can't say, and what hosts can't tell."""

from __future__ import annotations

from collections.abc import Iterator

from .._model.model import Flow, Model
from .._model.node_classes import NodeClass
from .._model.pods import POLICY_TYPES
from .._policy.compile import Fleet
from .._values.addresses import AddressSet
from .._values.problems import Problems


def check_pods(model: Model, problems: Problems) -> None:
    """Note what a model asks of pods that nothing enforces, and policies that would be one object."""
    for one in model.classes.values():
        _check_class(one, problems)
    for flow in model.flows.values():
        if _pods_of(flow, model):
            _check_flow(flow, model, problems)
    _check_names(model, problems)


def directions(flow: Flow, name: str) -> Iterator[str]:
    """Yield in which directions a flow counts for a class or a zone."""
    if name in flow.receivers and flow.end in ("both", "ingress"):
        yield "ingress"
    if name in flow.senders and flow.end in ("both", "egress"):
        yield "egress"


def peers_of(flow: Flow, direction: str) -> tuple[str, ...]:
    """Return who is at the other end of a flow, seen from those for which it counts in a direction."""
    return flow.senders if direction == "ingress" else flow.receivers


def peer_addresses(fleet: Fleet, name: str) -> AddressSet:
    """Return all addresses of a class or a zone, those behind its host names among them; of pods, none."""
    resolved = fleet.resolved
    return AddressSet.union([resolved.peers(name, ""), *resolved.names.get(name, {}).values()])


def pod_remarks(fleet: Fleet) -> Iterator[str]:
    """Yield a line for each thing about pods that is not wrong, and yet not what people may mean."""
    model = fleet.resolved.model
    for flow in model.flows.values():
        if _pods_of(flow, model) and not flow.where.is_shipped and flow.name not in fleet.expired:
            yield from (f"{flow.where}: the flow {flow.name} {words}" for words in _remarks(fleet, flow))
    if model.undetected:
        options = ", ".join(f"gatehouse_options.{name}" for name in model.undetected)
        yield f"Not known without the cluster, and closed until the role network_policy has found it: {options}"


def _pods_of(flow: Flow, model: Model) -> list[str]:
    return [name for name in dict.fromkeys((*flow.senders, *flow.receivers)) if name in model.pods]


def _check_class(one: NodeClass, problems: Problems) -> None:
    if not one.pods:
        return
    for key in ("isolated", "pre_dnat"):
        if getattr(one, key):
            problems.add(one.where.key(key), getattr(one, key), f"no {key} beside pods: it is for hosts")
    # A profile may have names for policies that an option puts into a namespace, or not.
    names = () if one.where.is_shipped else one.pods.policy_names
    if not one.pods.namespace and (one.pods.isolate or names):
        expected = "a namespace: a NetworkPolicy is in one, and without any these pods can only be a peer"
        problems.add(one.where.key("pods").key("namespace"), None, expected)


def _check_flow(flow: Flow, model: Model, problems: Problems) -> None:
    if flow.side:
        problems.add(flow.where.key("side"), flow.side, "no side: a NetworkPolicy can't tell interfaces apart")
    if flow.log:
        problems.add(flow.where.key("log"), flow.log, "no log: a NetworkPolicy can't log")
    ends = [(name, direction) for name in (*flow.senders, *flow.receivers) for direction in directions(flow, name)]
    enforcing = [name for name, _direction in ends if name in model.classes and _enforces(model.classes[name])]
    if not enforcing:
        expected = "a class of hosts, or pods with a namespace, at an end that counts: neither end enforces this flow"
        problems.add(flow.where, flow.name, expected)


def _enforces(one: NodeClass) -> bool:
    return bool(one.pods.namespace) if one.pods else True


def _check_names(model: Model, problems: Problems) -> None:
    owners: dict[tuple[str, str], str] = {}
    for name, pods in model.pods.items():
        if not pods.namespace:
            continue
        for direction in POLICY_TYPES:
            policy = pods.policy_name(name, direction)
            owner = owners.setdefault((pods.namespace, policy), f"{direction} of {name}")
            if owner != f"{direction} of {name}":
                expected = f"a name of its own for {direction}: in namespace {pods.namespace}, {owner} has it"
                problems.add(model.classes[name].where.key("pods").key("policy_names"), policy, expected)


def _remarks(fleet: Fleet, flow: Flow) -> Iterator[str]:
    model = fleet.resolved.model
    managed = [name for name, hosts in fleet.resolved.hosts.items() if hosts]
    for name in dict.fromkeys((*flow.senders, *flow.receivers)):
        for direction in directions(flow, name):
            peers = peers_of(flow, direction)
            pods = [peer for peer in peers if peer in model.pods]
            if name in managed and pods:
                yield (
                    f"opens nothing at {name}: a host can't tell pods by their addresses, so that it counts for "
                    f"{', '.join(pods)} alone; let {name} reach the pods' networks, as a zone, where it has to"
                )
            elif name in model.pods and not pods and not any(peer_addresses(fleet, peer) for peer in peers):
                yield f"opens nothing for {name}: {', '.join(peers)} is empty"
