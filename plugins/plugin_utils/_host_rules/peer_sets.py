# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Who is on the other end of a policy's rules: what a renderer makes sets of, and what needs no set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._model.node_classes import PreDnat
from .._policy.compile import Policy, Rule
from .._values.addresses import EVERYBODY_V4, EVERYBODY_V6, AddressSet, Network
from .._values.direction import DIRECTIONS

FAMILIES = (4, 6)
SERVICE_ADDRESSES = "pre_dnat.addresses"
CARRIED, NOT_FOR_CARRIED = "carries.networks", "carries.except"


def peer_name(direction: str, rule: Rule) -> str:
    """Return what names a rule's peer and the side of it that counts, or the addresses of it that do."""
    # A dot can't be part of a flow's, a class's or a zone's name, so that no two of these are the same.
    if direction == "egress" and rule.is_narrowed:
        return at_name(rule)
    peer = f"{rule.peer}.{rule.side}" if rule.side else rule.peer
    return f"{peer}.names" if rule.names else peer


def at_name(rule: Rule) -> str:
    """Return what names the addresses that a narrowed rule is for."""
    return f"{rule.flow}.at"


def stages(policy: Policy) -> Iterator[tuple[str, PreDnat]]:
    """Yield what is judged before DNAT, with what names the addresses of each."""
    for number, stage in enumerate(policy.pre_dnat):
        yield f"{SERVICE_ADDRESSES}.{number}" if number else SERVICE_ADDRESSES, stage


def is_service(name: str) -> bool:
    """Return whether a name is that of addresses which are judged before DNAT."""
    return name.startswith(SERVICE_ADDRESSES)  # no other has a dot there


def is_everybody(networks: Sequence[Network]) -> bool:
    """Return whether networks of one family are all of it."""
    return networks in (EVERYBODY_V4, EVERYBODY_V6)


def address_sets(policy: Policy) -> Iterator[tuple[str, int, AddressSet]]:
    """Yield name, family and addresses of each peer that has any in a family, unless it is everybody there.

    A peer by host names has a set in both families, whatever the answers are: others may follow.
    """
    rules = [(peer_name(direction, rule), rule) for direction in DIRECTIONS for rule in policy.rules(direction)]
    by_name = {name for name, rule in rules if rule.names}
    peers = {name: rule.addresses for name, rule in rules}
    peers |= policy.isolated
    peers |= {name: stage.addresses for name, stage in stages(policy)}
    peers |= {CARRIED: policy.carries.networks, NOT_FOR_CARRIED: policy.carries.excepted}
    for name, addresses in sorted(peers.items()):
        for family in FAMILIES:
            own = addresses.of_family(family)
            if name in by_name or (own and not is_everybody(own)):
                yield name, family, addresses


def members(policy: Policy) -> dict[str, AddressSet]:
    """Return the addresses of each class and zone that a policy has a use for, by what names its sets.

    One without any address is there, too. Those behind host names are not, nor those that flows are narrowed to.
    """
    found = {
        peer_name(direction, rule): rule.addresses
        for direction in DIRECTIONS
        for rule in policy.rules(direction)
        if not rule.names and not (direction == "egress" and rule.is_narrowed)
    }
    return found | dict(policy.isolated)


def narrowed_sets(policy: Policy) -> Iterator[tuple[str, int, AddressSet]]:
    """Yield the same of the addresses that each flow to the host is for, where these are not all."""
    for name, addresses in sorted({at_name(rule): rule.at for rule in policy.ingress}.items()):
        for family in FAMILIES:
            own = addresses.of_family(family)
            if own and not is_everybody(own):
                yield name, family, addresses


def interfaces_on(policy: Policy, side: str) -> tuple[str, ...]:
    """Return the interfaces that a packet on a side has to take; none where any will do."""
    return policy.interfaces.get(side, ()) if side else ()
