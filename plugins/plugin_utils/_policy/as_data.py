# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A policy as plain data (mappings, lists, texts) and back, for playbooks and other tools."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from .._model.antispoof import antispoof_at
from .._model.carries import from_data as carries_from_data
from .._model.carries import to_data as carries_to_data
from .._model.denied import read_denied
from .._model.denied import to_data as denied_to_data
from .._model.deny import read_deny
from .._model.deny import to_data as deny_to_data
from .._model.name_refresh import read_refresh
from .._model.node_classes import PreDnat, read_pre_dnat
from .._values.addresses import EVERYBODY, AddressSet
from .._values.direction import DIRECTIONS, MODE_DIRECTIONS
from .._values.problems import Problems, Where
from .._values.readers import SIDES, Item, flag_at, interfaces_at, rows
from .compile import HostName, Policy, Rule

_RULE_TEXTS = ("flow", "peer", "side", "why", "source")
_RULE_KEYS = (*_RULE_TEXTS, "log", "ports", "addresses", "names", "at")
_NAME_KEYS = ("name", "addresses")
_POLICY_KEYS = (
    "classes",
    "observe",
    "antispoof",
    "self_heal",
    "denied",
    "deny",
    "known",
    "isolated",
    "pre_dnat",
    "carries",
    "echo_request",
    "dhcp",
    "interfaces",
    "refresh",
    "ingress",
    "egress",
)


def to_data(policy: Policy) -> dict[str, Any]:
    """Return a policy as data that JSON and YAML can hold."""
    return {
        "classes": list(policy.classes),
        "observe": list(policy.observe),
        "antispoof": policy.antispoof,
        "self_heal": policy.self_heal,
        "denied": denied_to_data(policy.denied),
        "deny": deny_to_data(policy.deny),
        "known": policy.known.texts(),
        "isolated": {name: members.texts() for name, members in policy.isolated.items()},
        "pre_dnat": [
            {"ports": stage.ports.texts(), "addresses": stage.addresses.texts(), "side": stage.side}
            for stage in policy.pre_dnat
        ],
        "carries": carries_to_data(policy.carries),
        "echo_request": policy.echo_request,
        "dhcp": policy.dhcp,
        "interfaces": {side: list(names) for side, names in policy.interfaces.items()},
        "refresh": {
            "min_ttl": policy.refresh.min_ttl,
            "max_ttl": policy.refresh.max_ttl,
            "refused": policy.refresh.refused.texts(),
            "max_addresses": policy.refresh.max_addresses,
        },
        "ingress": [_rule_to_data(rule) for rule in policy.ingress],
        "egress": [_rule_to_data(rule) for rule in policy.egress],
    }


def from_data(data: object) -> Policy:
    """Return the policy that ``to_data`` made data of; raise ModelError where the data is no policy, or no safe one."""
    problems = Problems()
    item = Item(Where("policy"), data, _POLICY_KEYS, problems)
    classes = item.names("classes")
    if not classes and not item.raw("classes"):
        problems.add(item.place("classes"), item.raw("classes"), "a list of at least one node class")
    policy = Policy(
        classes=tuple(sorted(dict.fromkeys(classes))),
        isolated=_isolated_from_data(item, classes),
        pre_dnat=tuple(_stages_from_data(item)),
        observe=_observed_from_data(item),
        antispoof=antispoof_at(item.place("antispoof"), item.raw("antispoof"), problems),
        self_heal=item.flag("self_heal"),
        denied=read_denied(item.place("denied"), item.raw("denied"), problems),
        deny=read_deny(item.place("deny"), item.raw("deny"), problems),
        known=item.networks("known"),
        carries=carries_from_data(item.place("carries"), item.raw("carries"), problems),
        echo_request=item.flag("echo_request"),
        dhcp=flag_at(item.place("dhcp"), item.raw("dhcp"), True, problems),
        interfaces=interfaces_at(item.place("interfaces"), item.raw("interfaces"), problems),
        refresh=read_refresh(item.place("refresh"), item.raw("refresh"), problems),
        ingress=_rules_from_data(item, "ingress"),
        egress=_rules_from_data(item, "egress"),
    )
    _check_sharing(item, policy, problems)
    problems.raise_if_any()
    return policy


def _observed_from_data(policy: Item) -> tuple[str, ...]:
    found = policy.references("observe", MODE_DIRECTIONS)
    return tuple(one for one in MODE_DIRECTIONS if one in found)


def _isolated_from_data(policy: Item, classes: Collection[str]) -> dict[str, AddressSet]:
    raw = policy.raw("isolated") or {}
    found = Item(policy.place("isolated"), raw, classes or raw, policy.problems)
    return {name: found.networks(name) for name in sorted(found.keys())}


def _stages_from_data(policy: Item) -> Iterator[PreDnat]:
    for where, value in rows(policy.place("pre_dnat"), policy.raw("pre_dnat"), policy.problems):
        stage = read_pre_dnat(where, value, policy.problems)
        if stage:
            yield stage


def _check_sharing(item: Item, policy: Policy, problems: Problems) -> None:
    """Note rules that would share a set or a chain without being the same."""
    sets = {(name, "", False): members for name, members in policy.isolated.items()}
    narrowed: dict[str, AddressSet] = {}
    for direction in DIRECTIONS:
        flows: set[tuple[str, str, bool]] = set()
        for index, rule in enumerate(policy.rules(direction)):
            place = item.place(direction).at(index)
            by_name = bool(rule.names)
            leaves = direction == "egress" and rule.is_narrowed
            if not leaves and sets.setdefault((rule.peer, rule.side, by_name), rule.addresses) != rule.addresses:
                problems.add(place.key("addresses"), rule.peer, "the same addresses wherever this peer stands")
            if (rule.flow, rule.peer, by_name) in flows:
                problems.add(place.key("flow"), rule.flow, "one rule for each flow and peer")
            flows.add((rule.flow, rule.peer, by_name))
            _check_narrowed(place, direction, rule, narrowed, problems)


def _check_narrowed(
    place: Where, direction: str, rule: Rule, narrowed: dict[str, AddressSet], problems: Problems
) -> None:
    if narrowed.setdefault(rule.flow, rule.at) != rule.at:
        problems.add(place.key("at"), rule.at.texts(), "the same addresses wherever this flow stands")
    if direction == "egress" and rule.is_narrowed and rule.addresses != rule.at:
        problems.add(place.key("addresses"), rule.addresses.texts(), "the addresses in at")


def _rule_to_data(rule: Rule) -> dict[str, Any]:
    return {
        **{key: getattr(rule, key) for key in _RULE_TEXTS},
        "log": rule.log,
        "ports": rule.ports.texts(),
        "addresses": rule.addresses.texts(),
        "names": [{"name": one.name, "addresses": one.addresses.texts()} for one in rule.names],
        "at": rule.at.texts(),
    }


def _rules_from_data(policy: Item, direction: str) -> tuple[Rule, ...]:
    places = rows(policy.place(direction), policy.raw(direction), policy.problems)
    return tuple(_rule_from_data(Item(where, value, _RULE_KEYS, policy.problems)) for where, value in places)


def _rule_from_data(item: Item) -> Rule:
    return Rule(
        flow=item.one_name("flow"),
        peer=item.one_name("peer"),
        side=item.choice("side", ("", *SIDES), ""),
        why=item.text("why"),
        source=item.text("source"),
        log=item.flag("log"),
        ports=item.ports("ports"),
        addresses=item.networks("addresses"),
        names=tuple(_names_from_data(item)),
        at=item.networks("at") if item.has("at") else EVERYBODY,
    )


def _names_from_data(rule: Item) -> Iterator[HostName]:
    for where, value in rows(rule.place("names"), rule.raw("names"), rule.problems):
        item = Item(where, value, _NAME_KEYS, rule.problems)
        (name,) = item.host_names("name") or ("",)
        yield HostName(name, item.networks("addresses"))
