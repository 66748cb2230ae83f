# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How rules of iptables judge what a host forwards for those behind it: as the host's own, by the same flows.

In mangle, whose FORWARD comes before that of filter: others insert their rules before ours there, and accept.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...module_utils._contract.kinds import FORWARD_IN, FORWARD_OUT
from .iptables_denied import denied, invalid
from .iptables_flows import before_ports, stage_chains
from .iptables_view import BY_PROTOCOL, CARRIED_STAGES, Chains, Stage, View, address_matches
from .peer_sets import CARRIED, NOT_FOR_CARRIED

BASE = "GATEHOUSE-FORWARD"
_BETWEEN = "GATEHOUSE-FWD-BETWEEN"


def carried_chains(view: View) -> Chains:
    """Return the chains; none where a policy carries nothing."""
    if not view.policy.carries:
        return {}
    chains: Chains = {BASE: list(_base(view)), _BETWEEN: list(_between(view))}
    for stage in CARRIED_STAGES.values():
        before = [*_excepted(view, stage), *before_ports(view, stage)]
        chains |= stage_chains(view, stage, _judged(view, stage), before)
    return chains


def _base(view: View) -> Iterator[str]:
    """Yield who judges a packet, as nft_carried.py has it."""
    to_in, to_out = (f"-g {CARRIED_STAGES[kind].chain}" for kind in (FORWARD_IN, FORWARD_OUT))
    interfaces = _interfaces(view)
    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"
    yield from (f"-i {name} {to_out}" for name in interfaces)
    if not interfaces:
        yield from (f"{source}{to}-g {_BETWEEN}" for source in _in(view, "src") for to in _in(view, "dst"))
    yield from _to(view, to_in)
    yield from (f"{source}{to_out}" for source in _in(view, "src"))
    yield "-j RETURN"


def _to(view: View, target: str) -> Iterator[str]:
    yield from (f"-o {name} {target}" for name in _interfaces(view))
    yield from (f"{destination}{target}" for destination in _in(view, "dst"))


def _interfaces(view: View) -> list[str]:
    # An asterisk of ours is a plus of theirs.
    return [name.replace("*", "+") for name in view.policy.carries.interfaces]


def _in(view: View, end: str) -> list[str]:
    return address_matches(view, CARRIED, view.policy.carries.networks, end)


def _judged(view: View, stage: Stage) -> Iterator[str]:
    if stage.kind == FORWARD_OUT:
        yield from _to(view, f"-g {_BETWEEN}")
    yield f"{BY_PROTOCOL[view.family]}-g {stage.chain}-ICMP"
    # Behind ICMP, as in the host's own chains.
    yield invalid(view, stage)
    yield f"-g {stage.chain}-FLOWS"


def _excepted(view: View, stage: Stage) -> list[str]:
    if stage.kind != FORWARD_OUT:
        return []
    excepted = address_matches(view, NOT_FOR_CARRIED, view.policy.carries.excepted, "dst")
    return [f"{destination}{denied(view, stage)}" for destination in excepted]


def _between(view: View) -> Iterator[str]:
    """Yield what becomes of packets between two of those behind the host: where it is isolated, so are these."""
    yield denied(view, CARRIED_STAGES[FORWARD_OUT]) if view.policy.isolates_carried else "-j RETURN"
