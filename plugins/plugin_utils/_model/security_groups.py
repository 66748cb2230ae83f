# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Security groups: which node classes are members of which, and what AWS takes for a name and for a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._values.ports import PortRange
from .._values.problems import Problems, Where
from .._values.readers import Item
from .node_classes import NodeClass

GROUP_KEYS = ("name", "classes", "description", "why")
TEXT_LENGTH = 255
ALL_PROTOCOLS = "-1"
SCTP = "132"  # its number: AWS has no name for it
_NAMES = {SCTP: "sctp"}
EXPECTED_TEXT = f"1 to {TEXT_LENGTH} ASCII letters, digits, spaces and ._-:/()#,@[]+=&;{{}}!$*"

# Of CreateSecurityGroup and IpRange in the EC2 API reference, for groups of a VPC.
_TEXT = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*")
_NOT_IN_TEXT = re.compile(r"[^A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]+")


@dataclass(frozen=True)
class SecurityGroup:
    """A security group of the model: the node classes whose hosts are its members."""

    name: str
    classes: tuple[str, ...]
    where: Where = field(compare=False)
    description: str = ""


@dataclass(frozen=True)
class GroupRule:
    """One rule of a group in one direction: a protocol with its ports, one peer, and the flows with their reasons.

    ``peer_kind`` is group_name, cidr_ip or cidr_ipv6. ``protocol`` is tcp, udp, 132 (sctp) or -1, which is all.
    """

    protocol: str
    first: int | None
    last: int | None
    peer_kind: str
    peer: str
    flows: tuple[str, ...]
    reasons: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """Return the flows and why they are there, as AWS takes it."""
        flows, reasons = ", ".join(self.flows), "; ".join(self.reasons)
        return as_text(f"{flows}: {reasons}" if reasons else flows)

    @property
    def ports(self) -> str:
        """Return the ports as a model has them."""
        if self.first is None or self.last is None:
            return "all" if self.protocol == ALL_PROTOCOLS else f"all/{_NAMES.get(self.protocol, self.protocol)}"
        return str(PortRange(self.protocol, self.first, self.last))


@dataclass(frozen=True)
class GroupRules:
    """A security group with all that it lets in and out; whatever no rule allows is denied."""

    name: str
    description: str
    ingress: tuple[GroupRule, ...] = ()
    egress: tuple[GroupRule, ...] = ()
    where: Where = field(default=Where("gatehouse_security_groups"), compare=False)

    def rules(self, direction: str) -> tuple[GroupRule, ...]:
        """Return the rules of one direction."""
        return self.ingress if direction == "ingress" else self.egress


def read_security_group(item: Item, classes: Mapping[str, NodeClass], same_as: Mapping[str, str]) -> SecurityGroup:
    """Read one row of a model's security groups; one with ``classes: []`` is none."""
    item.text("why")
    if item.raw("classes") is None:
        expected = "a list of node classes; [] leaves the group of a profile out"
        item.problems.add(item.place("classes"), None, expected)
    known = {**classes, **same_as}
    return SecurityGroup(
        name=_read_name(item),
        classes=tuple(dict.fromkeys(same_as.get(name, name) for name in item.references("classes", known))),
        where=item.where,
        description=_read_description(item),
    )


def check_security_groups(
    groups: Mapping[str, SecurityGroup], classes: Mapping[str, NodeClass], problems: Problems
) -> None:
    """Note names that are one to AWS, classes in two groups, and isolated ones that share a group."""
    names: dict[str, SecurityGroup] = {}
    owners: dict[str, SecurityGroup] = {}
    for group in groups.values():
        twin = names.setdefault(group.name.lower(), group)
        if twin is not group:
            problems.add(group.where.key("name"), group.name, f"a name that is not {twin.name} in other letters")
        for name in group.classes:
            owner = owners.setdefault(name, group)
            if owner is not group:
                expected = f"classes of no other group, but {owner.where} has {name}"
                hint = f"{{name: {owner.name}, classes: []}} in gatehouse_security_groups leaves that one out"
                problems.add(group.where.key("classes"), name, expected, hint)
            if name in classes and classes[name].isolated and len(group.classes) > 1:
                expected = f"{name} alone: its hosts are isolated from each other, and members of a group are one peer"
                problems.add(group.where.key("classes"), ", ".join(group.classes), expected)


def as_text(text: str) -> str:
    """Return a text as AWS takes it for a description: without apostrophes, a dash for all else, and cut off."""
    found = _NOT_IN_TEXT.sub("-", text.replace("'", ""))
    return found if len(found) <= TEXT_LENGTH else f"{found[: TEXT_LENGTH - 3]}..."


def _read_name(item: Item) -> str:
    name = item.raw("name")
    if isinstance(name, str) and _is_name(name):
        return str(name)
    expected = f"{EXPECTED_TEXT}, no space at an end, not starting with sg-, and not default"
    item.problems.add(item.place("name"), name, expected)
    return ""


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= TEXT_LENGTH
        and name == name.strip()
        and _TEXT.fullmatch(name) is not None
        and not name.lower().startswith("sg-")
        and name.lower() != "default"
    )


def _read_description(item: Item) -> str:
    text = item.raw("description")
    if text is None:
        return ""
    if isinstance(text, str) and 0 < len(text) <= TEXT_LENGTH and _TEXT.fullmatch(text):
        return str(text)
    item.problems.add(item.place("description"), text, EXPECTED_TEXT)
    return ""
