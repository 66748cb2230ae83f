# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How an nftables ruleset decides by flow: chains for ports, and the dispatch to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .._policy.compile import Policy, Rule
from .._values.addresses import AddressSet
from .._values.always_allowed import dhcp, icmp_types
from .._values.ports import PROTOCOLS
from .datagrams import nftables_match
from .logged import FLOW_BURST, FLOW_RATE, flow_prefix, nft_log
from .nft_text import ANYBODY, KEYWORD, chain, in_set, set_name
from .peer_sets import at_name, interfaces_on, is_everybody, peer_name
from .port_segments import Segment, range_text, segments, within

HOOKS = {"ingress": "input", "egress": "output"}
_INTERFACE_MATCH = {"ingress": "iifname", "egress": "oifname"}
# nft takes `ct original proto-dst` only behind a match of the protocol.
_ASKED_FOR = "meta l4proto {} {}ct original proto-dst"


def flow_chains(policy: Policy, direction: str) -> Iterator[str]:
    """Yield the chains of a direction; ``input_flows`` or ``output_flows`` accepts what a flow allows, and returns."""
    hook = HOOKS[direction]
    found = {protocol: segments(policy.rules(direction), protocol) for protocol in PROTOCOLS}
    yield from chain(f"{hook}_icmp", _icmp(policy, direction))
    for protocol, parts in found.items():
        for part in parts:
            if part.chain == part.first:
                yield from chain(_name(hook, protocol, part), _rules(policy, direction, part.rules))
    yield from chain(f"{hook}_flows", _flows(policy, direction, found))


def flows_as_asked_for(policy: Policy) -> Iterator[str]:
    """Yield what decides of what comes in by the port that it was sent to alone, whatever it was redirected to."""
    yield from _whatever_the_port(policy, "ingress")
    for protocol in PROTOCOLS:
        parts = [(part, "goto") for part in segments(policy.ingress, protocol)]
        yield from _dispatch(_ASKED_FOR.format(protocol, ""), HOOKS["ingress"], protocol, parts)


def _name(hook: str, protocol: str, segment: Segment) -> str:
    return f"{hook}_{protocol}_{segment.chain}"


def _flows(policy: Policy, direction: str, found: Mapping[str, Sequence[Segment]]) -> Iterator[str]:
    hook = HOOKS[direction]
    yield from _whatever_the_port(policy, direction)
    if direction == "ingress":
        # Redirected to a port of the host's own: the port that was asked for decides, or else the one it became.
        for protocol, parts in found.items():
            # jump, not goto: a packet that no flow allows by the first port comes back for the second.
            redirected = [(part, "jump") for part in within(parts, policy.pre_dnat_ports, protocol)]
            yield from _dispatch(_ASKED_FOR.format(protocol, "ct status dnat "), hook, protocol, redirected)
    for protocol, parts in found.items():
        # A map for each protocol: nft 0.9.8 aborts on ranges in a map whose key is protocol and port.
        yield from _dispatch(f"{protocol} dport", hook, protocol, [(part, "goto") for part in parts])


def _whatever_the_port(policy: Policy, direction: str) -> Iterator[str]:
    for name, members in policy.isolated.items():
        for peer in peer_matches(direction, name, members):
            yield f'{peer}return comment "isolated:{name}"'
    yield from _rules(policy, direction, (rule for rule in policy.rules(direction) if rule.ports.everything))


def _dispatch(key: str, hook: str, protocol: str, parts: Sequence[tuple[Segment, str]]) -> Iterator[str]:
    if parts:
        elements = ", ".join(f"{range_text(part, '-')} : {how} {_name(hook, protocol, part)}" for part, how in parts)
        yield f"{key} vmap {{ {elements} }}"


def _icmp(policy: Policy, direction: str) -> Iterator[str]:
    # Errors, as nothing but ICMP comes here: whatever else connection tracking calls related is judged by flow.
    yield "ct state related accept"
    types = icmp_types(direction, policy.echo_request)
    for protocol, keyword in (("icmp", "icmp"), ("icmpv6", "icmpv6")):
        names = ", ".join(item.name for item in types if item.protocol == protocol)
        yield f"{keyword} type {{ {names} }} accept"


def _rules(policy: Policy, direction: str, rules: Iterable[Rule]) -> Iterator[str]:
    for rule in rules:
        interface = _interface(policy, direction, rule)
        comment = f'comment "flow:{rule.flow}"'
        log = nft_log(policy, FLOW_RATE, FLOW_BURST, flow_prefix(rule))
        for peer in _rule_matches(direction, rule):
            if rule.log:  # a rule of its own: a limit must not decide who passes
                yield f"{interface}{peer}{log} {comment}"
            yield f"{interface}{peer}counter accept {comment}"


def _interface(policy: Policy, direction: str, rule: Rule) -> str:
    names = interfaces_on(policy, rule.side)
    if not names:
        return ""
    return f"{_INTERFACE_MATCH[direction]} {quoted(names)} "


def dhcp_clients(policy: Policy, direction: str) -> Iterator[str]:
    """Yield what lets through what a DHCP client needs."""
    for family in KEYWORD:
        yield from (f"{nftables_match(one)} accept" for one in dhcp(direction, family, policy.dhcp))


def quoted(names: Iterable[str]) -> str:
    """Return names of interfaces as a set without a name."""
    found = ", ".join(f'"{name}"' for name in names)
    return f"{{ {found} }}"


def _rule_matches(direction: str, rule: Rule) -> Iterator[str]:
    name = peer_name(direction, rule)
    peers = _by_family(direction, name, rule.addresses)
    if rule.names:  # whatever the answers are now: others may follow
        peers = {family: in_set(direction, name, family) for family in KEYWORD}
    if direction == "egress" or not rule.is_narrowed:
        yield from _shortened(peers)
        return
    for family, peer in peers.items():
        at = rule.at.of_family(family)
        name = f"{KEYWORD[family]} daddr @{set_name(at_name(rule), family)} "
        # As the packet was sent: the host may have redirected it. What is not tracked was not redirected.
        known = ("",) if is_everybody(at) else (f"ct original {name}", f"ct state untracked {name}")
        yield from (f"{peer}{match}" for match in known if at)


def peer_matches(direction: str, name: str, addresses: AddressSet) -> Iterator[str]:
    """Yield the match for each family the peer has addresses of; a peer without any is empty, and yields none."""
    yield from _shortened(_by_family(direction, name, addresses))


def _by_family(direction: str, name: str, addresses: AddressSet) -> dict[int, str]:
    """Return the match for each family the peer has addresses of."""
    found = {family: addresses.of_family(family) for family in KEYWORD}
    return {
        family: ANYBODY[family] if is_everybody(own) else in_set(direction, name, family)
        for family, own in found.items()
        if own
    }


def _shortened(matches: dict[int, str]) -> Iterable[str]:
    """Return matches, or one for both families where any address of either will do."""
    return [""] if matches == ANYBODY else matches.values()
