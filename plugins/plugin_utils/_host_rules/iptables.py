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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ...module_utils._contract.constants import ANY, KNOWN, STRANGER
from ...module_utils._contract.header import NamedSet, folded
from .._model.antispoof import LINK_LOCAL, OFF, SPOOFED, judged, note_beyond_iptables
from .._model.denied import PRE_DNAT
from .._model.node_classes import PreDnat
from .._policy.compile import Policy, Rule
from .._policy.describe import head, title
from .._values.addresses import AddressSet, network_text
from .._values.always_allowed import IGMP, IGMP_GROUPS, IGMP_TTL, dhcp, icmp_types
from .._values.direction import DIRECTIONS
from .._values.ports import PROTOCOLS
from .._values.problems import Problems, Where
from . import denied_sets as refused
from . import observe_sets as observed
from .datagrams import iptables_match
from .denied_sets import INVALID, LOST, REASONS, DeniedSet, known_sets
from .header import first_line
from .ipsets import IpSet, address_set, denied_set, filling, observed_set
from .logged import BURST, FLOW_BURST, FLOW_RATE, REFUSALS, REFUSALS_BURST, flow_prefix, iptables_log, log_of
from .peer_sets import address_sets, interfaces_on, is_everybody, peer_name, stages
from .port_matches import port_matches
from .port_segments import Segment, by_chain, range_text, segments, within

Chains = dict[str, list[str]]

_FAMILIES = (4, 6)
_ICMP = {4: ("icmp", "-p icmp -m icmp --icmp-type"), 6: ("icmpv6", "-p ipv6-icmp -m icmp6 --icmpv6-type")}
_OWN_TYPES = {4: ("LOCAL", "BROADCAST", "MULTICAST"), 6: ("LOCAL", "MULTICAST")}  # IPv6 has no broadcast

_INTERFACE_MATCH = {"ingress": "-i", "egress": "-o"}
_ADDRESS_MATCH = {"ingress": "-s", "egress": "-d"}
_END = {"ingress": "src", PRE_DNAT: "src", SPOOFED: "src", "egress": "dst"}

_LOGGED_NAME = 17  # of the 29 characters that the kernel keeps of a prefix


@dataclass(frozen=True)
class _Stage:
    """Where in the kernel packets are judged: our chain there, and what the chains of single ports begin with.

    A chain's name has at most 28 characters: ``GATEHOUSE-PRE-DNAT-SCTP-30000`` would have 29.
    """

    direction: str
    builtin: str
    chain: str
    of_ports: str
    kind: str

    @property
    def observed(self) -> str:
        """Return our chain for what is counted where it would be denied."""
        return f"{self.chain}-OBSERVED"

    @property
    def denied(self) -> str:
        """Return our chain for what is denied."""
        return f"{self.chain}-DENIED"


_IN_AND_OUT = {
    "ingress": _Stage("ingress", "INPUT", "GATEHOUSE-INPUT", "GATEHOUSE-INPUT", "ingress"),
    "egress": _Stage("egress", "OUTPUT", "GATEHOUSE-OUTPUT", "GATEHOUSE-OUTPUT", "egress"),
}
_PRE_DNAT = _Stage("ingress", "PREROUTING", "GATEHOUSE-PRE-DNAT", "GATEHOUSE-DNAT", PRE_DNAT)
_SPOOFED = "GATEHOUSE-SPOOFED"
_KNOWN = KNOWN.upper()
_BEGINS_NOTHING = "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN "
_PROHIBITED = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
_OWN_BROADCASTS = "-m addrtype --src-type LOCAL"  # which the host hears itself


@dataclass(frozen=True)
class _View:
    """A policy as one family sees it: without the other's addresses, and with its sets, by the peers' names."""

    family: int
    policy: Policy
    sets: Mapping[str, IpSet]


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


def _view(policy: Policy, family: int) -> _View:
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
    )
    sets = {
        name: address_set(name, version, addresses)
        for name, version, addresses in (*address_sets(part), *known_sets(part))
        if version == family
    }
    for direction, kept, version in observed.sets(policy):
        if version == family:
            word = observed.WORDS[direction]
            name = f"observed.{word}.{kept}"
            sets[name] = observed_set(name, f"{word}{family}.{kept}", family)
    sets |= {one.name: denied_set(one) for one in refused.sets(part) if one.family == family}
    return _View(family, part, sets)


def _filter(view: _View) -> Iterator[str]:
    chains: Chains = {}
    for direction in DIRECTIONS:
        stage = _IN_AND_OUT[direction]
        found = {protocol: segments(view.policy.rules(direction), protocol) for protocol in PROTOCOLS}
        chains[stage.chain] = list(_base(view, stage))
        chains[f"{stage.chain}-ICMP"] = list(_icmp(view, stage))
        chains |= _flows(view, stage, _before_ports(view, stage), found)
        chains |= _refused(view, stage)
    return _table("filter", chains, list(_IN_AND_OUT.values()))


def _mangle(view: _View) -> Iterator[str]:
    # mangle PREROUTING (-150) comes after connection tracking (-200) and before every DNAT (-100).
    stage, ports = _PRE_DNAT, view.policy.pre_dnat_ports
    if not view.policy.pre_dnat:
        chains = {stage.chain: [*_antispoof(view), "-j RETURN"], **_spoofed(view)}
        return _table("mangle", *(({}, []) if view.policy.antispoof == OFF else (chains, [stage])))
    found = {protocol: list(within(segments(view.policy.ingress, protocol), ports, protocol)) for protocol in PROTOCOLS}
    before = [_invalid(view, stage), *_dhcp(view, stage), *_before_ports(view, stage)]
    chains = {
        stage.chain: list(_pre_dnat_base(view)),
        **_spoofed(view),
        **_pre_dnat_ports(view),
        **_flows(view, stage, before, found),
        **_refused(view, stage),
    }
    return _table("mangle", chains, [stage])


def _table(name: str, chains: Chains, stages: Iterable[_Stage]) -> Iterator[str]:
    """Yield a table's part of a file. One without chains is there as well: a loader sees that they should be gone."""
    yield f"*{name}"
    yield from (f":{chain} - [0:0]" for chain in chains)
    yield from (f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules)
    # The first place: a rule of others before ours could accept what ours deny.
    yield from (f"-I {stage.builtin} 1 -j {stage.chain}" for stage in stages)
    yield "COMMIT"


def _base(view: _View, stage: _Stage) -> Iterator[str]:
    yield f"{_INTERFACE_MATCH[stage.direction]} lo -j RETURN"
    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"
    yield f"{_ICMP[view.family][1].partition(' -m')[0]} -g {stage.chain}-ICMP"
    # Behind ICMP: an error about a connection that this kernel doesn't know is INVALID, and IP needs some of these.
    yield _invalid(view, stage)
    if stage.direction == "egress":
        # The reset that a REJECT rule sends (of others, say) is RELATED to what it refuses. Without this, the peer
        # would wait for its timeout.
        yield "-p tcp -m tcp --tcp-flags RST RST -m conntrack --ctstate RELATED -j RETURN"
    yield from _dhcp(view, stage)
    # IGMP never leaves its link: with another TTL, it comes from farther away and is forged.
    if view.family == 4:
        yield f"-d {IGMP_GROUPS} -p {IGMP} -m ttl --ttl-eq {IGMP_TTL} -j RETURN"
    yield f"-g {stage.chain}-FLOWS"


def _icmp(view: _View, stage: _Stage) -> Iterator[str]:
    protocol, match = _ICMP[view.family]
    # Errors, as nothing but ICMP comes here: whatever else connection tracking calls related is judged by flow.
    yield "-m conntrack --ctstate RELATED -j RETURN"
    for item in icmp_types(stage.direction, view.policy.echo_request):
        if item.protocol == protocol:
            yield f"{match} {item.number} -j RETURN"
    yield _invalid(view, stage)
    yield f"-g {stage.chain}-FLOWS"


def _dhcp(view: _View, stage: _Stage) -> Iterator[str]:
    return (f"{iptables_match(one)} -j RETURN" for one in dhcp(stage.direction, view.family, view.policy.dhcp))


def _before_ports(view: _View, stage: _Stage) -> Iterator[str]:
    """Yield what decides of new connections before their port is looked at."""
    policy = view.policy
    for name, members in policy.isolated.items():
        for peer in _address_matches(view, name, members, _END[stage.direction]):
            yield f"{peer}{_comment(f'isolated:{name}')}{_denied(view, stage)}"
    for rule in policy.rules(stage.direction):
        if rule.ports.everything:
            yield from _allowed(view, stage, rule)
    if stage is _IN_AND_OUT["ingress"]:
        yield from _redirected(view, stage)


def _invalid(view: _View, stage: _Stage) -> str:
    """Return what becomes of a packet of no connection, with a counter of its own: no flow was missing."""
    match = "-m conntrack --ctstate INVALID "
    return f"{match}-j RETURN" if view.policy.observes(stage.kind) else f"{match}{_comment(INVALID)}-j DROP"


def _denied(view: _View, stage: _Stage) -> str:
    """Return what becomes of a packet that no flow allows."""
    return f"-g {stage.observed if view.policy.observes(stage.kind) else stage.denied}"


def _refused(view: _View, stage: _Stage) -> Chains:
    """Return the chains for what no flow allows."""
    if not view.policy.observes(stage.kind):
        return {stage.denied: list(_drop(view, stage.kind, stage.chain)), **_kept(view, stage.kind, stage.chain)}
    lines = [
        *(_counted_before(view, stage) if stage is _IN_AND_OUT["ingress"] else ()),
        *([f"{_OWN_BROADCASTS} -j RETURN"] if stage.direction == "ingress" else []),
        *([f"{_BEGINS_NOTHING}{_comment(LOST)}-j RETURN"] if stage.direction == "egress" else []),
        *_counted(view, stage.direction, f"{_END[stage.direction]},dst"),
    ]
    return {stage.observed: lines}


def _drop(view: _View, kind: str, chain: str) -> Iterator[str]:
    """Yield the one way out for what is denied: nothing that is allowed comes here."""
    if kind == "egress":
        yield f"{_BEGINS_NOTHING}{_comment(LOST)}-j DROP"
    if refused.keeps(view.policy):
        yield f"-j {chain}-KEPT"
    if view.policy.denied.log:
        yield iptables_log(view.policy, log_of(view.policy).rate, BURST, refused.log_prefix(kind))
    for match, target in _targets(view, kind):
        yield f"{match}{_comment(REASONS[kind])}-j {target}"


def _targets(view: _View, kind: str) -> Iterator[tuple[str, str]]:
    """Yield what becomes of a denied packet, each with the match for those that it is for: see nft_denied.py."""
    by_icmp = f"REJECT --reject-with {_PROHIBITED[view.family]}"
    if not view.policy.deny.rejects(kind):
        yield "", "DROP"
    elif kind == "egress":
        yield "-p tcp ", "REJECT --reject-with tcp-reset"
        yield "", by_icmp
    else:
        yield f"-m limit --limit {REFUSALS} --limit-burst {REFUSALS_BURST} ", by_icmp
        yield "", "DROP"


def _kept(view: _View, kind: str, chain: str) -> Chains:
    """Return what keeps denials, in chains that decide of none."""
    if not refused.keeps(view.policy) or view.policy.observes(kind):
        return {}
    names = [*(name for name, _family, _addresses in known_sets(view.policy)), *refused.named(view.policy)]
    known = [""] if is_everybody(view.policy.known.networks) else []
    known += [f"-m set --match-set {view.sets[name].name} {_END[kind]} " for name in names]
    own = [f"{_OWN_BROADCASTS} -j RETURN"] if kind in observed.HEARD else []
    strangers = [*own, *(f"{match}-g {chain}-{_KNOWN}" for match in known), *_counted_denials(view, kind, STRANGER)]
    of_known = {f"{chain}-{_KNOWN}": list(_counted_denials(view, kind, KNOWN))} if known else {}
    return {f"{chain}-KEPT": strangers, **of_known}


def _counted_denials(view: _View, kind: str, peers: str) -> Iterator[str]:
    """Yield what keeps a denial. What isn't in a set even now found it full: the port is kept without its peer."""
    ends = f"{_END[kind]},dst"
    for group in (peers, ANY):
        names = (DeniedSet(kind, group, kept, view.family).name for kept in observed.KEPT)
        first, last = (view.sets[name].name for name in names)
        yield from _counted_in(first, last, ends)
        if group != ANY:
            yield f"-m set --match-set {last} {ends} -j RETURN"
    yield "-j RETURN"


def _counted(view: _View, kind: str, ends: str) -> Iterator[str]:
    first, last = (view.sets[f"observed.{observed.WORDS[kind]}.{kept}"].name for kept in observed.KEPT)
    yield iptables_log(view.policy, log_of(view.policy).rate, BURST, observed.log_prefix(kind))
    yield from _counted_in(first, last, ends)
    yield "-j RETURN"


def _counted_in(first: str, last: str, ends: str) -> Iterator[str]:
    # A key that comes in is counted as it does, and one that is in already isn't touched by -j SET.
    yield f"-m set --match-set {first} {ends}"
    yield f"-j SET --add-set {first} {ends}"
    yield f"-j SET --add-set {last} {ends} --exist"


def _counted_before(view: _View, stage: _Stage) -> Iterator[str]:
    """Yield what passes over packets that came by before DNAT, whatever they were redirected to."""
    found = ((judged.side, item) for judged in view.policy.pre_dnat for item in judged.ports.ranges)
    for side, item in found:
        match = f"-m conntrack --ctproto {item.protocol} --ctorigdstport {range_text(item, ':')} "
        for interface in _interface_matches(view, stage, side):
            yield f"{interface}{match}{_comment('counted before DNAT')}-j RETURN"


def _redirected(view: _View, stage: _Stage) -> Iterator[str]:
    """Yield what lets in packets that were redirected to the host's own ports, by the port that was asked for."""
    for rule in view.policy.ingress:
        for protocol in PROTOCOLS:
            for part in within(segments([rule], protocol), view.policy.pre_dnat_ports, protocol):
                ports = range_text(part, ":")
                match = f"-m conntrack --ctstate DNAT --ctproto {protocol} --ctorigdstport {ports} "
                yield from _allowed(view, stage, rule, match)


def _flows(view: _View, stage: _Stage, before: Iterable[str], found: Mapping[str, Sequence[Segment]]) -> Chains:
    """Return what decides by flow: one chain for all ports, and one for each set of rules that decide of some."""
    denied = _denied(view, stage)
    dispatch = list(before)
    of_ports: Chains = {}
    for protocol, parts in found.items():
        for alike in by_chain(parts):
            name = f"{stage.of_ports}-{protocol.upper()}-{alike[0].first}"
            dispatch += [f"{match}-g {name}" for match in port_matches(protocol, alike)]
            of_ports[name] = [line for rule in alike[0].rules for line in _allowed(view, stage, rule)]
    return {
        f"{stage.chain}-FLOWS": [*dispatch, denied],
        **{name: [*rules, denied] for name, rules in of_ports.items()},
    }


def _antispoof(view: _View) -> Iterator[str]:
    yield "-i lo -j RETURN"
    if view.policy.antispoof == OFF:
        return
    # --validmark: where a packet is marked, its reply may be as well, and is routed by that.
    for name in judged(view.policy.interfaces):
        yield f"-i {name} -m rpfilter --validmark --invert -j {_SPOOFED}"


def _spoofed(view: _View) -> Chains:
    """Return what becomes of packets whose source isn't routed by the interface that they came in by."""
    if view.policy.antispoof == OFF:
        return {}
    # DHCP clients and duplicate address detection (RFC 4862 5.4.2) send from no address; a link-local one has no route
    # of its own.
    sources = {4: ("0.0.0.0/32",), 6: ("::/128", LINK_LOCAL)}[view.family]
    lines = [
        *(f"-s {source} -j RETURN" for source in sources),
        *(_dhcp(view, _PRE_DNAT) if view.family == 4 else ()),
        # Errors about a connection may come from any router on its way.
        f"{_ICMP[view.family][1].partition(' -m')[0]} -m conntrack --ctstate RELATED -j RETURN",
        *(_counted(view, SPOOFED, "src,dst") if view.policy.observes(SPOOFED) else _drop(view, SPOOFED, _SPOOFED)),
    ]
    return {_SPOOFED: lines, **_kept(view, SPOOFED, _SPOOFED)}


def _pre_dnat_base(view: _View) -> Iterator[str]:
    yield from _antispoof(view)
    # Replies to what the host began from one of these ports, too.
    yield "-m conntrack --ctstate ESTABLISHED -j RETURN"
    judged = view.policy.pre_dnat
    for name, stage in stages(view.policy):
        ways = [f"-g {_PRE_DNAT.chain}-PORTS"] if len(judged) == 1 else list(_to_flows(stage))
        services = _address_matches(view, name, stage.addresses, "dst")
        own = [f"-m addrtype --dst-type {kind} " for kind in _OWN_TYPES[view.family]]
        for interface in _interface_matches(view, _PRE_DNAT, stage.side):
            yield from (f"{interface}{destination}{way}" for destination in (*services, *own) for way in ways)
    yield "-j RETURN"


def _pre_dnat_ports(view: _View) -> Chains:
    """Return the chain of the ports. Several stages have none: from one of them, no packet would come to the next."""
    if len(view.policy.pre_dnat) > 1:
        return {}
    return {f"{_PRE_DNAT.chain}-PORTS": [*_to_flows(view.policy.pre_dnat[0]), "-j RETURN"]}


def _to_flows(stage: PreDnat) -> Iterator[str]:
    for protocol in PROTOCOLS:
        ranges = [item for item in stage.ports.ranges if item.protocol == protocol]
        yield from (f"{match}-g {_PRE_DNAT.chain}-FLOWS" for match in port_matches(protocol, ranges))


def _allowed(view: _View, stage: _Stage, rule: Rule, more: str = "") -> Iterator[str]:
    """Yield the lines that let a rule's peer pass, on the interfaces where it has to be."""
    interfaces, peers = _interface_matches(view, stage, rule.side), _rule_matches(view, stage, rule)
    for interface, peer, at in product(interfaces, peers, _at(view, stage, rule)):
        match = f"{interface}{more}{peer}{at}"
        if rule.log:
            yield match + iptables_log(view.policy, FLOW_RATE, FLOW_BURST, flow_prefix(rule, _LOGGED_NAME))
        yield f"{match}{_comment(f'flow:{rule.flow}')}-j RETURN"


def _at(view: _View, stage: _Stage, rule: Rule) -> list[str]:
    """Return the matches for where a packet was sent to: the host may have redirected it before it comes here.

    What is not tracked was not redirected: multicast listener reports, for one.
    """
    own = rule.at.of_family(view.family)
    if stage.direction == "egress" or is_everybody(own):
        return [""]
    ways = ("-m conntrack --ctorigdst", "-m conntrack --ctstate UNTRACKED -d")
    return [f"{way} {network_text(network)} " for network in own for way in ways]


def _interface_matches(view: _View, stage: _Stage, side: str) -> list[str]:
    match = _INTERFACE_MATCH[stage.direction]
    return [f"{match} {name} " for name in interfaces_on(view.policy, side)] or [""]


def _rule_matches(view: _View, stage: _Stage, rule: Rule) -> list[str]:
    name = peer_name(stage.direction, rule)
    if rule.names:
        return [f"-m set --match-set {view.sets[name].name} {_END[stage.direction]} "]
    return _address_matches(view, name, rule.addresses, _END[stage.direction])


def _address_matches(view: _View, name: str, addresses: AddressSet, end: str) -> list[str]:
    """Return the match for who is at one end of a packet; none where there is none in this family."""
    if not addresses:
        return []
    if is_everybody(addresses.networks):
        return [""]
    return [f"-m set --match-set {view.sets[name].name} {end} "]


def _comment(text: str) -> str:
    return f'-m comment --comment "{text}" '
