# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A fleet's AWS security groups: what each lets in and out, in the form that amazon.aws.ec2_security_group takes.

A rule names the peer's group wherever the peer's class is in one, and the peer's addresses otherwise. AWS applies a
group to all of its members alike, and a rule that names a group to all members of that one: where a flow is for some
of a group's classes only, it opens for the others, too, and a remark says so (``security_group_limits``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._model.security_groups import ALL_PROTOCOLS, SCTP, GroupRule, GroupRules, SecurityGroup, as_text
from .._policy.compile import Fleet, Rule, class_rules
from .._values.direction import DIRECTIONS
from .._values.ports import PortSet
from .._values.problems import Problems
from .limits import declared, note_problems, owners_of

Match = tuple[str, int | None, int | None]
"""Protocol, first and last port, as AWS has them."""


def render(fleet: Fleet) -> tuple[GroupRules, ...]:
    """Return the groups of a fleet's model; raise ModelError with every flow that no security group can express."""
    problems = Problems()
    note_problems(fleet, problems)
    problems.raise_if_any()
    return tuple(_group(fleet, group, owners_of(fleet)) for group in declared(fleet))


def to_data(group: GroupRules) -> dict[str, Any]:
    """Return a group as the arguments of amazon.aws.ec2_security_group; without rules, the lists are there and empty.

    AWS gives a new group a rule that lets everything out: only an empty ``rules_egress`` takes it away.
    """
    return {
        "name": group.name,
        "description": group.description,
        "rules": [_rule_data(rule) for rule in group.ingress],
        "rules_egress": [_rule_data(rule) for rule in group.egress],
    }


def to_table(groups: Sequence[GroupRules]) -> list[dict[str, str]]:
    """Return a row for each rule of all groups: group, direction, ports, peer, flow and why."""
    return [
        {
            "group": group.name,
            "direction": direction,
            "ports": rule.ports,
            "peer": rule.peer,
            "flow": ", ".join(rule.flows),
            "why": "; ".join(rule.reasons),
        }
        for group in groups
        for direction in DIRECTIONS
        for rule in group.rules(direction)
    ]


def to_lines(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the rows of ``to_table`` as lines of a table that a person reads."""
    columns = ("group", "direction", "ports", "peer", "flow")
    widths = {key: max(len(key), *(len(row[key]) for row in rows)) for key in columns} if rows else {}
    heads = [dict(zip((*columns, "why"), (*columns, "why"))), *rows] if rows else []
    return ["  ".join([*(row[key].ljust(widths[key]) for key in columns), row["why"]]).rstrip() for row in heads]


def _group(fleet: Fleet, group: SecurityGroup, owners: Mapping[str, str]) -> GroupRules:
    members = ", ".join(group.classes)
    return GroupRules(
        name=group.name,
        description=group.description or as_text(f"{members}, as gatehouse.firewall has it"),
        ingress=_rules(fleet, group, "ingress", owners),
        egress=_rules(fleet, group, "egress", owners),
        where=group.where,
    )


def _rules(fleet: Fleet, group: SecurityGroup, direction: str, owners: Mapping[str, str]) -> tuple[GroupRule, ...]:
    found: dict[tuple[Match, str, str], dict[str, str]] = {}
    for node_class in group.classes:
        for rule in class_rules(fleet, node_class, direction):
            for kind, peer in _peers(rule, owners):
                for match in _matches(rule.ports):
                    found.setdefault((match, kind, peer), {})[rule.flow] = rule.why
    return tuple(
        GroupRule(*match, kind, peer, tuple(flows), tuple(dict.fromkeys(filter(None, flows.values()))))
        for (match, kind, peer), flows in found.items()
    )


def _peers(rule: Rule, owners: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each peer of a rule; none where the peer is empty, so that there is no rule that has no peer."""
    if rule.peer in owners:
        yield "group_name", owners[rule.peer]
        return
    yield from (("cidr_ip", str(network)) for network in rule.addresses.v4)
    yield from (("cidr_ipv6", str(network)) for network in rule.addresses.v6)


def _matches(ports: PortSet) -> Iterator[Match]:
    if ports.everything:
        yield ALL_PROTOCOLS, None, None
    for item in ports.ranges:
        yield (SCTP, None, None) if item.protocol == "sctp" else (item.protocol, item.first, item.last)


def _rule_data(rule: GroupRule) -> dict[str, Any]:
    ports = {} if rule.first is None else {"from_port": rule.first, "to_port": rule.last}
    return {"proto": rule.protocol, **ports, rule.peer_kind: rule.peer, "rule_desc": rule.description}
