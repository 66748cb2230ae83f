# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What Felix does with a packet, given Calico's objects: their semantics, from nothing but the objects.

Sources: Felix' rule renderer (rules/static.go, endpoints.go, dispatch.go) and policy sorter, release 3.32, and
Calico's pages on host endpoints, pre-DNAT policy, and forwarded traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import ip_network
from typing import Any

from .._values.addresses import Address
from .._verdict.packet import Packet, Verdict
from .endpoints import ALLOW_ALL_PROFILE, FAILSAFES
from .names import FLOW_ANNOTATION, Object
from .selector import Selector, parse_selector

FAILSAFE_KEY = {"ingress": "failsafeInboundHostPorts", "egress": "failsafeOutboundHostPorts"}
DEFAULT_TIER_ORDER = 1_000_000.0
# Those that every datastore has: since 3.32, and before.
DEFAULT_TIERS = {"default", "kube-admin", "kube-baseline", "adminnetworkpolicy", "baselineadminnetworkpolicy"}

# net/netfilter/nf_conntrack_proto_icmpv6.c: neighbour discovery but its redirect (137), and multicast listeners, are
# never tracked.
_UNTRACKED_ICMPV6 = (130, 131, 132, 133, 134, 135, 136, 143)
_PROTOCOLS = {"1": "icmp", "2": "igmp", "6": "tcp", "17": "udp", "58": "icmpv6", "132": "sctp"}
_LAST = float("inf")


@dataclass(frozen=True)
class Cluster:
    """Calico's objects, as a datastore has them."""

    objects: Sequence[Object]
    selectors: dict[str, Selector] = field(default_factory=dict, compare=False)

    def of_kind(self, *kinds: str) -> list[Object]:
        """Return the objects of these kinds."""
        return [one for one in self.objects if one["kind"] in kinds]

    def selects(self, selector: str, labels: Mapping[str, str]) -> bool:
        """Return whether a selector is for something with these labels."""
        if selector not in self.selectors:
            self.selectors[selector] = parse_selector(selector)
        return self.selectors[selector](labels)

    @cached_property
    def sets(self) -> list[tuple[Mapping[str, str], list[Any]]]:
        """Return the labels and the networks of each network set, and of each host endpoint that has addresses."""
        found = []
        for one in self.of_kind("GlobalNetworkSet", "HostEndpoint"):
            nets = one["spec"].get("nets" if one["kind"] == "GlobalNetworkSet" else "expectedIPs") or []
            found.append((_labels(one), [ip_network(net, strict=False) for net in nets]))
        return found

    def endpoint(self, node: str, interface: str) -> Object | None:
        """Return the host endpoint that governs an interface: a named one, or else one for all; the first of several.

        Loopback has no named one, as a rule.
        """
        # Felix' resolveHostEndpoints: all but one endpoint for an interface are inert.
        own = [one for one in self.of_kind("HostEndpoint") if one["spec"]["node"] == node]
        for wanted in (interface, "*"):
            found = [one for one in own if one["spec"].get("interfaceName") == wanted]
            if found:
                return min(found, key=lambda one: str(one["metadata"]["name"]))
        return None

    def tiers(self, endpoint: Object, direction: str) -> list[tuple[str, list[Object]]]:
        """Return the tiers with policies for an endpoint in a direction, in their order: the default action, policies.

        Staged policies don't count.
        """
        tiers = {one["metadata"]["name"]: one["spec"] for one in self.of_kind("Tier")}
        by_tier: dict[str, list[Object]] = {}
        for policy in self.of_kind("GlobalNetworkPolicy"):
            selector = policy["spec"].get("selector") or ""
            if direction in directions(policy) and self.selects(selector, _labels(endpoint)):
                by_tier.setdefault(policy["spec"].get("tier", "default"), []).append(policy)

        def order(tier: str) -> tuple[float, str]:
            default = DEFAULT_TIER_ORDER if tier == "default" else _LAST
            return float(tiers.get(tier, {}).get("order", default)), tier

        return [
            (tiers.get(tier, {}).get("defaultAction", "Deny"), sorted(by_tier[tier], key=_policy_order))
            for tier in sorted(by_tier, key=order)
        ]


def calico_verdict(cluster: Cluster, node: str, packet: Packet) -> Verdict:
    """Return what a node does with a packet on one of its interfaces."""
    endpoint = cluster.endpoint(node, packet.interface)
    if endpoint is None:
        return Verdict(True, "", "no host endpoint governs the interface")
    if packet.state in ("established", "related"):
        return Verdict(True, "", "it belongs to a connection that was allowed")
    return _Judge(cluster, node, endpoint).verdict(packet)


def directions(policy: Object) -> tuple[str, ...]:
    """Return the directions of a policy, which Calico fills in where ``types`` is missing."""
    spec = policy["spec"]
    if spec.get("types"):
        return tuple(one.lower() for one in spec["types"])
    if spec.get("egress") and not spec.get("preDNAT"):
        return ("ingress", "egress") if spec.get("ingress") else ("egress",)
    return ("ingress",)


@dataclass(frozen=True)
class _Judge:
    cluster: Cluster
    node: str
    endpoint: Object

    def verdict(self, packet: Packet) -> Verdict:
        untracked = self.stage(packet, "doNotTrack")
        if untracked:
            return untracked
        if packet.state == "invalid" and not _is_never_tracked(packet):
            return Verdict(False, "", "connection tracking calls it invalid")
        if packet.direction == "egress":
            return self.of_the_host(packet)
        # Felix jumps to its failsafes before any policy, in the chain before DNAT as well.
        before = None if self.failsafe(packet) else self.stage(packet, "preDNAT")
        if before and not before.allowed:
            return before
        if packet.forwarded or (not packet.to_host and packet.redirected_to is None):
            return before or self.forwarded(packet)
        # An Allow before DNAT marks a packet as accepted: no other policy judges it any more.
        if packet.redirected_to is not None:
            packet = replace(packet, port=packet.redirected_to)
        return before or self.of_the_host(packet)

    def of_the_host(self, packet: Packet) -> Verdict:
        if self.failsafe(packet):
            return Verdict(True, "", "it is to a failsafe port")
        tiers = self.tiers(packet, lambda spec: not _is_special(spec))
        if tiers:
            return self.judged(tiers, packet) or self.by_profiles()
        return self.by_profiles()

    def forwarded(self, packet: Packet) -> Verdict:
        # The chains for forwarded packets have no failsafes, and deny nothing where no policy applies to them.
        tiers = self.tiers(packet, lambda spec: bool(spec.get("applyOnForward")) and not _is_special(spec))
        return (self.judged(tiers, packet) if tiers else None) or Verdict(True, "", "it is forwarded")

    def by_profiles(self) -> Verdict:
        allowed = ALLOW_ALL_PROFILE in (self.endpoint["spec"].get("profiles") or [])
        return Verdict(allowed, "", "the endpoint's profiles" if allowed else "no policy and no profile allows it")

    def stage(self, packet: Packet, key: str) -> Verdict | None:
        """Return what the policies before connection tracking, or before DNAT, say; nothing where none matches."""
        tiers = self.tiers(packet, lambda spec: bool(spec.get(key)))
        # These chains have no drop at the end of a tier: what matches no rule goes on.
        return self.judged([("Pass", policies) for _action, policies in tiers], packet)

    def tiers(self, packet: Packet, counts: Any) -> list[tuple[str, list[Object]]]:
        found = self.cluster.tiers(self.endpoint, packet.direction)
        counting = [(action, [one for one in policies if counts(one["spec"])]) for action, policies in found]
        return [(action, policies) for action, policies in counting if policies]

    def judged(self, tiers: Iterable[tuple[str, list[Object]]], packet: Packet) -> Verdict | None:
        for default, policies in tiers:
            action, flow = self.decision(policies, packet)
            action = action or default
            if action != "Pass":
                return Verdict(action == "Allow", flow, f"a policy of Calico's: {action}")
        return None

    def decision(self, policies: Iterable[Object], packet: Packet) -> tuple[str, str]:
        for policy in policies:
            for rule in policy["spec"].get(packet.direction) or []:
                if rule["action"] != "Log" and self.matches(rule, packet):
                    return rule["action"], str(_annotations(rule).get(FLOW_ANNOTATION, ""))
        return "", ""

    def matches(self, rule: Object, packet: Packet) -> bool:
        icmp = rule.get("icmp") or {}
        return (
            rule.get("ipVersion", packet.source.version) == packet.source.version
            and ("protocol" not in rule or _protocol(rule["protocol"]) == packet.protocol)
            and ("type" not in icmp or icmp["type"] == packet.icmp_type)
            and self.is_end(rule.get("source") or {}, packet.source, packet.source_port)
            and self.is_end(rule.get("destination") or {}, packet.destination, packet.port)
        )

    def is_end(self, entity: Object, address: Address, port: int | None) -> bool:
        return (
            (not entity.get("nets") or _is_in(address, entity["nets"]))
            and not _is_in(address, entity.get("notNets") or [])
            and (not entity.get("selector") or self.is_in_set(address, entity["selector"]))
            and not (entity.get("notSelector") and self.is_in_set(address, entity["notSelector"]))
            and (not entity.get("ports") or any(_holds(item, port) for item in entity["ports"]))
            and not any(_holds(item, port) for item in entity.get("notPorts") or [])
        )

    def is_in_set(self, address: Address, selector: str) -> bool:
        sets = (nets for labels, nets in self.cluster.sets if self.cluster.selects(selector, labels))
        return any(address in net for nets in sets for net in nets)

    def failsafe(self, packet: Packet) -> bool:
        return any(
            protocol == packet.protocol and port == packet.port and (not net or packet.peer in ip_network(net))
            for protocol, port, net in failsafe_ports(self.cluster, self.node, packet.direction)
        )


def failsafe_ports(cluster: Cluster, node: str, direction: str) -> Iterator[tuple[str, int, str]]:
    """Yield protocol, port and network (or nothing) of what a node's Felix lets through before any policy."""
    key = FAILSAFE_KEY[direction]
    configured = {one["metadata"]["name"]: one["spec"].get(key) for one in cluster.of_kind("FelixConfiguration")}
    found = configured.get(f"node.{node}")
    # A node's value beats the cluster's, an empty list as well: it switches the failsafes off.
    found = found if found is not None else configured.get("default")
    if found is None:
        yield from ((protocol, port, "") for protocol, port in FAILSAFES[direction])
    for item in found or []:
        yield str(item.get("protocol") or "tcp").lower(), item["port"], item.get("net") or ""


def _is_special(spec: Mapping[str, Any]) -> bool:
    return bool(spec.get("preDNAT") or spec.get("doNotTrack"))


def _is_never_tracked(packet: Packet) -> bool:
    return packet.protocol == "icmpv6" and packet.icmp_type in _UNTRACKED_ICMPV6


def _labels(one: Object) -> Mapping[str, str]:
    return one["metadata"].get("labels") or {}


def _annotations(rule: Object) -> Mapping[str, str]:
    return (rule.get("metadata") or {}).get("annotations") or {}


def _policy_order(policy: Object) -> tuple[float, str]:
    # policy_sorter.go: by order, one without comes last; then by name, namespace and kind as one text.
    order = policy["spec"].get("order")
    return (_LAST if order is None else float(order), f"{policy['metadata']['name']}//{policy['kind']}")


def _protocol(value: object) -> str:
    return _PROTOCOLS.get(str(value), str(value).lower())


def _is_in(address: Address, nets: Iterable[str]) -> bool:
    return any(address in ip_network(net, strict=False) for net in nets)


def _holds(item: int | str, port: int | None) -> bool:
    first, _colon, last = str(item).partition(":")
    return port is not None and first.isdigit() and int(first) <= port <= int(last or first)
