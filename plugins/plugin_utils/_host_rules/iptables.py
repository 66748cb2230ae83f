# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A policy as files for ``ipset restore``, ``iptables-restore --noflush`` and ``ip6tables-restore --noflush``.

What is allowed RETURNs to the built-in chain, so that the rules of others still judge it; what is denied is dropped.
From the built-in chains a jump (``-j``) leads to ours, and from there on only ``-g`` leads anywhere: after it, RETURN
leads to the built-in chain, too. So each of our chains ends in a rule for whatever is left. Two kinds alone are jumped
to: GATEHOUSE-SPOOFED, as what it lets go on is judged as any other, and those that keep denials, which decide of none.

A set's name says whose it is, and not what is in it, so that its content changes without its rules. Where the rules do,
module_utils/iptables_loader.py fills new sets under other names, and the rules in force keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ...module_utils._contract.header import NamedSet, folded
from ...module_utils._contract.kinds import SET_WORDS, SPOOFED
from .._model.antispoof import LINK_LOCAL, OFF, judged, note_beyond_iptables
from .._model.carries import Carries
from .._model.node_classes import PreDnat
from .._policy.compile import Policy, Rule
from .._policy.describe import head, title
from .._values.addresses import AddressSet
from .._values.always_allowed import IGMP, IGMP_GROUPS, IGMP_TTL, dhcp
from .._values.direction import DIRECTIONS
from .._values.ports import PROTOCOLS
from .._values.problems import Problems, Where
from . import denied_sets as refused
from . import observe_sets as observed
from .datagrams import iptables_match
from .denied_sets import known_sets
from .header import first_line
from .ipsets import address_set, denied_set, filling, observed_set
from .iptables_carried import BASE, carried_chains
from .iptables_denied import counted, drop, invalid, kept_chains, refused_chains
from .iptables_flows import before_ports, flows, stage_chains
from .iptables_view import (
    BY_PROTOCOL,
    IN_AND_OUT,
    INTERFACE_MATCH,
    PRE_DNAT_STAGE,
    Chains,
    Stage,
    View,
    address_matches,
    interface_matches,
)
from .peer_sets import address_sets, stages
from .port_matches import port_matches
from .port_segments import segments, within

_FAMILIES = (4, 6)
_OWN_TYPES = {4: ("LOCAL", "BROADCAST", "MULTICAST"), 6: ("LOCAL", "MULTICAST")}  # IPv6 has no broadcast
_SPOOFED = "GATEHOUSE-SPOOFED"


def render(policy: Policy) -> dict[str, str]:
    """Return the files that make a host's rules, by the suffixes of their names.

    Raises ModelError for what no rule of iptables can say.
    """
    note_beyond_iptables(Where("gatehouse_antispoof"), policy.antispoof, problems := Problems())
    problems.raise_if_any()
    views = {family: _view(policy, family) for family in _FAMILIES}
    sets = [item for view in views.values() for item in view.sets.values()]
    known = (NamedSet(item.name, item.peer, item.elements) for item in sets if not item.is_filled)
    line = folded(first_line(policy, known, lambda peer, family: views[family].sets[peer].name)).rstrip("\n")
    rules = {f"rules.v{view.family}": [*head(policy), "", *_filter(view), *_mangle(view)] for view in views.values()}
    filled = [line, title(policy), *(command for item in sets for command in filling(item))]
    return {name: "\n".join([*lines, ""]) for name, lines in {"ipset": filled, **rules}.items()}


def _view(policy: Policy, family: int) -> View:
    def own(addresses: AddressSet) -> AddressSet:
        return AddressSet(v4=addresses.v4) if family == 4 else AddressSet(v6=addresses.v6)

    def rules(direction: str) -> tuple[Rule, ...]:
        found = (replace(rule, addresses=own(rule.addresses)) for rule in policy.rules(direction))
        # A peer by host names has its set in both families, whatever it is for.
        return tuple(rule for rule in found if rule.is_for_somebody and (own(rule.at) or rule.names))

    part = replace(
        policy,
        ingress=rules("ingress"),
        egress=rules("egress"),
        isolated={name: own(members) for name, members in policy.isolated.items()},
        pre_dnat=tuple(replace(stage, addresses=own(stage.addresses)) for stage in policy.pre_dnat),
        known=own(policy.known),
        carries=_carries(policy.carries, own),
    )
    sets = {
        name: address_set(name, version, addresses)
        for name, version, addresses in (*address_sets(part), *known_sets(part))
        if version == family
    }
    for direction, kept, version in observed.sets(policy):
        if version == family:
            word = SET_WORDS[direction]
            name = f"observed.{word}.{kept}"
            sets[name] = observed_set(name, f"{word}{family}.{kept}", family)
    sets |= {one.name: denied_set(one) for one in refused.sets(part) if one.family == family}
    return View(family, part, sets)


def _carries(carries: Carries, own: Callable[[AddressSet], AddressSet]) -> Carries:
    routed, masqueraded, excepted = map(own, (carries.routed, carries.masqueraded, carries.excepted))
    return replace(carries, routed=routed, masqueraded=masqueraded, excepted=excepted)


def _filter(view: View) -> Iterator[str]:
    chains: Chains = {}
    for direction in DIRECTIONS:
        stage = IN_AND_OUT[direction]
        chains |= stage_chains(view, stage, _base(view, stage), before_ports(view, stage))
    return _table("filter", chains, {stage.builtin: stage.chain for stage in IN_AND_OUT.values()})


def _mangle(view: View) -> Iterator[str]:
    before, forward = _prerouting(view), carried_chains(view)
    jumps = {PRE_DNAT_STAGE.builtin: PRE_DNAT_STAGE.chain} if before else {}
    jumps |= {"FORWARD": BASE} if forward else {}
    return _table("mangle", {**before, **forward}, jumps)


def _prerouting(view: View) -> Chains:
    # mangle PREROUTING (-150) comes after connection tracking (-200) and before every DNAT (-100).
    stage, ports = PRE_DNAT_STAGE, view.policy.pre_dnat_ports
    if not view.policy.pre_dnat:
        spoofed = {stage.chain: [*_antispoof(view), "-j RETURN"], **_spoofed(view)}
        return {} if view.policy.antispoof == OFF else spoofed
    found = {protocol: list(within(segments(view.policy.ingress, protocol), ports, protocol)) for protocol in PROTOCOLS}
    before = [invalid(view, stage), *_dhcp(view, stage), *before_ports(view, stage)]
    return {
        stage.chain: list(_pre_dnat_base(view)),
        **_spoofed(view),
        **_pre_dnat_ports(view),
        **flows(view, stage, before, found),
        **refused_chains(view, stage),
    }


def _table(name: str, chains: Chains, jumps: Mapping[str, str]) -> Iterator[str]:
    """Yield a table's part of a file. One without chains is there as well: a loader sees that they should be gone."""
    yield f"*{name}"
    yield from (f":{chain} - [0:0]" for chain in chains)
    yield from (f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules)
    # The first place: a rule of others before ours could accept what ours deny.
    yield from (f"-I {builtin} 1 -j {chain}" for builtin, chain in jumps.items())
    yield "COMMIT"


def _base(view: View, stage: Stage) -> Iterator[str]:
    yield f"{INTERFACE_MATCH[stage.direction]} lo -j RETURN"
    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"
    yield f"{BY_PROTOCOL[view.family]}-g {stage.chain}-ICMP"
    # Behind ICMP: an error about a connection that this kernel doesn't know is INVALID, and IP needs some of these.
    yield invalid(view, stage)
    if stage.direction == "egress":
        # The reset that a REJECT rule sends (of others, say) is RELATED to what it refuses. Without this, the peer
        # would wait for its timeout.
        yield "-p tcp -m tcp --tcp-flags RST RST -m conntrack --ctstate RELATED -j RETURN"
    yield from _dhcp(view, stage)
    # IGMP never leaves its link: with another TTL, it comes from farther away and is forged.
    if view.family == 4:
        yield f"-d {IGMP_GROUPS} -p {IGMP} -m ttl --ttl-eq {IGMP_TTL} -j RETURN"
    yield f"-g {stage.chain}-FLOWS"


def _dhcp(view: View, stage: Stage) -> Iterator[str]:
    return (f"{iptables_match(one)} -j RETURN" for one in dhcp(stage.direction, view.family, view.policy.dhcp))


def _antispoof(view: View) -> Iterator[str]:
    yield "-i lo -j RETURN"
    if view.policy.antispoof == OFF:
        return
    # --validmark: where a packet is marked, its reply may be as well, and is routed by that.
    for name in judged(view.policy.interfaces):
        yield f"-i {name} -m rpfilter --validmark --invert -j {_SPOOFED}"


def _spoofed(view: View) -> Chains:
    """Return what becomes of packets whose source isn't routed by the interface that they came in by."""
    if view.policy.antispoof == OFF:
        return {}
    # DHCP clients and duplicate address detection (RFC 4862 5.4.2) send from no address; a link-local one has no route
    # of its own.
    sources = {4: ("0.0.0.0/32",), 6: ("::/128", LINK_LOCAL)}[view.family]
    lines = [
        *(f"-s {source} -j RETURN" for source in sources),
        *(_dhcp(view, PRE_DNAT_STAGE) if view.family == 4 else ()),
        # Errors about a connection may come from any router on its way.
        f"{BY_PROTOCOL[view.family]}-m conntrack --ctstate RELATED -j RETURN",
        *(counted(view, SPOOFED, "src,dst") if view.policy.observes(SPOOFED) else drop(view, SPOOFED, _SPOOFED)),
    ]
    return {_SPOOFED: lines, **kept_chains(view, SPOOFED, _SPOOFED)}


def _pre_dnat_base(view: View) -> Iterator[str]:
    yield from _antispoof(view)
    # Replies to what the host began from one of these ports, too.
    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"
    judged = view.policy.pre_dnat
    for name, stage in stages(view.policy):
        ways = [f"-g {PRE_DNAT_STAGE.chain}-PORTS"] if len(judged) == 1 else list(_to_flows(stage))
        services = address_matches(view, name, stage.addresses, "dst")
        own = [f"-m addrtype --dst-type {kind} " for kind in _OWN_TYPES[view.family]]
        for interface in interface_matches(view, PRE_DNAT_STAGE, stage.side):
            yield from (f"{interface}{destination}{way}" for destination in (*services, *own) for way in ways)
    yield "-j RETURN"


def _pre_dnat_ports(view: View) -> Chains:
    """Return the chain of the ports. Several stages have none: from one of them, no packet would come to the next."""
    if len(view.policy.pre_dnat) > 1:
        return {}
    return {f"{PRE_DNAT_STAGE.chain}-PORTS": [*_to_flows(view.policy.pre_dnat[0]), "-j RETURN"]}


def _to_flows(stage: PreDnat) -> Iterator[str]:
    for protocol in PROTOCOLS:
        ranges = [item for item in stage.ports.ranges if item.protocol == protocol]
        yield from (f"{match}-g {PRE_DNAT_STAGE.chain}-FLOWS" for match in port_matches(protocol, ranges))
