# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A policy as an nftables ruleset: one table.

The text adds the table, deletes it and defines it again, which is one transaction and works on every nft since 0.9
(``destroy`` is newer); module_utils/nft_loader.py says how a host changes from one to another. Chains hang at
``filter - 10``: before iptables and Calico at ``filter``, and firewalld at ``filter + 10``. What is judged before DNAT
hangs at ``dstnat - 20``: after connection tracking (-200) and mangle (-150), before kube-proxy (``dstnat - 10`` and
``dstnat``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._contract.constants import TABLE
from ...module_utils._contract.header import NamedSet
from .._model.antispoof import BY_SIDES, LINK_LOCAL, OFF, SPOOFED, judged, routed_wrongly
from .._model.denied import PRE_DNAT
from .._model.node_classes import PreDnat
from .._policy.compile import Policy, Rule
from .._policy.describe import head
from .._values.addresses import AddressSet
from .._values.always_allowed import IGMP_GROUPS, IGMP_TTL, dhcp, icmp_types
from .._values.ports import PROTOCOLS
from .datagrams import nftables_match
from .denied_sets import INVALID, known_sets
from .header import first_line
from .logged import FLOW_BURST, FLOW_RATE, flow_prefix, nft_log
from .nft_denied import filled_sets, refusing_chains
from .nft_text import ANYBODY, KEYWORD, chain, in_set, set_name
from .peer_sets import (
    address_sets,
    at_name,
    interfaces_on,
    is_everybody,
    narrowed_sets,
    peer_name,
    stages,
)
from .port_segments import Segment, range_text, segments, within

_HOOKS = {"ingress": "input", "egress": "output"}
_INTERFACE_MATCH = {"ingress": "iifname", "egress": "oifname"}
_LOOPBACK_MATCH = {"ingress": "iif", "egress": "oif"}


def render(policy: Policy) -> str:
    """Return the ruleset of a policy, for ``nft -f``."""
    lines = [
        *head(policy),
        "",
        f"table {TABLE}",
        f"delete table {TABLE}",
        "",
        f"table {TABLE} {{",
        *_sets(policy),
        *_base_chains(policy),
        *_direction(policy, "ingress"),
        *_direction(policy, "egress"),
        *_antispoof(policy),
        *_pre_dnat(policy),
        *_observed_before(policy),
        *refusing_chains(policy),
        "}",
        "",
    ]
    filled = (
        NamedSet(set_name(peer, family), peer, addresses.texts_of_family(family))
        for peer, family, addresses in _filled(policy)
    )
    return first_line(policy, filled, set_name) + "\n".join(lines)


def _direction(policy: Policy, direction: str) -> Iterator[str]:
    hook = _HOOKS[direction]
    found = {protocol: segments(policy.rules(direction), protocol) for protocol in PROTOCOLS}
    yield from chain(f"{hook}_icmp", _icmp(policy, direction))
    for protocol, parts in found.items():
        for part in parts:
            if part.chain == part.first:
                yield from chain(_name(hook, protocol, part), _rules(policy, direction, part.rules))
    yield from chain(f"{hook}_flows", _flows(policy, direction, found))


def _name(hook: str, protocol: str, segment: Segment) -> str:
    return f"{hook}_{protocol}_{segment.chain}"


def _flows(policy: Policy, direction: str, found: Mapping[str, Sequence[Segment]]) -> Iterator[str]:
    """Yield what decides by flow. It accepts what a flow allows, and returns otherwise."""
    hook = _HOOKS[direction]
    for name, members in policy.isolated.items():
        for peer in _peer_matches(direction, name, members):
            yield f'{peer}return comment "isolated:{name}"'
    yield from _rules(policy, direction, (rule for rule in policy.rules(direction) if rule.ports.everything))
    if direction == "ingress":
        # Redirected to a port of the host's own: the port that was asked for decides, or else the one it became.
        for protocol, parts in found.items():
            # jump, not goto: a packet that no flow allows by the first port comes back for the second.
            redirected = [(part, "jump") for part in within(parts, policy.pre_dnat_ports, protocol)]
            # nft takes `ct original proto-dst` only behind a match of the protocol.
            yield from _dispatch(
                f"meta l4proto {protocol} ct status dnat ct original proto-dst", hook, protocol, redirected
            )
    for protocol, parts in found.items():
        # A map for each protocol: nft 0.9.8 aborts on ranges in a map whose key is protocol and port.
        yield from _dispatch(f"{protocol} dport", hook, protocol, [(part, "goto") for part in parts])


def _dispatch(key: str, hook: str, protocol: str, parts: Sequence[tuple[Segment, str]]) -> Iterator[str]:
    if parts:
        elements = ", ".join(f"{range_text(part, '-')} : {how} {_name(hook, protocol, part)}" for part, how in parts)
        yield f"{key} vmap {{ {elements} }}"


def _base_chains(policy: Policy) -> Iterator[str]:
    """Yield what the kernel calls, first, so that the order of chains is the same after a change as after a boot.

    None of their rules looks anything up in a set, not even in one without a name: a change of the ruleset leaves these
    chains where they are, and a packet under way in one would find its set gone (module_utils/nft_loader.py).
    """
    yield from (line for direction in _HOOKS for line in chain(_HOOKS[direction], _base(policy, direction)))
    if policy.pre_dnat or policy.antispoof != OFF:
        yield from chain("pre_dnat", _pre_dnat_base(policy))


def _base(policy: Policy, direction: str) -> Iterator[str]:
    hook = _HOOKS[direction]
    yield f"type filter hook {hook} priority filter - 10; policy {_denial(policy, direction)};"
    yield f'{_LOOPBACK_MATCH[direction]} "lo" accept'
    yield "ct state established accept"
    yield from (f"meta l4proto {protocol} jump {hook}_icmp" for protocol in ("icmp", "ipv6-icmp"))
    # Behind ICMP: an error about a connection that this kernel doesn't know is invalid, and IP needs some of these.
    yield _invalid(policy, direction)
    if direction == "egress":
        # The reset that a reject rule sends (in a table of others, say) is related to what it refuses. Without this,
        # the peer would wait for its timeout.
        yield "ct state related tcp flags rst accept"
    # What flows allow is most of what comes, and is not to pass by what follows here: each of them only accepts.
    yield f"jump {hook}_flows"
    yield from _dhcp(policy, direction)
    # IGMP never leaves its link: with another TTL, it comes from farther away and is forged.
    yield f"ip ttl {IGMP_TTL} ip protocol igmp ip daddr {IGMP_GROUPS} accept"
    if policy.observes(direction):
        yield "jump observed_input" if direction == "ingress" else "jump observed_egress"
        return
    # The policy of a new base chain comes into force a moment after its rules do: what it denies, a rule has to drop.
    yield f"goto denied_{direction}"


def _denial(policy: Policy, direction: str) -> str:
    """Return what becomes of a packet that no flow could allow."""
    return "accept" if policy.observes(direction) else "drop"


def _invalid(policy: Policy, direction: str) -> str:
    """Return what becomes of a packet of no connection, with a counter of its own: no flow was missing."""
    if policy.observes(direction):
        return "ct state invalid accept"
    return f'ct state invalid counter drop comment "{INVALID}"'


def _pre_dnat_base(policy: Policy) -> Iterator[str]:
    yield "type filter hook prerouting priority dstnat - 20; policy accept;"
    yield 'iif "lo" accept'
    if policy.antispoof != OFF:
        yield "jump antispoof"
    if policy.pre_dnat:
        # Replies to what the host began from one of these ports, too.
        yield "ct state established accept"
        yield "jump pre_dnat_destinations"


def _antispoof(policy: Policy) -> Iterator[str]:
    """Yield what judges sources, of whatever comes in by the interfaces of sides: replies as well."""
    if policy.antispoof == OFF:
        return
    yield from chain("antispoof", (f"{match} goto spoofed" for match in _contradicted(policy)))
    yield from chain(
        "spoofed",
        [
            # DHCP clients and duplicate address detection (RFC 4862 5.4.2) send from no address; a link-local one has
            # no route of its own.
            "ip saddr 0.0.0.0 return",
            *(f"ip6 saddr {source} return" for source in ("::", LINK_LOCAL)),
            *(f"{nftables_match(one)} return" for one in dhcp("ingress", 4, policy.dhcp)),
            # Errors about a connection may come from any router on its way.
            *(f"meta l4proto {protocol} ct state related return" for protocol in ("icmp", "ipv6-icmp")),
            f"goto {'observed' if policy.observes(SPOOFED) else 'denied'}_{SPOOFED}",
        ],
    )


def _contradicted(policy: Policy) -> Iterator[str]:
    # Where a packet is marked, its reply may be as well, and is routed by that.
    if policy.antispoof == BY_SIDES:
        for name, others in routed_wrongly(policy.interfaces).items():
            yield from (f'iifname "{name}" fib saddr . mark oifname "{other}"' for other in others)
    else:
        yield f"iifname {_quoted(judged(policy.interfaces))} fib saddr . mark . iif oif missing"


def _pre_dnat(policy: Policy) -> Iterator[str]:
    """Yield the stage between connection tracking and everybody's DNAT, for what is asked of the host itself."""
    if not policy.pre_dnat:
        return
    yield from chain(
        "pre_dnat_flows",
        [
            _invalid(policy, PRE_DNAT),
            "jump input_flows",
            *_dhcp(policy, "ingress"),
            "goto observed_ingress" if policy.observes(PRE_DNAT) else f"goto denied_{PRE_DNAT}",
        ],
    )
    for number, (_name, stage) in enumerate(stages(policy)):
        ports = (f"{protocol} dport {{ {item} }} goto pre_dnat_flows" for protocol, item in _ports(stage))
        yield from chain(_chain_of_ports(number), ports)
    yield from chain("pre_dnat_destinations", _destinations(policy))


def _chain_of_ports(number: int) -> str:
    return f"pre_dnat_ports_{number}" if number else "pre_dnat_ports"


def _ports(stage: PreDnat) -> Iterator[tuple[str, str]]:
    """Yield each protocol of a stage with its ports."""
    for protocol in PROTOCOLS:
        ports = ", ".join(range_text(item, "-") for item in stage.ports.ranges if item.protocol == protocol)
        if ports:
            yield protocol, ports


def _observed_before(policy: Policy) -> Iterator[str]:
    """Yield what lets through, on a host that observes, what came by before DNAT, and has the rest counted."""
    if policy.observes("ingress"):
        yield from chain("observed_input", [*_counted_before(policy), "goto observed_ingress"])


def _counted_before(policy: Policy) -> Iterator[str]:
    """Yield what passes over packets that came by before DNAT, whatever they were redirected to."""
    for _name, stage in stages(policy):
        for protocol, ports in _ports(stage):
            match = f"meta l4proto {protocol} ct original proto-dst {{ {ports} }}"
            yield f'{_on(policy, stage)}{match} accept comment "counted before DNAT"'


def _destinations(policy: Policy) -> Iterator[str]:
    several = len(policy.pre_dnat) > 1
    for number, (name, stage) in enumerate(stages(policy)):
        interface = _on(policy, stage)
        if interface and not several:
            yield f"{interface.replace('iifname', 'iifname !=')}accept"
            interface = ""
        # jump: what isn't for the ports of one stage comes back for the next.
        how = f"{'jump' if several else 'goto'} {_chain_of_ports(number)}"
        # A destination is matched as an egress peer is.
        for match in _peer_matches("egress", name, stage.addresses):
            yield f"{interface}{match}{how}"
        yield f"{interface}fib daddr type {{ local, broadcast, multicast }} {how}"


def _on(policy: Policy, stage: PreDnat) -> str:
    """Return the match for the interfaces on which a stage judges; nothing where these are all."""
    names = interfaces_on(policy, stage.side)
    return f"iifname {_quoted(names)} " if names else ""


def _icmp(policy: Policy, direction: str) -> Iterator[str]:
    # Errors, as nothing but ICMP comes here: whatever else connection tracking calls related is judged by flow.
    yield "ct state related accept"
    types = icmp_types(direction, policy.echo_request)
    for protocol, keyword in (("icmp", "icmp"), ("icmpv6", "icmpv6")):
        names = ", ".join(item.name for item in types if item.protocol == protocol)
        yield f"{keyword} type {{ {names} }} accept"


def _dhcp(policy: Policy, direction: str) -> Iterator[str]:
    for family in KEYWORD:
        yield from (f"{nftables_match(one)} accept" for one in dhcp(direction, family, policy.dhcp))


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
    return f"{_INTERFACE_MATCH[direction]} {_quoted(names)} "


def _quoted(names: Iterable[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{{ {quoted} }}"


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


def _peer_matches(direction: str, name: str, addresses: AddressSet) -> Iterator[str]:
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


def _filled(policy: Policy) -> Iterator[tuple[str, int, AddressSet]]:
    found = (*address_sets(policy), *narrowed_sets(policy), *known_sets(policy))
    for (name, family), addresses in {(name, family): own for name, family, own in found}.items():
        yield name, family, addresses


def _sets(policy: Policy) -> Iterator[str]:
    for name, family, addresses in _filled(policy):
        is_of_networks = not addresses.is_of_addresses(family)
        yield from _set(set_name(name, family), family, addresses.texts_of_family(family), is_of_networks)
    yield from filled_sets(policy)


def _set(name: str, family: int, elements: Sequence[str], is_of_networks: bool) -> Iterator[str]:
    yield f"\tset {name} {{"
    yield f"\t\ttype ipv{family}_addr"
    if is_of_networks:
        yield "\t\tflags interval"
    if elements:
        yield "\t\telements = {"
        yield "\t\t\t" + ",\n\t\t\t".join(elements) + ","
        yield "\t\t}"
    yield "\t}"
