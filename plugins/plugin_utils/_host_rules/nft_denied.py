# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What an nftables ruleset does with what no flow allows: it denies that and keeps who it was, or observes it."""

from __future__ import annotations

from collections.abc import Iterator

from ...module_utils._contract.constants import ANY, KNOWN, OBSERVED_MOST, OBSERVED_SECONDS, STRANGER
from ...module_utils._contract.kinds import FORWARD_IN, SET_WORDS, SPOOFED, observed_as, way_of
from .._policy.compile import Policy
from .._values.ports import PROTOCOLS
from . import denied_sets as refused
from . import observe_sets
from .denied_sets import INVALID, LOST, REASONS
from .logged import BURST, REFUSALS, REFUSALS_BURST, log_of, nft_log
from .nft_text import ANYBODY, KEYWORD, address_match, chain, filled_by_kernel, in_set, set_name
from .peer_sets import FAMILIES, is_everybody

_OWN_BROADCASTS = "fib saddr type local"  # which the host hears itself
_PORTS = f"meta l4proto {{ {', '.join(PROTOCOLS)} }}"
_PORT = "th dport"
_BEGINS_NOTHING = "tcp flags & (fin | syn | rst | ack) != syn"
_BY_ICMP = "reject with icmpx type admin-prohibited"
_KEY = "ipv{}_addr . inet_proto . inet_service"
_KEY_OF_PORTS = "inet_proto . inet_service"


def filled_sets(policy: Policy) -> Iterator[str]:
    """Yield the sets that the kernel fills."""
    for direction, kept, family in observe_sets.sets(policy):
        name = _observed_set(direction, kept, family)
        yield from filled_by_kernel(name, _KEY.format(family), OBSERVED_MOST, OBSERVED_SECONDS)
    for one in refused.sets(policy):
        key = _KEY_OF_PORTS if one.peers == ANY else _KEY.format(one.family)
        yield from filled_by_kernel(set_name(one.name, one.family), key, OBSERVED_MOST, one.seconds)


def refusal(policy: Policy, kind: str) -> str:
    """Return what becomes of a packet of a kind that no flow allows."""
    return f"goto observed_{observed_as(kind)}" if policy.observes(kind) else f"goto denied_{kind}"


def invalid(policy: Policy, kind: str) -> str:
    """Return what becomes of a packet of no connection, with a counter of its own: no flow was missing."""
    if policy.observes(kind):
        return "ct state invalid accept"
    return f'ct state invalid counter drop comment "{INVALID}"'


def refusing_chains(policy: Policy) -> Iterator[str]:
    """Yield the chains for what no flow allows."""
    for kind in refused.kinds(policy):
        yield from chain(f"denied_{kind}", _denied(policy, kind))
        if refused.keeps(policy):
            yield from _kept(policy, kind)
    for kind in observe_sets.kinds(policy):
        yield from _observed(policy, kind)


def _denied(policy: Policy, kind: str) -> Iterator[str]:
    """Yield the one way out for what is denied: nothing that is allowed comes here."""
    if way_of(kind) == "egress":
        yield f'{_BEGINS_NOTHING} counter drop comment "{LOST}"'
    if refused.keeps(policy):
        yield f"jump kept_{kind}"
    if policy.denied.log:
        yield nft_log(policy, log_of(policy).rate, BURST, refused.log_prefix(kind))
    for match, verdict in _verdicts(policy, kind):
        yield f'{match}counter {verdict} comment "{REASONS[kind]}"'


def _verdicts(policy: Policy, kind: str) -> Iterator[tuple[str, str]]:
    """Yield what becomes of a denied packet, each with the match for those that it is for."""
    if not policy.deny.rejects(kind):
        yield "", "drop"
    elif way_of(kind) == "egress":
        # It goes no farther than this host, or those behind it. ICMPv6 would cost a TCP client a second.
        yield "meta l4proto tcp ", "reject with tcp reset"
        yield "", _BY_ICMP
    else:
        # A reset would look as if the port were merely closed, and could be had for a forged source.
        yield f"limit rate {REFUSALS} burst {REFUSALS_BURST} packets ", _BY_ICMP
        yield "", "drop"


def _kept(policy: Policy, kind: str) -> Iterator[str]:
    own = [f"{_OWN_BROADCASTS} return"] if kind in observe_sets.HEARD else []
    yield from chain(f"kept_{kind}", [*own, *_to_known(policy, kind), f"goto kept_{kind}_{STRANGER}"])
    for peers in refused.groups(policy):
        name = f"kept_{kind}_{peers}"
        yield from chain(f"{name}_port", _counted_denials(policy, kind, peers, _PORT))
        yield from chain(name, [f"{_PORTS} goto {name}_port", *_counted_denials(policy, kind, peers, "0")])


def _to_known(policy: Policy, kind: str) -> Iterator[str]:
    for family in FAMILIES:
        if is_everybody(policy.known.of_family(family)):
            yield f"{ANYBODY[family]}goto kept_{kind}_{KNOWN}"
        own = (name for name, version, _addresses in refused.known_sets(policy) if version == family)
        for name in (*own, *refused.named(policy)):
            yield f"{in_set(kind, name, family)}goto kept_{kind}_{KNOWN}"


def _counted_denials(policy: Policy, kind: str, peers: str, port: str) -> Iterator[str]:
    """Yield what keeps a denial: a rule whose set takes no more ends there, and the next one has its turn."""
    for one in refused.sets(policy):
        if (one.kind, one.peers) == (kind, peers):
            address = f"{KEYWORD[one.family]} {address_match(kind)} . "
            family, peer = (ANYBODY[one.family], "") if peers == ANY else ("", address)
            how, counter, done = ("add", " counter", "") if one.kept == "first" else ("update", "", " return")
            for protocol, own_port in _ports_of(kind, port):
                key = f"{{ {peer}meta l4proto . {own_port}{counter} }}"
                yield f"{protocol}{family}{how} @{set_name(one.name, one.family)} {key}{done}"
    if peers != ANY:
        yield f"goto kept_{kind}_{ANY}"


def _observed(policy: Policy, kind: str) -> Iterator[str]:
    """Yield what counts, on a host that only observes, what no flow allows, and lets it through."""
    port = f"observed_{kind}_port"
    yield from chain(port, _counted(policy, kind, _PORT))
    own = [f"{_OWN_BROADCASTS} accept"] if kind in observe_sets.HEARD else []
    own += [f'{_BEGINS_NOTHING} accept comment "{LOST}"'] if way_of(kind) == "egress" else []
    log = nft_log(policy, log_of(policy).rate, BURST, observe_sets.log_prefix(kind))
    yield from chain(f"observed_{kind}", [*own, log, f"{_PORTS} goto {port}", *_counted(policy, kind, "0")])


def _counted(policy: Policy, kind: str, port: str) -> Iterator[str]:
    for one, kept, family in observe_sets.sets(policy):
        if one == kind:
            how, counter = ("add", " counter") if kept == "first" else ("update", "")
            for protocol, own_port in _ports_of(kind, port):
                key = f"{KEYWORD[family]} {address_match(kind)} . meta l4proto . {own_port}"
                yield f"{protocol}{how} @{_observed_set(one, kept, family)} {{ {key}{counter} }}"
    # A spoofed packet goes on to the stages behind this one, and is judged there by the flows as any other.
    yield "return" if kind == SPOOFED else "accept"


def _ports_of(kind: str, port: str) -> list[tuple[str, str]]:
    """Return what is kept as the port, each with the match for the protocol that it is for.

    What is redirected on to those behind the host is judged by the port that was asked for.
    """
    if kind != FORWARD_IN or port != _PORT:
        return [("", port)]
    return [(f"meta l4proto {protocol} ", "ct original proto-dst") for protocol in PROTOCOLS]


def _observed_set(direction: str, kept: str, family: int) -> str:
    return set_name(f"observed.{SET_WORDS[direction]}.{kept}", family)
