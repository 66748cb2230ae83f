# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a model can ask for and security groups can't do: problems where a group would open more, or else remarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .._model.security_groups import GroupRules, SecurityGroup
from .._policy.compile import Fleet, Rule, class_rules, set_name
from .._values.addresses import AddressSet
from .._values.direction import DIRECTIONS
from .._values.ports import PortRange, PortSet
from .._values.problems import Problems

LIMIT = 60
"""How many rules a group has in each direction and family at most, unless AWS has raised the quota."""

MOST_GROUPS = 5
"""In how many groups a network interface is at most, unless AWS has raised the quota."""

_HINT = "or take its classes out of their security groups, and leave it to the hosts"
_SCTP_PORTS = (PortRange("sctp", 1, 65535),)


def note_problems(fleet: Fleet, problems: Problems) -> None:
    """Note every flow that a group can't express: by side, by address or port of sctp, or between isolated members."""
    for group in declared(fleet):
        for node_class in group.classes:
            for direction in DIRECTIONS:
                for rule in class_rules(fleet, node_class, direction):
                    if rule.is_for_somebody:
                        _note_side(fleet, node_class, rule, problems)
                        _note_narrowed(fleet, rule, problems)
                        _note_sctp(fleet, rule, problems)
            _note_isolation(fleet, node_class, problems)
    for policy in fleet.policies.values():
        _note_membership(fleet, policy.classes, problems)


def declared(fleet: Fleet) -> tuple[SecurityGroup, ...]:
    """Return the security groups of a fleet's model, in its order."""
    return tuple(fleet.resolved.model.security_groups.values())


def owners_of(fleet: Fleet) -> dict[str, str]:
    """Return the name of the group of each class that is in one."""
    return {node_class: group.name for group in declared(fleet) for node_class in group.classes}


def remarks(fleet: Fleet, groups: Sequence[GroupRules]) -> Iterator[str]:
    """Yield what a user should know of rendered groups: their length, and where they open more than a flow says."""
    for rendered in groups:
        yield from _too_many(rendered)
    rules = [rule for group in groups for direction in DIRECTIONS for rule in group.rules(direction)]
    for name in sorted({flow for rule in rules for flow in rule.flows}):
        yield from _about_flow(fleet, name)
    for group in declared(fleet):
        yield from _open_at_one_end(fleet, group)


def _note_membership(fleet: Fleet, classes: Sequence[str], problems: Problems) -> None:
    """Note hosts of several classes that would be in too many groups, or not in those of all their flows."""
    owners = owners_of(fleet)
    groups = list(dict.fromkeys(owners[name] for name in classes if name in owners))
    if not groups:
        return
    where = fleet.resolved.model.security_groups[groups[0]].where.key("classes")
    rules = {name: [*class_rules(fleet, name, "ingress"), *class_rules(fleet, name, "egress")] for name in classes}
    outside = [name for name in classes if name not in owners and rules[name]]
    if outside:
        expected = f"{', '.join(outside)} in a group, too: hosts of {set_name(classes)} are in {', '.join(groups)}, and"
        problems.add(where, list(groups), f"{expected} AWS would deny their other flows", _HINT)
    if len(groups) > MOST_GROUPS:
        expected = f"at most {MOST_GROUPS} groups for hosts of {set_name(classes)}: AWS takes no more for an interface"
        problems.add(where, groups, expected)


def _note_side(fleet: Fleet, node_class: str, rule: Rule, problems: Problems) -> None:
    resolved = fleet.resolved
    if rule.side and (
        any(host.interfaces.get(rule.side) for host in resolved.hosts[node_class])
        or resolved.peers(rule.peer, rule.side) != resolved.peers(rule.peer, "")
    ):
        expected = f"no side: a security group can't tell one from the other (flow {rule.flow})"
        problems.add(resolved.model.flows[rule.flow].where.key("side"), rule.side, expected, _HINT)


def _note_narrowed(fleet: Fleet, rule: Rule, problems: Problems) -> None:
    if rule.is_narrowed:
        expected = f"every address of the members: a security group doesn't look at theirs (flow {rule.flow})"
        where = fleet.resolved.model.flows[rule.flow].where.key("at")
        problems.add(where, ", ".join(rule.at.texts()), expected, _HINT)


def _note_sctp(fleet: Fleet, rule: Rule, problems: Problems) -> None:
    ranges = tuple(item for item in rule.ports.ranges if item.protocol == "sctp")
    if ranges not in ((), _SCTP_PORTS):
        where = fleet.resolved.model.flows[rule.flow].where.key("ports")
        expected = f"all ports of sctp or none (flow {rule.flow}): a security group doesn't look at the ports of sctp"
        problems.add(where, str(PortSet(ranges)), expected, _HINT)


def _note_isolation(fleet: Fleet, node_class: str, problems: Problems) -> None:
    """Note pairs of flows, one in and one out, by which members of an isolated class would reach each other."""
    wide = _open_to_own_members(fleet, node_class)
    for one in wide["ingress"]:
        for other in wide["egress"]:
            if _meet(one.ports, other.ports):
                flows = " and ".join(dict.fromkeys([one.flow, other.flow]))
                expected = f"peers without the hosts of {node_class}, which are isolated from each other (flow {flows})"
                where = fleet.resolved.model.flows[one.flow].where.key("from")
                problems.add(where, one.peer, expected, f"a security group can't leave them out; {_HINT}")


def _open_at_one_end(fleet: Fleet, group: SecurityGroup) -> Iterator[str]:
    for node_class in group.classes:
        for direction, rules in _open_to_own_members(fleet, node_class).items():
            for rule in rules:
                yield (
                    f"Security group {group.name}: {rule.peer} of the flow {rule.flow} holds members of {node_class}, "
                    f"too, so that they are isolated from each other at {_other(direction)} alone."
                )


def _other(direction: str) -> str:
    return DIRECTIONS[1 - DIRECTIONS.index(direction)]


def _open_to_own_members(fleet: Fleet, node_class: str) -> Mapping[str, list[Rule]]:
    """Return the rules of an isolated class's hosts whose peers hold its own members; none of another class.

    What else these hosts are counts, too: AWS lets through what any of their groups does.
    """
    if not fleet.resolved.model.classes[node_class].isolated:
        return {direction: [] for direction in DIRECTIONS}
    members, owners = fleet.resolved.peers(node_class, ""), owners_of(fleet)
    policies = [policy for policy in fleet.policies.values() if node_class in policy.classes]
    beside = [name for policy in policies for name in policy.classes if name in owners]
    return {
        direction: [
            rule
            for name in dict.fromkeys([node_class, *beside])
            for rule in class_rules(fleet, name, direction)
            if rule.ports and _peers(fleet, rule) & members
        ]
        for direction in DIRECTIONS
    }


def _peers(fleet: Fleet, rule: Rule) -> AddressSet:
    """Return the peers that a rule has in AWS: of a class in a group, all members of the group."""
    owner = owners_of(fleet).get(rule.peer)
    if not owner:
        return rule.addresses
    classes = fleet.resolved.model.security_groups[owner].classes
    return AddressSet.union(fleet.resolved.peers(name, "") for name in classes)


def _meet(ports: PortSet, others: PortSet) -> bool:
    if ports.everything or others.everything:
        return True
    return any(
        one.protocol == other.protocol and one.first <= other.last and other.first <= one.last
        for one in ports.ranges
        for other in others.ranges
    )


def _too_many(group: GroupRules) -> Iterator[str]:
    """Yield a remark for each direction and family over the limit; what names a group counts in both families."""
    for direction in DIRECTIONS:
        for family, other in (("IPv4", "cidr_ipv6"), ("IPv6", "cidr_ip")):
            count = sum(rule.peer_kind != other for rule in group.rules(direction))
            if count > LIMIT:
                yield (
                    f"Security group {group.name} has {count} {direction} rules for {family}; AWS takes {LIMIT} unless "
                    "the quota is raised. Put more classes into groups, or give networks in place of addresses."
                )


def _about_flow(fleet: Fleet, name: str) -> Iterator[str]:
    flow = fleet.resolved.model.flows[name]
    if flow.log:
        yield f"The flow {name} asks for a log, which no security group writes; VPC flow logs do."
    for group in declared(fleet):
        for ends in dict.fromkeys((flow.senders, flow.receivers)):
            part = [one for one in group.classes if one in ends]
            others = [one for one in group.classes if one not in ends]
            if part and others:
                yield (
                    f"Security group {group.name}: the flow {name} is for {', '.join(part)}, and opens for "
                    f"{', '.join(others)}, too, since they share the group."
                )
