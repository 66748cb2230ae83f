# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What Calico takes without a word, and what then opens, closes or does nothing against its author's will.

Sources: Felix' rule renderer and config (felix/rules, felix/config), release 3.32; Calico's pages on host endpoints,
failsafe ports, pre-DNAT policy and forwarded traffic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._values.problems import Problems, Where
from .endpoints import ALLOW_ALL_PROFILE, FAILSAFES
from .names import Object
from .verdict import DEFAULT_TIERS, FAILSAFE_KEY, Cluster, directions

_SSH = 22
_POLICIES = ("GlobalNetworkPolicy", "StagedGlobalNetworkPolicy")


def traps(objects: Sequence[Object], problems: Problems) -> None:
    """Note each trap that objects walk into; they are well-formed."""
    cluster = Cluster(objects)
    for endpoint in cluster.of_kind("HostEndpoint"):
        _endpoint_traps(cluster, endpoint, problems)
    _endpoints_of_one_interface(cluster, problems)
    for policy in cluster.of_kind(*_POLICIES):
        _policy_traps(cluster, policy, problems)
    for felix in cluster.of_kind("FelixConfiguration"):
        _failsafe_traps(felix, problems)


def _endpoint_traps(cluster: Cluster, endpoint: Object, problems: Problems) -> None:
    spec, where = endpoint["spec"], Where("spec", _name(endpoint))
    for direction in uncovered(cluster, endpoint):
        expected = f"a policy for its {direction}: without one, all of it is denied but failsafes"
        problems.add(where, "none of these", expected)
    if spec.get("interfaceName") == "*":
        _loopback_traps(cluster, endpoint, problems)


def uncovered(cluster: Cluster, endpoint: Object) -> list[str]:
    """Return the directions in which a host endpoint has no policy, and no profile that allows what none judges."""
    if ALLOW_ALL_PROFILE in (endpoint["spec"].get("profiles") or []):
        return []
    return [
        direction
        for direction in ("ingress", "egress")
        if all(_is_early(one) for one in _policies(cluster, endpoint, direction))
    ]


def _loopback_traps(cluster: Cluster, endpoint: Object, problems: Problems) -> None:
    where = Where("spec.interfaceName", _name(endpoint))
    policies = [*_policies(cluster, endpoint, "ingress"), *_policies(cluster, endpoint, "egress")]
    untracked = [one for one in policies if one["spec"].get("doNotTrack")]
    if untracked:
        expected = f"the name of an interface: {untracked[0]['metadata']['name']} judges before connection tracking"
        problems.add(where, "*", expected)
    if ALLOW_ALL_PROFILE in (endpoint["spec"].get("profiles") or []):
        return
    # calico#4478: `*` judges loopback as well, so kubelet's probes and the node's DNS cache die without such rules.
    allowed = {net for one in policies for rule in _rules(one) if rule["action"] == "Allow" for net in _nets(rule)}
    if not {"127.0.0.0/8", "::1/128"} <= allowed:
        expected = "rules that allow 127.0.0.0/8 and ::1/128: * is for loopback, too (kubelet's probes, local DNS)"
        problems.add(where, "*", expected)


def _endpoints_of_one_interface(cluster: Cluster, problems: Problems) -> None:
    first: dict[tuple[str, str], str] = {}
    for endpoint in sorted(cluster.of_kind("HostEndpoint"), key=lambda one: str(one["metadata"]["name"])):
        spec, name = endpoint["spec"], endpoint["metadata"]["name"]
        key = (spec["node"], spec.get("interfaceName") or str(sorted(spec.get("expectedIPs") or [])))
        other = first.setdefault(key, name)
        if other != name:
            where = Where("spec.interfaceName", _name(endpoint))
            problems.add(where, key[1], f"an interface of its own: {other} has it, and the first by name counts alone")


def _policy_traps(cluster: Cluster, policy: Object, problems: Problems) -> None:
    spec, where = policy["spec"], Where("spec", _name(policy))
    tier = spec.get("tier", "default")
    tiers = {one["metadata"]["name"] for one in cluster.of_kind("Tier")} | DEFAULT_TIERS
    if tier not in tiers:
        problems.add(where.key("tier"), tier, "a tier that is there: calicoctl refuses the policy otherwise")
    if spec.get("order") is None:
        problems.add(where.key("order"), None, "a number: without one, every policy that has one decides before it")
    if spec.get("preDNAT"):
        _pre_dnat_traps(policy, problems)
    elif spec.get("applyOnForward") and not spec.get("doNotTrack"):
        expected = "no applyOnForward, unless some policy allows what is forwarded: with it, the rest of that is denied"
        if not any(rule["action"] in ("Allow", "Pass") for rule in _rules(policy)):
            problems.add(where.key("applyOnForward"), True, expected)
    _denied_failsafes(cluster, policy, problems)


def _pre_dnat_traps(policy: Object, problems: Problems) -> None:
    for index, rule in enumerate(policy["spec"].get("ingress") or []):
        where = Where(f"spec.ingress[{index}]", _name(policy))
        ports = (rule.get("destination") or {}).get("ports")
        if rule["action"] == "Allow" and not ports:
            expected = "protocol and destination.ports: an Allow before DNAT ends all judging, so it opens every port"
            problems.add(where, "an Allow for every port", expected)
        if rule["action"] == "Deny" and not ports and not rule.get("source"):
            expected = "protocol and destination.ports: a Deny before DNAT is for all that arrives, for pods among it"
            problems.add(where, "a Deny for everything", expected)


def _denied_failsafes(cluster: Cluster, policy: Object, problems: Problems) -> None:
    """Note what a policy denies in vain: Felix lets its failsafe ports through before it asks any policy."""
    for direction in directions(policy):
        key = FAILSAFE_KEY[direction]
        if any(one["spec"].get(key) is not None for one in cluster.of_kind("FelixConfiguration")):
            continue
        for index, rule in enumerate(policy["spec"].get(direction) or []):
            named = [
                f"{port}/{protocol}" for protocol, port in FAILSAFES[direction] if _names_port(rule, protocol, port)
            ]
            if rule["action"] == "Deny" and named:
                where = Where(f"spec.{direction}[{index}]", _name(policy))
                expected = f"a FelixConfiguration with {key}: until then, these stay open whatever a policy says"
                problems.add(where, ", ".join(named), expected)


def _failsafe_traps(felix: Object, problems: Problems) -> None:
    key = FAILSAFE_KEY["ingress"]
    found = felix["spec"].get(key)
    if found is not None and not any(item["port"] == _SSH for item in found):
        expected = f"a way in for those who mend the policies, such as {_SSH}/tcp from their network"
        problems.add(Where(f"spec.{key}", _name(felix)), found, expected)


def _policies(cluster: Cluster, endpoint: Object, direction: str) -> list[Object]:
    labels = endpoint["metadata"].get("labels") or {}
    return [
        one
        for one in cluster.of_kind("GlobalNetworkPolicy")
        if direction in directions(one) and cluster.selects(one["spec"].get("selector") or "", labels)
    ]


def _is_early(policy: Object) -> bool:
    return bool(policy["spec"].get("preDNAT") or policy["spec"].get("doNotTrack"))


def _rules(policy: Object) -> Iterator[Mapping[str, Any]]:
    yield from policy["spec"].get("ingress") or []
    yield from policy["spec"].get("egress") or []


def _nets(rule: Mapping[str, Any]) -> Iterator[str]:
    for end in ("source", "destination"):
        yield from (rule.get(end) or {}).get("nets") or []


def _names_port(rule: Mapping[str, Any], protocol: str, port: int) -> bool:
    ports = (rule.get("destination") or {}).get("ports") or []
    return str(rule.get("protocol", "")).lower() == protocol and port in ports


def _name(one: Object) -> str:
    return f"{one['kind']} {one['metadata']['name']}"
