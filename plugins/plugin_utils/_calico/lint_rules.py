# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The linter's checks of a policy's rules: families, protocols, ports, networks, selectors and services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from .._values.problems import Problems, Where, near_miss, one_of
from .._values.readers import rows
from .schema import ENTITY_KEYS, RULE_KEYS, expect_keys, is_label, is_network
from .selector import SelectorError, parse_selector

_ACTIONS = ("Allow", "Deny", "Log", "Pass")
_PROTOCOLS = ("TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite")
_WITH_PORTS = ("TCP", "UDP", "SCTP", 6, 17, 132, "6", "17", "132")
_FAMILY_OF = {"ICMP": 4, "ICMPv6": 6, 1: 4, 58: 6}
_LARGEST_PORT = 65535
_LONGEST_PORT_NAME = 15  # RFC 6335 5.1


def check_rules(where: Where, spec: Mapping[str, Any], problems: Problems) -> None:
    """Note what is wrong with the rules and the selectors of a policy."""
    for key in ("selector", "serviceAccountSelector", "namespaceSelector"):
        _check_selector(where.key(key), spec.get(key), problems, may_be_global=False)
    for direction in ("ingress", "egress"):
        for place, rule in rows(where.key(direction), spec.get(direction), problems):
            if isinstance(rule, Mapping):
                _check_rule(place, rule, direction, problems)
            else:
                problems.add(place, rule, "a rule with an action")


def _check_rule(where: Where, rule: Mapping[str, Any], direction: str, problems: Problems) -> None:
    expect_keys(where, rule, RULE_KEYS, problems)
    action, version = rule.get("action"), rule.get("ipVersion")
    if action not in _ACTIONS:
        problems.add(where.key("action"), action, one_of(_ACTIONS), near_miss(action, _ACTIONS))
    if version not in (None, 4, 6):
        problems.add(where.key("ipVersion"), version, "4 or 6")
    for key in ("protocol", "notProtocol"):
        _check_protocol(where.key(key), rule.get(key), problems)
    for key in ("icmp", "notICMP"):
        _check_icmp(where.key(key), rule, key, problems)
    _check_http(where, rule, direction, problems)
    for end in ("source", "destination"):
        entity = rule.get(end)
        if entity is not None and not isinstance(entity, Mapping):
            problems.add(where.key(end), entity, "a mapping")
        elif entity:
            _check_entity(where.key(end), entity, rule, problems)
            _check_services(where.key(end), entity, (direction, end), problems)
    _check_families(where, rule, problems)


def _check_protocol(where: Where, value: object, problems: Problems) -> None:
    if value is None or value in _PROTOCOLS:
        return
    number = int(value) if isinstance(value, str) and value.isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 255:
        expected = f"{one_of(_PROTOCOLS)}, written so, or a number between 1 and 255"
        known = {name.lower(): name for name in _PROTOCOLS}.get(str(value).lower())
        problems.add(where, value, expected, f"did you mean {known}?" if known else "")


def _check_icmp(where: Where, rule: Mapping[str, Any], key: str, problems: Problems) -> None:
    icmp = rule.get(key)
    if icmp is None:
        return
    if not isinstance(icmp, Mapping):
        problems.add(where, icmp, "a mapping with type and code")
        return
    expect_keys(where, icmp, ("type", "code"), problems)
    if _family_of(rule) is None:
        problems.add(where, dict(icmp), "protocol: ICMP or ICMPv6 beside it")
    for name, most in (("type", 254), ("code", 255)):
        value = icmp.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most):
            problems.add(where.key(name), value, f"a whole number between 0 and {most}")
    if icmp.get("code") is not None and icmp.get("type") is None:
        problems.add(where.key("code"), icmp["code"], "a type beside the code")


def _check_http(where: Where, rule: Mapping[str, Any], direction: str, problems: Problems) -> None:
    if rule.get("http") and (rule.get("action") != "Allow" or direction != "ingress"):
        problems.add(where.key("http"), rule["http"], "none: it is for the Allow rules of ingress")
    if rule.get("http") and rule.get("protocol") not in (None, "TCP", 6):
        problems.add(where.key("protocol"), rule["protocol"], "TCP, or nothing, beside http")


def _check_entity(where: Where, entity: Mapping[str, Any], rule: Mapping[str, Any], problems: Problems) -> None:
    expect_keys(where, entity, ENTITY_KEYS, problems)
    for key in ("selector", "notSelector", "namespaceSelector"):
        _check_selector(where.key(key), entity.get(key), problems, may_be_global=key == "namespaceSelector")
    for key in ("nets", "notNets"):
        for place, net in rows(where.key(key), entity.get(key), problems):
            _check_net(place, net, problems)
            if key == "notNets" and net in ("0.0.0.0/0", "::/0"):
                problems.add(place, net, "less than everything: no peer would be left")
    for key in ("ports", "notPorts"):
        _check_ports(where.key(key), entity.get(key), rule, problems)


def _check_ports(where: Where, ports: object, rule: Mapping[str, Any], problems: Problems) -> None:
    for place, port in rows(where, ports, problems):
        _check_port(place, port, problems)
    if ports and rule.get("protocol") not in _WITH_PORTS:
        problems.add(where, rule.get("protocol"), "TCP, UDP or SCTP beside ports; for two of them, two rules")


def _check_net(where: Where, net: object, problems: Problems) -> None:
    expected = "an address or a network, with its mask"
    if not is_network(net):
        problems.add(where, net, expected)
        return
    masked = ip_network(str(net), strict=False)
    # Unlike GlobalNetworkSet.nets and expectedIPs, a rule takes no bare address: calicoctl calls it an invalid CIDR.
    if "/" not in str(net):
        problems.add(where, net, expected, f"did you mean {masked}?")
    elif ip_address(str(net).partition("/")[0]) != masked.network_address:
        problems.add(where, net, "a network without host bits", f"did you mean {masked}?")


def _check_port(where: Where, port: object, problems: Problems) -> None:
    if isinstance(port, int) and not isinstance(port, bool):
        if not 1 <= port <= _LARGEST_PORT:
            problems.add(where, port, f"a port between 1 and {_LARGEST_PORT}")
        return
    if not isinstance(port, str):
        problems.add(where, port, 'a number, a range such as "30000:32767", or the name of a port')
        return
    first, colon, last = port.partition(":")
    if first.isdigit() and (not colon or last.isdigit()):
        numbers = (int(first), int(last or first))
        if not (1 <= numbers[0] <= numbers[1] <= _LARGEST_PORT):
            problems.add(where, port, f"ports between 1 and {_LARGEST_PORT}, upwards")
    elif not _is_port_name(port):
        # Calico reads "30000-32767" as a port's name. A cluster that has only the CRDs stores it, and the rule matches
        # nothing.
        dashed = port.replace("-", ":", 1)
        hint = "with a dash, it is the name of a port that does not exist; did you mean "
        hint = f'{hint}"{dashed}"?' if dashed.replace(":", "").isdigit() else ""
        problems.add(where, port, 'a number, a range such as "30000:32767", or the name of a port', hint)


def _is_port_name(text: str) -> bool:
    return is_label(text) and len(text) <= _LONGEST_PORT_NAME and "--" not in text and any(map(str.isalpha, text))


def _check_services(where: Where, entity: Mapping[str, Any], end: tuple[str, str], problems: Problems) -> None:
    services = entity.get("services")
    if not services:
        return
    place = where.key("services")
    if end not in (("egress", "destination"), ("ingress", "source")):
        problems.add(place, services, "none: they are for the destination of egress and the source of ingress")
    if not isinstance(services, Mapping) or not services.get("name") or not services.get("namespace"):
        problems.add(place, services, "name and namespace, in a policy for the whole cluster")
    beside = [key for key in entity if key in ("nets", "notNets", "selector", "notSelector", "serviceAccounts")]
    if end == ("egress", "destination"):
        beside += [key for key in ("ports", "notPorts") if entity.get(key)]
    for key in beside:
        problems.add(where.key(key), entity[key], "nothing beside services, which say who and which port")


def _check_selector(where: Where, text: object, problems: Problems, *, may_be_global: bool) -> None:
    if text is None:
        return
    try:
        parse_selector(text if isinstance(text, str) else str(text))
    except SelectorError as error:
        problems.add(where, text, f"a selector: {error}")
        return
    if "global()" in str(text) and not may_be_global:
        problems.add(where, text, "global() in the namespaceSelector of a rule's end alone")


def _check_families(where: Where, rule: Mapping[str, Any], problems: Problems) -> None:
    """Note a rule that is about both families: it would match nothing of one of them, so Calico refuses it."""
    found = {family: place for place, family in _families(where, rule)}
    if len(found) > 1:
        expected = "one family in a rule; for both, two rules"
        problems.add(max(found.values(), key=str), "IPv4 and IPv6", expected)


def _family_of(rule: Mapping[str, Any]) -> int | None:
    protocol = rule.get("protocol")
    return _FAMILY_OF.get(protocol) if isinstance(protocol, (str, int)) else None


def _families(where: Where, rule: Mapping[str, Any]) -> Iterator[tuple[Where, int]]:
    if rule.get("ipVersion") in (4, 6):
        yield where.key("ipVersion"), rule["ipVersion"]
    family = _family_of(rule)
    if family:
        yield where.key("protocol"), family
    for end in ("source", "destination"):
        entity = rule.get(end)
        for key in ("nets", "notNets"):
            nets = entity.get(key) if isinstance(entity, Mapping) else None
            if not isinstance(nets, list):
                continue
            for index, net in enumerate(nets):
                if is_network(net):
                    yield where.key(end).key(key).at(index), ip_network(net, strict=False).version
