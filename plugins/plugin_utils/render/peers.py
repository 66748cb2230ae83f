"""Who is on the other end of a policy's rules: what a renderer makes sets of, and what needs no set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..addresses import EVERYBODY_V4, EVERYBODY_V6, Network
from ..compile import Policy, Rule

SERVICE_ADDRESSES = "pre_dnat.addresses"


def peer_name(rule: Rule) -> str:
    """Return what names a rule's peer and the side of it that counts."""
    # A dot can't be part of a class's or a zone's name, so that no two of these are the same.
    return f"{rule.peer}.{rule.side}" if rule.side else rule.peer


def is_everybody(networks: Sequence[Network]) -> bool:
    """Return whether networks of one family are all of it."""
    return networks in (EVERYBODY_V4, EVERYBODY_V6)


def address_sets(policy: Policy) -> Iterator[tuple[str, int, Sequence[Network]]]:
    """Yield name, family and networks of each peer that has any in a family, unless it is everybody there."""
    peers = {peer_name(rule): rule.addresses for rule in (*policy.ingress, *policy.egress)}
    if policy.isolated:
        peers[policy.node_class] = policy.isolated
    peers[SERVICE_ADDRESSES] = policy.pre_dnat.addresses
    for name, addresses in sorted(peers.items()):
        families: tuple[tuple[int, Sequence[Network]], ...] = ((4, addresses.v4), (6, addresses.v6))
        yield from ((name, family, own) for family, own in families if own and not is_everybody(own))


def interfaces_on(policy: Policy, side: str) -> tuple[str, ...]:
    """Return the interfaces that a packet on a side has to take; none where any will do."""
    return policy.interfaces.get(side, ()) if side else ()
