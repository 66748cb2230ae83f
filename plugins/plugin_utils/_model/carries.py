# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Who is behind the hosts of a class: containers and virtual machines, whose packets these hosts forward.

What comes from there and leaves by another way is judged as the host's own egress, and what comes in for it, as the
host's own ingress. Where hosts masquerade them, others see the host's address; where they are routed, their addresses
are the host's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...module_utils._contract.interfaces import is_by
from .._values.addresses import Address, AddressSet
from .._values.problems import Problems, Where
from .._values.readers import EXPECTED_INTERFACE, Item, flag_at, rows

_KEYS = ("interfaces", "networks", "masqueraded", "except", "isolated")
_FAMILIES = ("ipv4", "ipv6")
_DATA_KEYS = ("interfaces", "routed", "masqueraded", "excepted", "isolated", "is_said")
_PATTERN = re.compile(r"[A-Za-z0-9_.:@-]{1,15}|[A-Za-z0-9_.:@-]{1,14}\*", re.ASCII)
_EXPECTED = f'{EXPECTED_INTERFACE}, or what such names begin with and an asterisk, as in "br-*"'


@dataclass(frozen=True)
class Carries:
    """By which interfaces, and in which networks, others are behind a host; none are where it has neither.

    ``interfaces`` are names, or what names begin with and an asterisk. Addresses in ``routed`` are seen by peers,
    those in ``masqueraded`` are not, and may be the same behind many hosts. What is behind the host never reaches what
    is ``excepted``, although the host itself may. Where the class is isolated, two of those behind one host are as
    well, unless they are said not to be ``isolated``: what is in a virtual machine of a single job, say. ``is_said``
    tells a class that says that it carries nothing from one that says nothing.
    """

    interfaces: tuple[str, ...] = ()
    routed: AddressSet = AddressSet()
    masqueraded: AddressSet = AddressSet()
    excepted: AddressSet = AddressSet()
    isolated: bool = True
    is_said: bool = field(default=False, compare=False)

    def __bool__(self) -> bool:
        """Return whether anything is carried."""
        return bool(self.interfaces or self.networks)

    @property
    def networks(self) -> AddressSet:
        """Return all addresses that are behind the host."""
        return self.routed | self.masqueraded

    def is_by(self, interface: str) -> bool:
        """Return whether others are behind the host by this interface."""
        return is_by(self.interfaces, interface)

    def comes_from(self, interface: str, source: Address) -> bool:
        """Return whether a packet comes from behind the host: where interfaces are declared, these alone prove it."""
        return self.is_by(interface) if self.interfaces else source in self.networks

    def goes_to(self, interface: str, destination: Address) -> bool:
        """Return whether a packet goes to what is behind the host."""
        return self.is_by(interface) or destination in self.networks


def read_carries(where: Where, value: object, problems: Problems) -> Carries:
    """Read what the hosts of a class carry, noting problems; an empty mapping is nothing."""
    item = Item(where, value, _KEYS, problems)
    networks = item.networks("networks")
    masqueraded = item.references("masqueraded", _FAMILIES) if item.has("masqueraded") else ("ipv4",)
    if networks.is_for_all:
        problems.add(item.place("networks"), item.raw("networks"), "the networks behind these hosts, and not everybody")
    hidden = AddressSet(
        v4=networks.v4 if "ipv4" in masqueraded else (), v6=networks.v6 if "ipv6" in masqueraded else ()
    )
    excepted, isolated = item.networks("except"), _isolated(item)
    return Carries(tuple(_interfaces(item)), networks - hidden, hidden, excepted, isolated, is_said=True)


def _isolated(item: Item) -> bool:
    return flag_at(item.place("isolated"), item.raw("isolated"), True, item.problems)


def _interfaces(item: Item) -> Iterator[str]:
    for place, name in rows(item.place("interfaces"), item.raw("interfaces"), item.problems):
        if isinstance(name, str) and _PATTERN.fullmatch(name):
            yield name
        else:
            hint = "an asterisk alone would be every interface, the way out among them" if name == "*" else ""
            item.problems.add(place, name, _EXPECTED, hint)


def united(several: Iterable[Carries]) -> Carries:
    """Return what hosts of several classes carry together."""
    found = list(several)
    return Carries(
        tuple(dict.fromkeys(name for one in found for name in one.interfaces)),
        AddressSet.union(one.routed for one in found),
        AddressSet.union(one.masqueraded for one in found),
        AddressSet.union(one.excepted for one in found),
        not any(found) or any(one.isolated for one in found if one),
        any(one.is_said for one in found),
    )


def to_data(carries: Carries) -> dict[str, list[str] | bool]:
    """Return what ``from_data`` reads again."""
    return {
        "interfaces": list(carries.interfaces),
        "routed": carries.routed.texts(),
        "masqueraded": carries.masqueraded.texts(),
        "excepted": carries.excepted.texts(),
        "isolated": carries.isolated,
        "is_said": carries.is_said,
    }


def from_data(where: Where, value: object, problems: Problems) -> Carries:
    """Read what a policy says, noting problems; what isn't there is nothing."""
    if value is None:
        return Carries()
    item = Item(where, value, _DATA_KEYS, problems)
    routed, masqueraded, excepted = (item.networks(key) for key in ("routed", "masqueraded", "excepted"))
    return Carries(tuple(_interfaces(item)), routed, masqueraded, excepted, _isolated(item), item.flag("is_said"))
