# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What Calico enforces of the model, as the user says it in ``gatehouse_calico``, for the whole fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._values.addresses import AddressSet
from .._values.problems import Problems, Where
from .._values.readers import Item

ENFORCE, OBSERVE = "enforce", "observe"
PUBLIC, SIDES, ALL = "public", "sides", "all"
LEAVE, MANAGE = "leave", "manage"

_KEYS = ("classes", "interfaces", "failsafes", "management", "mode", "order", "pod_networks")
_LARGEST_ORDER = 900_000  # the default tier's own order is 1,000,000, which people take for a bound


@dataclass(frozen=True)
class Calico:
    """Of which ``classes`` hosts get host endpoints, and on which ``interfaces``.

    ``public`` and ``sides`` are named endpoints, on the interfaces of the public side or of each side that a host
    declares; ``all`` is one for whatever interfaces there are. ``failsafes`` says whether Felix' failsafe ports become
    those of the ``management`` flows, or are left alone. Policies begin at ``order``. What is for ``pod_networks`` is
    never judged before DNAT.
    """

    classes: tuple[str, ...] = ()
    interfaces: str = PUBLIC
    failsafes: str = LEAVE
    management: tuple[str, ...] = ()
    mode: str = ENFORCE
    order: int = 1000
    pod_networks: AddressSet = AddressSet()


def read_calico(
    where: Where,
    value: object,
    classes: Mapping[str, object],
    same_as: Mapping[str, str],
    flows: Mapping[str, object],
    problems: Problems,
) -> Calico:
    """Read the settings, noting problems; without them Calico enforces nothing."""
    if value is None:
        return Calico()
    item = Item(where, value, _KEYS, problems)
    named = item.references("classes", {**classes, **same_as})
    if item.is_mapping and item.lacks("classes"):
        problems.add(item.place("classes"), item.raw("classes"), "a list of at least one node class")
    failsafes = item.choice("failsafes", (LEAVE, MANAGE), LEAVE)
    management = item.references("management", flows)
    if failsafes == MANAGE and not management:
        expected = "a list of flows that stay open whatever a policy says, or else one mistake locks everybody out"
        problems.add(item.place("management"), item.raw("management"), expected)
    if failsafes == LEAVE and management:
        problems.add(item.place("failsafes"), item.raw("failsafes"), f"{MANAGE}, since there are management flows")
    return Calico(
        classes=tuple(dict.fromkeys(same_as.get(name, name) for name in named)),
        interfaces=item.choice("interfaces", (PUBLIC, SIDES, ALL), PUBLIC),
        failsafes=failsafes,
        management=management,
        mode=item.choice("mode", (ENFORCE, OBSERVE), ENFORCE),
        order=item.number("order", 1, _LARGEST_ORDER, Calico.order),
        pod_networks=item.networks("pod_networks"),
    )
