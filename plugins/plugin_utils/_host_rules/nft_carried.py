# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How an nftables ruleset judges what a host forwards for those behind it: as the host's own, by the same flows."""

from __future__ import annotations

from collections.abc import Iterator

from ...module_utils._contract.kinds import FORWARD_IN, FORWARD_OUT, PRE_DNAT, way_of
from .._policy.compile import Policy
from .nft_denied import invalid, refusal
from .nft_flows import HOOKS, flows_as_asked_for, peer_matches
from .nft_pre_dnat import counted_before
from .nft_text import KEYWORD, chain, set_name
from .peer_sets import CARRIED, NOT_FOR_CARRIED

BASE = (
    # What neither comes from behind the host nor goes there is left alone.
    "type filter hook forward priority filter - 10; policy accept;",
    "ct state established accept",
    "goto carried",
)
"""What the kernel calls."""


def carried_chains(policy: Policy) -> Iterator[str]:
    """Yield the chains behind it; none where a policy carries nothing."""
    if not policy.carries:
        return
    yield from chain("carried_in_flows", flows_as_asked_for(policy))
    yield from chain("carried_in", _judged(policy, FORWARD_IN))
    yield from chain("carried_between", _between(policy))
    yield from chain("carried_out", [*_to(policy, "carried_between"), *_judged(policy, FORWARD_OUT)])
    yield from chain("carried", _carried(policy))


def _carried(policy: Policy) -> Iterator[str]:
    """Yield who judges a packet that the host forwards.

    An address can be forged, an interface can't. Where interfaces are known, a packet with an address from behind the
    host that comes by another one is no packet of those behind it.
    """
    interfaces = policy.carries.interfaces
    # Each in a rule of its own: nft 0.9.8 takes no wildcard in a set.
    yield from (f'iifname "{name}" goto carried_out' for name in interfaces)
    if not interfaces:
        yield from (f"{_in(family, 'saddr')}{_in(family, 'daddr')}goto carried_between" for family in _families(policy))
    yield from _to(policy, "carried_in")
    yield from (f"{_in(family, 'saddr')}goto carried_out" for family in _families(policy))


def _to(policy: Policy, target: str) -> Iterator[str]:
    yield from (f'oifname "{name}" goto {target}' for name in policy.carries.interfaces)
    yield from (f"{_in(family, 'daddr')}goto {target}" for family in _families(policy))


def _families(policy: Policy) -> list[int]:
    return [family for family in KEYWORD if policy.carries.networks.of_family(family)]


def _in(family: int, end: str) -> str:
    """Return the match for what has its source or its destination in the networks behind the host."""
    return f"{KEYWORD[family]} {end} @{set_name(CARRIED, family)} "


def _judged(policy: Policy, kind: str) -> Iterator[str]:
    way = way_of(kind)
    hook = HOOKS[way]
    yield from (f"meta l4proto {protocol} jump {hook}_icmp" for protocol in ("icmp", "ipv6-icmp"))
    # Behind ICMP, as in the host's own chains.
    yield invalid(policy, kind)
    if way == "egress":
        excepted = peer_matches(kind, NOT_FOR_CARRIED, policy.carries.excepted)
        yield from (f"{destination}{refusal(policy, kind)}" for destination in excepted)
    yield "jump carried_in_flows" if way == "ingress" else f"jump {hook}_flows"
    if kind == FORWARD_IN and policy.observes(PRE_DNAT) and policy.observes(kind):
        yield from counted_before(policy)
    yield refusal(policy, kind)


def _between(policy: Policy) -> Iterator[str]:
    """Yield what becomes of packets between two of those behind the host: where it is isolated, so are these."""
    if policy.isolates_carried:
        yield refusal(policy, FORWARD_OUT)
    else:
        yield "accept"
