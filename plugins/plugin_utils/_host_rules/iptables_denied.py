# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What rules of iptables do with what no flow allows: they deny that and keep who it was, or observe it."""

from __future__ import annotations

from collections.abc import Iterator

from ...module_utils._contract.constants import ANY, KNOWN, STRANGER
from ...module_utils._contract.kinds import FORWARD_IN, FORWARDED, PRE_DNAT, SET_WORDS, observed_as, way_of
from . import denied_sets as refused
from . import observe_sets as observed
from .denied_sets import INVALID, LOST, REASONS, DeniedSet, known_sets
from .iptables_view import END, Chains, Stage, View, comment, interface_matches
from .logged import BURST, REFUSALS, REFUSALS_BURST, iptables_log, log_of
from .peer_sets import is_everybody
from .port_matches import asked_for

_KNOWN = KNOWN.upper()
_BEGINS_NOTHING = "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN "
_PROHIBITED = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
_BEHIND_DNAT = ("ingress", FORWARD_IN)
_OWN_BROADCASTS = "-m addrtype --src-type LOCAL"  # which the host hears itself


def invalid(view: View, stage: Stage) -> str:
    """Return what becomes of a packet of no connection, with a counter of its own: no flow was missing."""
    match = "-m conntrack --ctstate INVALID "
    return f"{match}-j RETURN" if view.policy.observes(stage.kind) else f"{match}{comment(INVALID)}-j DROP"


def denied(view: View, stage: Stage) -> str:
    """Return what becomes of a packet that no flow allows."""
    return f"-g {stage.observed if view.policy.observes(stage.kind) else stage.denied}"


def refused_chains(view: View, stage: Stage) -> Chains:
    """Return the chains for what no flow allows."""
    if not view.policy.observes(stage.kind):
        return {stage.denied: list(drop(view, stage.kind, stage.chain)), **kept_chains(view, stage.kind, stage.chain)}
    lines = [
        *(_counted_before(view, stage) if stage.kind in _BEHIND_DNAT and view.policy.observes(PRE_DNAT) else ()),
        *([f"{_OWN_BROADCASTS} -j RETURN"] if stage.kind in observed.HEARD else []),
        *([f"{_BEGINS_NOTHING}{comment(LOST)}-j RETURN"] if stage.direction == "egress" else []),
        *counted(view, observed_as(stage.kind), f"{END[stage.kind]},dst"),
    ]
    return {stage.observed: lines}


def drop(view: View, kind: str, chain: str) -> Iterator[str]:
    """Yield the one way out for what is denied: nothing that is allowed comes here."""
    if way_of(kind) == "egress":
        yield f"{_BEGINS_NOTHING}{comment(LOST)}-j DROP"
    if refused.keeps(view.policy):
        yield f"-j {chain}-KEPT"
    if view.policy.denied.log:
        yield iptables_log(view.policy, log_of(view.policy).rate, BURST, refused.log_prefix(kind))
    for match, target in _targets(view, kind):
        yield f"{match}{comment(REASONS[kind])}-j {target}"


def _targets(view: View, kind: str) -> Iterator[tuple[str, str]]:
    """Yield what becomes of a denied packet, each with the match for those that it is for: see nft_denied.py."""
    by_icmp = f"REJECT --reject-with {_PROHIBITED[view.family]}"
    if kind in FORWARDED or not view.policy.deny.rejects(kind):  # no table but filter can REJECT
        yield "", "DROP"
    elif kind == "egress":
        yield "-p tcp ", "REJECT --reject-with tcp-reset"
        yield "", by_icmp
    else:
        yield f"-m limit --limit {REFUSALS} --limit-burst {REFUSALS_BURST} ", by_icmp
        yield "", "DROP"


def kept_chains(view: View, kind: str, chain: str) -> Chains:
    """Return what keeps denials, in chains that decide of none."""
    if not refused.keeps(view.policy) or view.policy.observes(kind):
        return {}
    names = [*(name for name, _family, _addresses in known_sets(view.policy)), *refused.named(view.policy)]
    known = [""] if is_everybody(view.policy.known.networks) else []
    known += [f"-m set --match-set {view.sets[name].name} {END[kind]} " for name in names]
    own = [f"{_OWN_BROADCASTS} -j RETURN"] if kind in observed.HEARD else []
    strangers = [*own, *(f"{match}-g {chain}-{_KNOWN}" for match in known), *_counted_denials(view, kind, STRANGER)]
    of_known = {f"{chain}-{_KNOWN}": list(_counted_denials(view, kind, KNOWN))} if known else {}
    return {f"{chain}-KEPT": strangers, **of_known}


def _counted_denials(view: View, kind: str, peers: str) -> Iterator[str]:
    """Yield what keeps a denial. What isn't in a set even now found it full: the port is kept without its peer."""
    ends = f"{END[kind]},dst"
    for group in (peers, ANY):
        names = (DeniedSet(kind, group, kept, view.family).name for kept in observed.KEPT)
        first, last = (view.sets[name].name for name in names)
        yield from _counted_in(first, last, ends)
        if group != ANY:
            yield f"-m set --match-set {last} {ends} -j RETURN"
    yield "-j RETURN"


def counted(view: View, kind: str, ends: str) -> Iterator[str]:
    """Yield what counts a kind that is only observed, by the ends that are its key, and lets it through."""
    first, last = (view.sets[f"observed.{SET_WORDS[kind]}.{kept}"].name for kept in observed.KEPT)
    yield iptables_log(view.policy, log_of(view.policy).rate, BURST, observed.log_prefix(kind))
    yield from _counted_in(first, last, ends)
    yield "-j RETURN"


def _counted_in(first: str, last: str, ends: str) -> Iterator[str]:
    # A key that comes in is counted as it does, and one that is in already isn't touched by -j SET.
    yield f"-m set --match-set {first} {ends}"
    yield f"-j SET --add-set {first} {ends}"
    yield f"-j SET --add-set {last} {ends} --exist"


def _counted_before(view: View, stage: Stage) -> Iterator[str]:
    """Yield what passes over packets that came by before DNAT, whatever they were redirected to."""
    found = ((judged.side, item) for judged in view.policy.pre_dnat for item in judged.ports.ranges)
    for side, item in found:
        for interface in interface_matches(view, stage, side):
            yield f"{interface}{asked_for(item.protocol, item)}{comment('counted before DNAT')}-j RETURN"
