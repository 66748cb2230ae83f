# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What Calico refuses, or takes and does something else with than its author means: checked before anything is sent.

An error is what calicoctl or Calico's API server refuses; a cluster that has only Calico's CRDs stores some of it all
the same, and it then matches nothing. A warning is legal, and a known trap.

Sources: libcalico-go/lib/validator/v3 and the CEL rules of the CRDs, release 3.32; for the traps, Felix' rule renderer
and Calico's pages on host endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._values.problems import Problem, Problems, Where, near_miss, one_of
from .._values.readers import rows
from .lint_rules import check_rules
from .names import API_VERSION, LONGEST_LABEL
from .schema import SPEC_KEYS, expect_keys, is_address, is_interface, is_label, is_network, is_subdomain
from .traps import traps

_QUALIFIED = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_MOST_ANNOTATIONS = 256 * 1024  # bytes of all keys and values
_FELIX_NAME = re.compile(r"default|node\.(?P<node>.+)", re.ASCII)
# Calico makes these by itself, and refuses them with other values: release 3.32.
_BUILT_IN_TIERS = {"default": (1_000_000, "Deny"), "kube-admin": (1_000, "Pass"), "kube-baseline": (10_000_000, "Pass")}
_STAGED_ACTIONS = ("Set", "Delete", "Learn", "Ignore")
_TYPES = ("Ingress", "Egress")


@dataclass(frozen=True)
class Findings:
    """What is wrong with objects, and what is legal and yet a trap."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def lint(objects: Sequence[object]) -> Findings:
    """Return all findings about objects; the traps are looked for once there is no error."""
    problems = Problems()
    for index, one in enumerate(objects):
        _check_object(Where(f"objects[{index}]"), one, problems)
    _check_twins(objects, problems)
    found = Problems()
    if not problems.found:
        traps([dict(one) for one in objects if isinstance(one, Mapping)], found)
    return Findings(tuple(problems.found), tuple(found.found))


def place_of(one: Mapping[str, Any]) -> Where:
    """Return what an object is called in a message."""
    metadata = one.get("metadata")
    return Where("", f"{one.get('kind')} {metadata.get('name') if isinstance(metadata, Mapping) else None}")


def _check_object(where: Where, one: object, problems: Problems) -> None:
    if not isinstance(one, Mapping):
        problems.add(where, one, "an object with apiVersion, kind, metadata and spec")
        return
    version, kind = one.get("apiVersion"), str(one.get("kind"))
    if version != API_VERSION:
        problems.add(where.key("apiVersion"), version, API_VERSION, _about_version(version))
        return
    if kind not in SPEC_KEYS:
        problems.add(where.key("kind"), one.get("kind"), one_of(SPEC_KEYS), near_miss(kind, SPEC_KEYS))
        return
    if not isinstance(one.get("metadata"), Mapping) or not isinstance(one.get("spec"), Mapping):
        key = "spec" if isinstance(one.get("metadata"), Mapping) else "metadata"
        problems.add(where.key(key), one.get(key), "a mapping")
        return
    spec, place = Where("spec", place_of(one).origin), place_of(one)
    expect_keys(place, one, ("apiVersion", "kind", "metadata", "spec"), problems)
    expect_keys(spec, one["spec"], SPEC_KEYS[kind], problems)
    _check_metadata(place.key("metadata"), one, problems)
    _CHECKS[kind](spec, one, problems)


def _about_version(version: object) -> str:
    if version == "v1":
        return "that is Calico 2's form; the filter calico_v1_to_v3 converts it"
    if isinstance(version, str) and version.startswith("crd.projectcalico.org/"):
        return "that group is Calico's own storage, which nothing validates"
    return ""


def _check_twins(objects: Sequence[object], problems: Problems) -> None:
    seen = set()
    for index, one in enumerate(objects):
        if isinstance(one, Mapping) and isinstance(one.get("metadata"), Mapping):
            key = (str(one.get("kind")), str(one["metadata"].get("name")))
            if key in seen:
                problems.add(Where(f"objects[{index}].metadata.name"), key[1], f"each {key[0]} once")
            seen.add(key)


def _check_metadata(where: Where, one: Mapping[str, Any], problems: Problems) -> None:
    metadata, name = one["metadata"], one["metadata"].get("name")
    if not isinstance(name, str) or not is_subdomain(name):
        problems.add(where.key("name"), name, "a DNS subdomain: lower case, digits, - and ., at most 253 characters")
    else:
        _check_name(where.key("name"), name, one, problems)
    for key, value in _mapping(where.key("labels"), metadata.get("labels"), problems):
        if not _is_qualified(key):
            problems.add(where.key("labels"), key, "a label's name as Kubernetes has it: [prefix/]name")
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            problems.add(where.key("labels").key(key), value, "at most 63 letters, digits, -, _ and .")
    _check_annotations(where.key("annotations"), metadata.get("annotations"), problems)


def _check_name(where: Where, name: str, one: Mapping[str, Any], problems: Problems) -> None:
    kind, tier = one["kind"], one["spec"].get("tier") or "default"
    if kind == "Tier" and not (is_label(name) and len(name) <= LONGEST_LABEL):
        problems.add(where, name, "a DNS label: no dot, at most 63 characters")
    if kind in ("GlobalNetworkPolicy", "StagedGlobalNetworkPolicy"):
        prefix, dot, rest = name.rpartition(".")
        if tier == "default" and (dot or not is_label(name)):
            expected = "a DNS label without a dot: Calico 3.26 to 3.28 refuse one, later ones take it for a tier"
            problems.add(where, name, expected)
        elif tier != "default" and (prefix != tier or not is_label(rest)):
            problems.add(
                where, name, f"{tier}.<name>, with no other dot: Calico 3.29 to 3.31 want the tier in the name"
            )
    if kind == "FelixConfiguration" and not _FELIX_NAME.fullmatch(name):
        problems.add(where, name, "default or node.<name>")


def _check_annotations(where: Where, value: object, problems: Problems) -> None:
    size = 0
    for key, text in _mapping(where, value, problems):
        if not _is_qualified(key):
            problems.add(where, key, "an annotation's name as Kubernetes has it: [prefix/]name")
        if not isinstance(text, str):
            problems.add(where.key(key), text, "a text")
        size += len(str(key).encode()) + len(str(text).encode())
    if size > _MOST_ANNOTATIONS:
        problems.add(where, f"{size} bytes", f"at most {_MOST_ANNOTATIONS} bytes")


def _mapping(where: Where, value: object, problems: Problems) -> Iterable[tuple[Any, Any]]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        problems.add(where, value, "a mapping")
        return ()
    return value.items()


def _is_qualified(name: object) -> bool:
    prefix, slash, rest = str(name).rpartition("/")
    return bool(_QUALIFIED.fullmatch(rest)) and (not slash or is_subdomain(prefix))


def _check_host_endpoint(where: Where, one: Mapping[str, Any], problems: Problems) -> None:
    spec = one["spec"]
    node, interface = spec.get("node"), spec.get("interfaceName")
    if not isinstance(node, str) or not is_subdomain(node):
        problems.add(where.key("node"), node, "the node's name, a DNS subdomain in lower case")
    if interface not in (None, "", "*") and not (isinstance(interface, str) and is_interface(interface)):
        problems.add(where.key("interfaceName"), interface, "* or at most 15 of [a-zA-Z0-9_.-]")
    if not interface and not spec.get("expectedIPs"):
        problems.add(where, None, "interfaceName or expectedIPs, or both")
    _check_each(where.key("expectedIPs"), spec.get("expectedIPs"), is_address, "an address, no network", problems)
    _check_each(where.key("profiles"), spec.get("profiles"), lambda item: isinstance(item, str), "a name", problems)
    for place, port in rows(where.key("ports"), spec.get("ports"), problems):
        _check_endpoint_port(place, port, problems)


def _check_endpoint_port(where: Where, port: object, problems: Problems) -> None:
    if not isinstance(port, Mapping):
        problems.add(where, port, "a mapping with name, protocol and port")
        return
    expect_keys(where, port, ("name", "protocol", "port"), problems)
    if not isinstance(port.get("name"), str) or not is_label(port["name"]):
        problems.add(where.key("name"), port.get("name"), "a DNS label")
    if port.get("protocol") not in ("TCP", "UDP", "SCTP", 6, 17, 132):
        problems.add(where.key("protocol"), port.get("protocol"), "TCP, UDP or SCTP, or its number")
    _check_number(where.key("port"), port.get("port"), 1, 65535, problems)


def _check_number(where: Where, value: object, least: int, most: int, problems: Problems) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        problems.add(where, value, f"a whole number between {least} and {most}")


def _check_each(
    where: Where, value: object, holds: Callable[[object], bool], expected: str, problems: Problems
) -> None:
    """Note the items of a list that aren't what they should be, and those that stand there twice."""
    seen: list[object] = []
    for place, item in rows(where, value, problems):
        if not holds(item):
            problems.add(place, item, expected)
        elif item in seen:
            problems.add(place, item, "each item once")
        seen.append(item)


def _check_network_set(where: Where, one: Mapping[str, Any], problems: Problems) -> None:
    _check_each(where.key("nets"), one["spec"].get("nets"), is_network, "an address or a network", problems)


def _check_policy(where: Where, one: Mapping[str, Any], problems: Problems) -> None:
    spec = one["spec"]
    order, types = spec.get("order"), spec.get("types")
    if order is not None and (not isinstance(order, (int, float)) or isinstance(order, bool)):
        problems.add(where.key("order"), order, "a number; lower ones decide first")
    _check_each(where.key("types"), types, lambda item: item in _TYPES, "Ingress or Egress", problems)
    if types == []:
        problems.add(where.key("types"), types, "Ingress, Egress or both, or no types at all")
    _check_stage(where, spec, problems)
    check_rules(where, spec, problems)


def _check_stage(where: Where, spec: Mapping[str, Any], problems: Problems) -> None:
    for key in ("preDNAT", "doNotTrack", "applyOnForward"):
        if not isinstance(spec.get(key, False), bool):
            problems.add(where.key(key), spec[key], "true or false")
    early = [key for key in ("preDNAT", "doNotTrack") if spec.get(key) is True]
    if len(early) > 1:
        problems.add(where.key("doNotTrack"), True, "preDNAT or doNotTrack, not both")
    if early and spec.get("applyOnForward") is not True:
        problems.add(where.key("applyOnForward"), spec.get("applyOnForward"), f"true, as {early[0]} needs it")
    if spec.get("preDNAT") is True and spec.get("egress"):
        problems.add(where.key("egress"), "rules", "none: a preDNAT policy judges what comes in")
    types = spec.get("types")
    if spec.get("preDNAT") is True and isinstance(types, list) and "Egress" in types:
        problems.add(where.key("types"), types, "[Ingress]: a preDNAT policy judges what comes in")


def _check_staged_policy(where: Where, one: Mapping[str, Any], problems: Problems) -> None:
    spec = one["spec"]
    action = spec.get("stagedAction", "Set")
    if action not in _STAGED_ACTIONS:
        problems.add(where.key("stagedAction"), action, one_of(_STAGED_ACTIONS), near_miss(action, _STAGED_ACTIONS))
    extra = sorted(key for key in spec if key not in ("stagedAction", "tier") and spec[key])
    if action == "Delete" and extra:
        problems.add(where.key(extra[0]), spec[extra[0]], "nothing beside stagedAction: Delete and the tier")
    _check_policy(where, one, problems)


def _check_tier(where: Where, one: Mapping[str, Any], problems: Problems) -> None:
    spec, name = one["spec"], one["metadata"].get("name")
    order, action = spec.get("order"), spec.get("defaultAction", "Deny")
    if action not in ("Deny", "Pass"):
        problems.add(where.key("defaultAction"), action, "Deny or Pass")
    if order is not None and (not isinstance(order, (int, float)) or isinstance(order, bool)):
        problems.add(where.key("order"), order, "a number")
    known = _BUILT_IN_TIERS.get(str(name))
    if known and (order, action) != known:
        expected = f"order {known[0]} and defaultAction {known[1]}, which Calico's own tier {name} must have"
        problems.add(where, f"order {order}, defaultAction {action}", expected)


def _check_felix(where: Where, one: Mapping[str, Any], problems: Problems) -> None:
    for key in ("failsafeInboundHostPorts", "failsafeOutboundHostPorts"):
        for place, item in rows(where.key(key), one["spec"].get(key), problems):
            if not isinstance(item, Mapping):
                problems.add(place, item, "a mapping with protocol, port and net")
                continue
            expect_keys(place, item, ("protocol", "port", "net"), problems)
            if str(item.get("protocol", "tcp")).lower() not in ("tcp", "udp", "sctp"):
                problems.add(place.key("protocol"), item.get("protocol"), "tcp, udp or sctp")
            _check_number(place.key("port"), item.get("port"), 0, 65535, problems)
            # Calico takes any text here. One that doesn't parse makes Felix 3.32 panic at each start.
            if item.get("net") and not is_network(item["net"]):
                problems.add(place.key("net"), item["net"], "a network")


_CHECKS: Mapping[str, Callable[[Where, Mapping[str, Any], Problems], None]] = {
    "HostEndpoint": _check_host_endpoint,
    "GlobalNetworkPolicy": _check_policy,
    "StagedGlobalNetworkPolicy": _check_staged_policy,
    "GlobalNetworkSet": _check_network_set,
    "Tier": _check_tier,
    "FelixConfiguration": _check_felix,
}
