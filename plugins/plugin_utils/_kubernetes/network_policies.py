# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From a fleet to Kubernetes' NetworkPolicies (networking.k8s.io/v1): one for each direction of a class of pods.

In a NetworkPolicy, a rule without peers is open to everybody, and one without ports on every port. So a flow whose peer
is empty makes no rule at all, and a policy without rules still says its type, which denies everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._model.model import Flow, Model
from .._model.pods import POLICY_TYPES, Pods
from .._policy.compile import Fleet
from .._values.addresses import AddressSet
from .._values.ports import PortRange, PortSet
from .pod_flows import directions, peer_addresses, peers_of

LABEL = ("app.kubernetes.io/managed-by", "gatehouse")
"""What is on every object of ours, and what tells them from those of others."""

CLASS_ANNOTATION = "gatehouse.firewall/class"
FLOWS_ANNOTATION = "gatehouse.firewall/flows"
"""Holds a line for each rule of the policy, in their order, which begins with the flow's name."""

_PEERS = {"ingress": "from", "egress": "to"}


def render(fleet: Fleet) -> list[dict[str, Any]]:
    """Return the NetworkPolicies of a fleet as plain data, in the order of the model's classes.

    A class of pods with a namespace has one for each direction that it isolates, or that a flow of it counts in. A flow
    whose last day is over counts there, too: it opens nothing, and its pods stay as closed as they were.
    """
    return [
        _policy(fleet, name, pods, direction)
        for name, pods in fleet.resolved.model.pods.items()
        for direction in POLICY_TYPES
        if pods.namespace and _is_isolated(fleet.resolved.model, name, pods, direction)
    ]


def namespaces(model: Model) -> list[str]:
    """Return the namespaces in which a model has policies, or may have had some."""
    return sorted({pods.namespace for pods in model.pods.values() if pods.namespace})


def _is_isolated(model: Model, name: str, pods: Pods, direction: str) -> bool:
    flows = model.flows.values()
    return direction in (pods.isolate or ()) or any(direction in directions(flow, name) for flow in flows)


def _policy(fleet: Fleet, name: str, pods: Pods, direction: str) -> dict[str, Any]:
    rules = list(_rules(fleet, name, direction))
    annotations = {CLASS_ANNOTATION: name, FLOWS_ANNOTATION: "\n".join(_reason(flow) for flow, _rule in rules)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": pods.policy_name(name, direction),
            "namespace": pods.namespace,
            "labels": dict([LABEL]),
            "annotations": {key: text for key, text in annotations.items() if text},
        },
        "spec": {
            "podSelector": {"matchLabels": dict(pods.labels)},
            "policyTypes": [POLICY_TYPES[direction]],
            # Said even where it is empty: what is missing in an update might stay as it was.
            direction: [rule for _flow, rule in rules],
        },
    }


def _rules(fleet: Fleet, name: str, direction: str) -> Iterator[tuple[Flow, dict[str, Any]]]:
    for flow in fleet.resolved.model.flows.values():
        if direction in directions(flow, name) and flow.name not in fleet.expired:
            peers = list(_peers(fleet, flow, direction))
            if peers and flow.ports:
                ports = {} if flow.ports.everything else {"ports": list(_ports(flow.ports))}
                yield flow, {_PEERS[direction]: peers, **ports}


def _peers(fleet: Fleet, flow: Flow, direction: str) -> Iterator[dict[str, Any]]:
    pods, names = fleet.resolved.model.pods, peers_of(flow, direction)
    yield from (_pod_peer(pods[name]) for name in names if name in pods)
    if direction == "egress" and flow.is_narrowed:
        yield from _blocks(flow.at)
        return
    whole = fleet.resolved.whole
    yield from _blocks(AddressSet.union(peer_addresses(fleet, name) for name in names if name not in whole))
    for name in (name for name in names if name in whole):
        yield from _blocks_without(whole[name], peer_addresses(fleet, name))


def _blocks(addresses: AddressSet) -> Iterator[dict[str, Any]]:
    return ({"ipBlock": {"cidr": str(network)}} for network in addresses.networks)


def _blocks_without(whole: AddressSet, addresses: AddressSet) -> Iterator[dict[str, Any]]:
    """Yield the blocks of a zone, with exceptions wherever these are fewer than the blocks that are left."""
    for one in whole.networks:
        here = AddressSet.of([one])
        left, excepted = here & addresses, here - addresses
        if excepted and len(excepted) < len(left):
            yield {"ipBlock": {"cidr": str(one), "except": [str(network) for network in excepted.networks]}}
        else:
            yield from _blocks(left)


def _pod_peer(pods: Pods) -> dict[str, Any]:
    """Return both selectors in one peer: apart, they would be all pods of the namespace, and pods of any namespace."""
    # The API server itself puts this label on each namespace.
    labels = {"kubernetes.io/metadata.name": pods.namespace}
    return {
        "namespaceSelector": {"matchLabels": labels} if pods.namespace else {},
        "podSelector": {"matchLabels": dict(pods.labels)},
    }


def _ports(ports: PortSet) -> Iterator[dict[str, Any]]:
    return (_port(item) for item in ports.ranges)


def _port(item: PortRange) -> dict[str, Any]:
    end = {"endPort": item.last} if item.last != item.first else {}
    return {"protocol": item.protocol.upper(), "port": item.first, **end}


def _reason(flow: Flow) -> str:
    why = f": {flow.why}" if flow.why else ""
    source = f" [{flow.source}]" if flow.source else ""
    return f"{flow.name}{why}{source}"
