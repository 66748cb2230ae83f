# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What NetworkPolicies do with a packet; written from Kubernetes' documentation, not from a renderer.

A pod that no policy of a direction selects is open in that direction. One that is selected lets through what any rule
of any of these policies allows, and nothing else. Replies pass by themselves, and so does what a pod's own node sends
to it or gets from it, which is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

_KEYS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}


@dataclass(frozen=True)
class Pod:
    """A pod: its labels, its namespace's name and labels, and its address where that matters."""

    labels: Mapping[str, str]
    namespace: str
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection; an end is a pod, or an address outside of the cluster."""

    source: Pod | str
    destination: Pod | str
    protocol: str
    port: int


def verdict(objects: Iterable[Mapping[str, Any]], packet: Packet) -> bool:
    """Return whether a packet passes: the sender's policies have to let it out, and the receiver's let it in."""
    policies = list(objects)
    return _lets_through(policies, "Egress", packet.source, packet.destination, packet) and _lets_through(
        policies, "Ingress", packet.destination, packet.source, packet
    )


def _lets_through(
    policies: Iterable[Mapping[str, Any]], policy_type: str, own: Pod | str, peer: Pod | str, packet: Packet
) -> bool:
    if isinstance(own, str):
        return True
    isolating = [policy for policy in policies if _selects(policy, policy_type, own)]
    rules, peers = _KEYS[policy_type]
    return not isolating or any(
        _has_peer(rule.get(peers), peer, policy) and _has_port(rule.get("ports"), packet)
        for policy in isolating
        for rule in policy["spec"].get(rules) or ()
    )


def _selects(policy: Mapping[str, Any], policy_type: str, pod: Pod) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    same_namespace = policy["metadata"].get("namespace", "default") == pod.namespace
    return policy_type in types and same_namespace and selected(spec.get("podSelector") or {}, pod.labels)


def selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector takes an object with these labels; an empty one takes every object."""
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()) and all(
        _holds(one, labels) for one in selector.get("matchExpressions") or ()
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[expression["operator"]]


def _has_peer(peers: Sequence[Mapping[str, Any]] | None, end: Pod | str, policy: Mapping[str, Any]) -> bool:
    return not peers or any(_is_peer(peer, end, policy) for peer in peers)


def _is_peer(peer: Mapping[str, Any], end: Pod | str, policy: Mapping[str, Any]) -> bool:
    if "ipBlock" in peer:
        return _is_in(peer["ipBlock"], end if isinstance(end, str) else end.address)
    if isinstance(end, str):
        return False
    if "namespaceSelector" in peer:
        in_namespace = selected(peer["namespaceSelector"], end.namespace_labels)
    else:
        in_namespace = end.namespace == policy["metadata"].get("namespace", "default")
    return in_namespace and selected(peer.get("podSelector") or {}, end.labels)


def _is_in(block: Mapping[str, Any], address: str) -> bool:
    if not address:
        return False
    found = ip_address(address)
    excepted = any(found in ip_network(network) for network in block.get("except") or ())
    return found in ip_network(block["cidr"]) and not excepted


def _has_port(ports: Sequence[Mapping[str, Any]] | None, packet: Packet) -> bool:
    return not ports or any(_is_port(port, packet) for port in ports)


def _is_port(port: Mapping[str, Any], packet: Packet) -> bool:
    if port.get("protocol", "TCP") != packet.protocol.upper():
        return False
    first = port.get("port")
    return first is None or first <= packet.port <= port.get("endPort", first)
