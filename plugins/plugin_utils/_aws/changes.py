# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From the security groups that a VPC has to those that a model wants: what is ours, what differs, and what is in use.

What a VPC has comes as amazon.aws.ec2_security_group_info returns it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.security_groups import ALL_PROTOCOLS, SCTP, GroupRule, GroupRules
from .._values.problems import Problems, Where

TAG = "gatehouse"

_PERMISSIONS = {"ingress": "ip_permissions", "egress": "ip_permissions_egress"}
_TARGETS = {
    "user_id_group_pairs": "group_id",
    "ip_ranges": "cidr_ip",
    "ipv6_ranges": "cidr_ipv6",
    "prefix_list_ids": "prefix_list_id",
}


@dataclass(frozen=True)
class LiveGroup:
    """A security group as AWS has it: ``owner`` is what our tag says, ``lines`` are its rules in words, sorted."""

    name: str
    group_id: str
    description: str
    owner: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """How one group differs from what is wanted; ``group_id`` is empty where there is none yet."""

    group: GroupRules
    group_id: str
    description: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def read_state(found: Sequence[Mapping[str, Any]]) -> tuple[LiveGroup, ...]:
    """Return the groups of a VPC, sorted by name."""
    names = {group["group_id"]: group["group_name"] for group in found}
    return tuple(
        LiveGroup(
            name=group["group_name"],
            group_id=group["group_id"],
            description=group["description"],
            owner=group.get("tags", {}).get(TAG),
            lines=tuple(sorted(_live_lines(group, names))),
        )
        for group in sorted(found, key=lambda group: str(group["group_name"]))
    )


def changes(
    wanted: Iterable[GroupRules], live: Iterable[LiveGroup], tag: str, adopt: Collection[str], problems: Problems
) -> tuple[Change, ...]:
    """Return how each group that differs does; note those of a wanted name that are neither ours nor adopted."""
    # AWS takes two names of groups that differ in case alone for one.
    there = {group.name.lower(): group for group in live}
    found = []
    for group in wanted:
        has = there.get(group.name.lower(), LiveGroup("", "", group.description, None, ()))
        if has.group_id and has.owner != tag and group.name not in adopt:
            theirs = f"tagged {TAG}: {has.owner}" if has.owner is not None else f"without our tag {TAG}: {tag}"
            expected = f"a name that no other group of the VPC has: {has.group_id} has it, {theirs}"
            hint = f"gatehouse_adopt_security_groups: [{group.name}] takes it over, with its rules"
            problems.add(group.where.key("name"), group.name, expected, hint)
        after = tuple(sorted(lines_of(group)))
        if not has.group_id or has.owner != tag or has.lines != after:
            found.append(Change(group, has.group_id, has.description, has.lines, after))
    return tuple(found)


def in_order(found: Sequence[Change]) -> list[tuple[Change, bool]]:
    """Return the changes in the order to make them, each with whether its rules are to be set.

    New groups come first, since others may name them, and with their rules: each call of AWS's module takes its time.
    Only one that is named before its own turn has to be there without any by then.
    """
    waiting = {change.group.name: change for change in found if not change.group_id}
    steps = []
    for change in sorted(found, key=lambda change: bool(change.group_id)):
        waiting.pop(change.group.name, None)
        rules = (*change.group.ingress, *change.group.egress)
        named = dict.fromkeys(rule.peer for rule in rules if rule.peer_kind == "group_name")
        steps += [(waiting.pop(name), False) for name in named if name in waiting]
        steps.append((change, True))
    return steps


def ours(live: Iterable[LiveGroup], tag: str) -> tuple[LiveGroup, ...]:
    """Return the groups that carry our tag."""
    return tuple(group for group in live if group.owner == tag)


def left_over(live: Iterable[LiveGroup], wanted: Iterable[GroupRules], tag: str) -> list[str]:
    """Return the names of the groups that are ours and that the model doesn't have, or no more."""
    names = {group.name.lower() for group in wanted}
    return [group.name for group in ours(live, tag) if group.name.lower() not in names]


def note_users(groups: Iterable[LiveGroup], interfaces: Sequence[Mapping[str, Any]], problems: Problems) -> None:
    """Note the groups that network interfaces are in: without rules these would be cut off, and AWS keeps the group."""
    for group in groups:
        users = [
            str(one.get("network_interface_id") or one.get("id"))
            for one in interfaces
            if any(member["group_id"] == group.group_id for member in one["groups"])
        ]
        if users:
            expected = f"a group that no network interface is in, but {len(users)} are in it: {', '.join(users[:5])}"
            problems.add(Where(group.name), group.group_id, expected, "give these another group first")


def lines_of(group: GroupRules) -> Iterator[str]:
    """Yield a wanted group's rules in words."""
    for direction in _PERMISSIONS:
        for rule in group.rules(direction):
            yield _line(direction, rule.ports, rule.peer, rule.description)


def _live_lines(group: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    for direction, key in _PERMISSIONS.items():
        for permission in group[key]:
            for targets, target in _TARGETS.items():
                for one in permission.get(targets, ()):
                    peer = names.get(one[target], one[target])
                    yield _line(direction, _ports(permission), peer, one.get("description", ""))


def _ports(permission: Mapping[str, Any]) -> str:
    protocol, first, last = (permission.get(key) for key in ("ip_protocol", "from_port", "to_port"))
    # AWS doesn't look at ports of these, whatever was given.
    ends = (None, None) if protocol in (ALL_PROTOCOLS, SCTP) else (first, last)
    return GroupRule(str(protocol), *ends, "", "", ()).ports


def _line(direction: str, ports: str, peer: str, description: str) -> str:
    way = "from" if direction == "ingress" else "to"
    return f"{direction} {ports} {way} {peer} ({description})" if description else f"{direction} {ports} {way} {peer}"
