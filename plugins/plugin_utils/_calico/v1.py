# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Objects of Calico 2 (apiVersion v1, calicoctl 1.x) in today's form, projectcalico.org/v3.

Source: Calico's notes on converting v1 to v3 data, and the reference of both versions. Two things mean something else
today and are filled in: a preDNAT or untracked policy needs applyOnForward, and IBM's ``ibm.role in {...}`` stays as it
is, since selectors have not changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .._values.problems import Problems, Where, one_of
from .._values.readers import Item, rows
from .names import Object, an_object

_ACTIONS = {"allow": "Allow", "deny": "Deny", "log": "Log", "pass": "Pass", "next-tier": "Pass"}
_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "icmpv6": "ICMPv6", "sctp": "SCTP", "udplite": "UDPLite"}
_RULE_KEYS = ("action", "protocol", "notProtocol", "icmp", "notICMP", "ipVersion", "source", "destination")
_ENTITY_KEYS = ("net", "nets", "notNet", "notNets", "selector", "notSelector", "ports", "notPorts", "tag", "notTag")
_POLICY_KEYS = ("order", "selector", "ingress", "egress", "types", "preDNAT", "doNotTrack")
_POLICY_FLAGS = ("preDNAT", "doNotTrack")
_ENDPOINT_KEYS = ("interfaceName", "expectedIPs", "profiles", "ports")
_METADATA_KEYS = ("name", "labels", "node", "annotations")
_NOT_OF_A_NAME = re.compile(r"[^a-z0-9.-]+")


def to_v3(objects: object, problems: Problems) -> list[Object]:
    """Return converted policies and host endpoints; note what has no form today, and what is no object of v1."""
    items = [objects] if isinstance(objects, Mapping) else objects
    found = []
    for where, one in rows(Where("objects"), items, problems):
        item = Item(where, one, ("apiVersion", "kind", "metadata", "spec"), problems)
        if item.is_mapping and item.raw("apiVersion") != "v1":
            problems.add(item.place("apiVersion"), item.raw("apiVersion"), "v1")
        elif item.is_mapping and str(item.raw("kind")) not in _CONVERTERS:
            problems.add(item.place("kind"), item.raw("kind"), one_of(_CONVERTERS))
        elif item.is_mapping:
            found.append(_CONVERTERS[item.raw("kind")](item, problems))
    return found


def _policy(item: Item, problems: Problems) -> Object:
    spec = Item(item.place("spec"), item.raw("spec"), _POLICY_KEYS, problems)
    early = {key: True for key in _POLICY_FLAGS if spec.raw(key)}
    rules = {
        direction: [_rule(Item(where, rule, _RULE_KEYS, problems)) for where, rule in _items_of(spec, direction)]
        for direction in ("ingress", "egress")
        if spec.has(direction)
    }
    types = [str(one).capitalize() for _where, one in _items_of(spec, "types")] or [*map(str.capitalize, rules)]
    order = {"order": spec.raw("order")} if spec.has("order") else {}
    selector = {"selector": spec.raw("selector")} if spec.has("selector") else {}
    forward = {"applyOnForward": True} if early else {}
    body = {**order, **selector, "types": types, **early, **forward, **rules}
    return an_object("GlobalNetworkPolicy", _metadata(item, problems), body)


def _items_of(item: Item, key: str) -> list[tuple[Where, object]]:
    return list(rows(item.place(key), item.raw(key), item.problems))


def _host_endpoint(item: Item, problems: Problems) -> Object:
    spec = Item(item.place("spec"), item.raw("spec"), _ENDPOINT_KEYS, problems)
    metadata = Item(item.place("metadata"), item.raw("metadata"), _METADATA_KEYS, problems)
    node = metadata.raw("node")
    if not isinstance(node, str):
        problems.add(metadata.place("node"), node, "the name of the node")
    ports = [
        {**port, "protocol": _word(_PROTOCOLS, port.get("protocol"))} if isinstance(port, Mapping) else port
        for _where, port in _items_of(spec, "ports")
    ]
    rest = {key: spec.raw(key) for key in ("interfaceName", "expectedIPs", "profiles") if spec.has(key)}
    body = {"node": str(node).lower(), **rest, **({"ports": ports} if ports else {})}
    return an_object("HostEndpoint", _metadata(item, problems), body)


def _metadata(item: Item, problems: Problems) -> Object:
    metadata = item.raw("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        problems.add(item.place("metadata").key("name"), metadata, "the name of the object")
        return {}
    name = _NOT_OF_A_NAME.sub("-", metadata["name"].lower()).strip("-.")
    kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    # Calico 3.29 and later take what is before a dot in a policy's name for its tier.
    return {"name": name.replace(".", "-") if item.raw("kind") == "policy" else name, **kept}


def _rule(item: Item) -> Object:
    action = item.raw("action")
    if str(action) not in _ACTIONS:
        item.problems.add(item.place("action"), action, one_of(_ACTIONS))
    found: Object = {"action": _ACTIONS.get(str(action), action)}
    for key in ("protocol", "notProtocol"):
        if item.has(key):
            found[key] = _word(_PROTOCOLS, item.raw(key))
    found.update({key: item.raw(key) for key in ("ipVersion", "icmp", "notICMP") if item.has(key)})
    for end in ("source", "destination"):
        if item.has(end):
            found[end] = _entity(Item(item.place(end), item.raw(end), _ENTITY_KEYS, item.problems))
    return found


def _entity(item: Item) -> Object:
    for key in ("tag", "notTag"):
        if item.has(key):
            item.problems.add(item.place(key), item.raw(key), "a selector: tags are gone since Calico 3")
    found: Object = {}
    for one, many in (("net", "nets"), ("notNet", "notNets")):
        nets = [*([item.raw(one)] if item.has(one) else []), *(net for _where, net in _items_of(item, many))]
        if nets:
            found[many] = nets
    found.update({key: item.raw(key) for key in ("selector", "notSelector", "ports", "notPorts") if item.has(key)})
    return found


def _word(words: Mapping[str, str], value: Any) -> Any:
    return words.get(str(value).lower(), value)


_CONVERTERS: Mapping[str, Callable[[Item, Problems], Object]] = {
    "policy": _policy,
    "hostEndpoint": _host_endpoint,
}
