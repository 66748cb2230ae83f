# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How rules of iptables decide by flow: one chain for all ports, and one for each set of rules that decide of some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from ...module_utils._contract.kinds import FORWARD_IN
from .._policy.compile import Rule
from .._values.addresses import network_text
from .._values.always_allowed import icmp_types
from .._values.ports import PROTOCOLS
from .iptables_denied import denied, invalid, refused_chains
from .iptables_view import (
    END,
    IN_AND_OUT,
    Chains,
    Stage,
    View,
    address_matches,
    comment,
    interface_matches,
)
from .logged import FLOW_BURST, FLOW_RATE, flow_prefix, iptables_log
from .peer_sets import is_everybody, peer_name
from .port_matches import asked_for, port_matches
from .port_segments import Segment, by_chain, segments, within

_ICMP = {4: ("icmp", "-p icmp -m icmp --icmp-type"), 6: ("icmpv6", "-p ipv6-icmp -m icmp6 --icmpv6-type")}
_LOGGED_NAME = 17  # of the 29 characters that the kernel keeps of a prefix


def _icmp(view: View, stage: Stage) -> Iterator[str]:
    """Yield what decides of ICMP."""
    protocol, match = _ICMP[view.family]
    # Errors, as nothing but ICMP comes here: whatever else connection tracking calls related is judged by flow.
    yield "-m conntrack --ctstate RELATED -j RETURN"
    for item in icmp_types(stage.direction, view.policy.echo_request):
        if item.protocol == protocol:
            yield f"{match} {item.number} -j RETURN"
    yield invalid(view, stage)
    yield f"-g {stage.chain}-FLOWS"


def before_ports(view: View, stage: Stage) -> Iterator[str]:
    """Yield what decides of new connections before their port is looked at."""
    policy = view.policy
    for name, members in policy.isolated.items():
        for peer in address_matches(view, name, members, END[stage.direction]):
            yield f"{peer}{comment(f'isolated:{name}')}{denied(view, stage)}"
    for rule in policy.rules(stage.direction):
        if rule.ports.everything:
            yield from _allowed(view, stage, rule)
    if stage is IN_AND_OUT["ingress"]:
        yield from _redirected(view, stage)


def _redirected(view: View, stage: Stage) -> Iterator[str]:
    """Yield what lets in packets that were redirected to the host's own ports, by the port that was asked for."""
    for rule in view.policy.ingress:
        for protocol in PROTOCOLS:
            for part in within(segments([rule], protocol), view.policy.pre_dnat_ports, protocol):
                yield from _allowed(view, stage, rule, asked_for(protocol, part, "--ctstate DNAT "))


def stage_chains(view: View, stage: Stage, base: Iterable[str], before: Iterable[str]) -> Chains:
    """Return all chains of a stage, of which the first has ``base``; ``before`` decides whatever the port."""
    found = {protocol: segments(view.policy.rules(stage.direction), protocol) for protocol in PROTOCOLS}
    return {
        stage.chain: list(base),
        f"{stage.chain}-ICMP": list(_icmp(view, stage)),
        **flows(view, stage, before, found),
        **refused_chains(view, stage),
    }


def flows(view: View, stage: Stage, before: Iterable[str], found: Mapping[str, Sequence[Segment]]) -> Chains:
    """Return what decides by flow: one chain for all ports, and one for each set of rules that decide of some."""
    otherwise = denied(view, stage)
    dispatch = list(before)
    of_ports: Chains = {}
    for protocol, parts in found.items():
        for alike in by_chain(parts):
            name = f"{stage.of_ports}-{protocol.upper()}-{alike[0].first}"
            dispatch += [f"{match}-g {name}" for match in _ports_matches(stage, protocol, alike)]
            of_ports[name] = [line for rule in alike[0].rules for line in _allowed(view, stage, rule)]
    return {
        f"{stage.chain}-FLOWS": [*dispatch, otherwise],
        **{name: [*rules, otherwise] for name, rules in of_ports.items()},
    }


def _ports_matches(stage: Stage, protocol: str, alike: Sequence[Segment]) -> Iterator[str]:
    """Yield matches for ports: of what comes in for those behind the host, the ports that were asked for alone."""
    if stage.kind != FORWARD_IN:
        return port_matches(protocol, alike)
    return (asked_for(protocol, part) for part in alike)


def _allowed(view: View, stage: Stage, rule: Rule, more: str = "") -> Iterator[str]:
    """Yield the lines that let a rule's peer pass, on the interfaces where it has to be."""
    interfaces, peers = interface_matches(view, stage, rule.side), _rule_matches(view, stage, rule)
    for interface, peer, at in product(interfaces, peers, _at(view, stage, rule)):
        match = f"{interface}{more}{peer}{at}"
        if rule.log:
            yield match + iptables_log(view.policy, FLOW_RATE, FLOW_BURST, flow_prefix(rule, _LOGGED_NAME))
        yield f"{match}{comment(f'flow:{rule.flow}')}-j RETURN"


def _at(view: View, stage: Stage, rule: Rule) -> list[str]:
    """Return the matches for where a packet was sent to: the host may have redirected it before it comes here.

    What is not tracked was not redirected: multicast listener reports, for one.
    """
    own = rule.at.of_family(view.family)
    if stage.direction == "egress" or is_everybody(own):
        return [""]
    ways = ("-m conntrack --ctorigdst", "-m conntrack --ctstate UNTRACKED -d")
    return [f"{way} {network_text(network)} " for network in own for way in ways]


def _rule_matches(view: View, stage: Stage, rule: Rule) -> list[str]:
    name = peer_name(stage.direction, rule)
    if rule.names:
        return [f"-m set --match-set {view.sets[name].name} {END[stage.direction]} "]
    return address_matches(view, name, rule.addresses, END[stage.direction])
