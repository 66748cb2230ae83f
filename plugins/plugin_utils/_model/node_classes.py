# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Node classes: the kinds of hosts (or pods) that a model knows, with their members and what they do of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from .._values.addresses import AddressSet
from .._values.ports import PortSet
from .._values.problems import Problems, Where, near_miss, one_of
from .._values.readers import SIDES, Item, rows
from .carries import Carries, read_carries
from .pods import Pods, inherit_pods, read_pods

CLASS_KEYS = (
    "name",
    "groups",
    "except",
    "networks",
    "same_as",
    "isolated",
    "pre_dnat",
    "carries",
    "pods",
    "may_be_empty",
    "optional",
    "why",
)
_PRE_DNAT_KEYS = ("ports", "addresses", "side")


@dataclass(frozen=True)
class PreDnat:
    """What the hosts of a class judge before DNAT, since they may redirect it to pods or containers: node ports.

    Counts for packets to an address of the host's own or to one of ``addresses``, on one ``side`` if there is one.
    """

    ports: PortSet = PortSet()
    addresses: AddressSet = AddressSet()
    side: str = ""

    def __bool__(self) -> bool:
        """Return whether there is anything to judge."""
        return bool(self.ports)


@dataclass(frozen=True)
class NodeClass:
    """A job that hosts have: those of inventory groups, and networks where no host is managed; or pods.

    A host is of every class in whose ``groups`` it is, unless it is in one of the groups that are ``excepted`` there.
    Hosts of an isolated class never talk to each other, whatever wider zone a flow opens to them. What is None is for
    the profile to say, or no. A class that is the ``same_as`` another has its members, and gives it its flows.

    Nobody may be of a class that is ``nobody`` on purpose, of one of a profile that is ``optional`` and has no entry,
    and of one that ``may_be_empty``, in whose groups there is no host today.
    """

    name: str
    groups: tuple[str, ...]
    networks: AddressSet
    where: Where = field(compare=False)
    isolated: bool | None = None
    pre_dnat: PreDnat | None = None
    carries: Carries | None = None
    same_as: str = ""
    pods: Pods | None = None
    excepted: tuple[str, ...] = ()
    nobody: bool = False
    optional: bool = False
    may_be_empty: bool = False

    def members(self, groups: Mapping[str, Iterable[str]]) -> list[str]:
        """Return the hosts of the class, sorted; a group that the inventory lacks has none."""
        named, excepted = (
            {host for group in found for host in groups.get(group, ())} for found in (self.groups, self.excepted)
        )
        return sorted(named - excepted)

    @property
    def mapped(self) -> bool:
        """Return whether the class has members by declaration."""
        return bool(self.groups or self.networks or self.pods or self.nobody)


def read_class(item: Item) -> NodeClass:
    """Read one row of a model's classes."""
    groups, excepted = (tuple(_group_names(item, key)) for key in ("groups", "except"))
    item.text("why")
    _check_members(item, groups)
    if item.has("same_as"):
        expected = "no members beside same_as: those of that class are its own"
        _expect_none(item, ("groups", "except", "networks"), expected)
    if item.has("pods"):
        expected = "nothing beside pods: they have no addresses here"
        _expect_none(item, ("groups", "except", "networks", "same_as", "carries"), expected)
    return NodeClass(
        name=item.one_name("name"),
        groups=groups,
        networks=item.networks("networks"),
        where=item.where,
        isolated=item.flag("isolated") if item.has("isolated") else None,
        pre_dnat=_read_pre_dnat(item),
        carries=_read_carries(item),
        same_as=item.one_name("same_as") if item.has("same_as") else "",
        pods=read_pods(item, "pods") if item.has("pods") else None,
        excepted=excepted,
        nobody=item.raw("networks") == [] and not groups,
        optional=item.flag("optional"),
        may_be_empty=item.flag("may_be_empty"),
    )


def _check_members(item: Item, groups: tuple[str, ...]) -> None:
    is_own = not item.where.is_shipped
    if is_own and item.lacks("groups", "networks", "same_as", "pods") and item.raw("networks") != []:
        expected = "groups or networks, or pods, or same_as: a class without members is an error; networks: [] is empty"
        item.problems.add(item.where, item.raw("name"), expected)
    for key, expected in (
        ("except", "the groups from which except takes hosts out"),
        ("may_be_empty", "the groups that may be empty; networks: [] is empty"),
    ):
        if not item.lacks(key) and item.raw(key) is not False and not groups:
            item.problems.add(item.place("groups"), item.raw("groups"), expected)
    if is_own and item.has("optional"):
        expected = "no optional: that is for a profile's classes, and this is the entry of one; networks: [] is empty"
        item.problems.add(item.place("optional"), item.raw("optional"), expected)


def _group_names(item: Item, key: str) -> Iterator[str]:
    for place, group in rows(item.place(key), item.raw(key), item.problems):
        if isinstance(group, str) and group.isprintable():
            yield str(group)
        else:
            item.problems.add(place, group, "the name of an inventory group")


def _expect_none(item: Item, keys: tuple[str, ...], expected: str) -> None:
    for key in keys:
        if item.has(key):
            item.problems.add(item.place(key), item.raw(key), expected)


def _read_pre_dnat(item: Item) -> PreDnat | None:
    if not item.has("pre_dnat"):
        return None
    return read_pre_dnat(item.place("pre_dnat"), item.raw("pre_dnat"), item.problems)


def _read_carries(item: Item) -> Carries | None:
    if not item.has("carries"):
        return None
    return read_carries(item.place("carries"), item.raw("carries"), item.problems)


def read_pre_dnat(where: Where, value: object, problems: Problems) -> PreDnat:
    """Read what a class judges before DNAT; without ports that is nothing."""
    inner = Item(where, value, _PRE_DNAT_KEYS, problems)
    ports = inner.ports("ports")
    if inner.is_mapping and inner.raw("ports") is None:
        problems.add(inner.place("ports"), None, "a list of ports; [] judges nothing before DNAT")
    if ports.everything:
        problems.add(inner.place("ports"), "all", 'ports such as "30000-32767/tcp+udp": only they are redirected')
    return PreDnat(ports, inner.networks("addresses"), inner.choice("side", ("", *SIDES), ""))


def inherit(own: NodeClass, shipped: NodeClass | None) -> NodeClass:
    """Return a class of the user's, with what its namesake of a profile says where it says nothing."""
    if not shipped:
        return own
    is_other = own.groups or own.networks or own.same_as
    return replace(
        own,
        isolated=shipped.isolated if own.isolated is None else own.isolated,
        pre_dnat=shipped.pre_dnat if own.pre_dnat is None else own.pre_dnat,
        carries=shipped.carries if own.carries is None else own.carries,
        optional=own.optional or shipped.optional,
        pods=own.pods if is_other else inherit_pods(own.pods, shipped.pods),
    )


def joined_classes(classes: Mapping[str, NodeClass], problems: Problems) -> dict[str, NodeClass]:
    """Return the classes that are no other, each with what those that are the same as it say of its hosts."""
    joined = {one.name: one for one in classes.values() if not one.same_as}
    for one in classes.values():
        if one.same_as in joined:
            joined[one.same_as] = _join(joined[one.same_as], one, problems)
        elif one.same_as:
            expected = f"a class that is no other: {one_of(joined)}"
            problems.add(one.where.key("same_as"), one.same_as, expected, near_miss(one.same_as, joined))
    return joined


def _join(target: NodeClass, one: NodeClass, problems: Problems) -> NodeClass:
    for key in ("isolated", "pre_dnat", "carries"):
        theirs, ours = getattr(target, key), getattr(one, key)
        if theirs is not None and ours is not None and theirs != ours:
            expected = f"the same {key} as {target.name} has in {target.where}: they are one class"
            problems.add(one.where.key("same_as"), target.name, expected)
    return inherit(target, one)
