"""A policy as an nftables ruleset: one table, replaced as a whole in one transaction.

The text adds the table, deletes it and defines it again, which is atomic and works on every nft since 0.9 (``destroy``
is newer). Chains hang at ``filter - 10``: before iptables and Calico at ``filter``, and firewalld at
``filter + 10``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..addresses import EVERYBODY_V4, EVERYBODY_V6, AddressSet, Network, is_single, network_text
from ..compile import Policy, Rule
from ..describe import describe, reasons
from ..essentials import DHCP, DHCPV6_SERVERS, LINK_LOCAL, icmp_types
from ..ports import PROTOCOLS

TABLE = "inet gatehouse"
DESCRIPTION_MARK = "#: "
"""Starts each comment line that says what the ruleset lets through; the lines of a diff are taken from these."""

_HOOKS = {"ingress": "input", "egress": "output"}
_INTERFACE_MATCH = {"ingress": "iifname", "egress": "oifname"}
_LOOPBACK_MATCH = {"ingress": "iif", "egress": "oif"}
_ADDRESS_MATCH = {"ingress": "saddr", "egress": "daddr"}


@dataclass(frozen=True)
class _Segment:
    """A range of ports of one protocol in which the same rules decide."""

    first: int
    last: int
    rules: tuple[Rule, ...]

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        return tuple((rule.flow, rule.peer) for rule in self.rules)

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def render(policy: Policy) -> str:
    """Return the ruleset of a policy, for ``nft -f``."""
    lines = [
        f"# gatehouse.firewall, node class {policy.node_class}. Generated: edits are lost at the next run.",
        *(f"{DESCRIPTION_MARK}{line}" for line in (*describe(policy), *reasons(policy))),
        "",
        f"table {TABLE}",
        f"delete table {TABLE}",
        "",
        f"table {TABLE} {{",
        *_sets(policy),
        *_direction(policy, "ingress"),
        *_direction(policy, "egress"),
        "}",
        "",
    ]
    return "\n".join(lines)


def _direction(policy: Policy, direction: str) -> Iterator[str]:
    hook = _HOOKS[direction]
    yield from _chain(f"{hook}_icmp", _icmp(policy, direction))
    dispatch = []
    for protocol in PROTOCOLS:
        chains: dict[tuple[tuple[str, str], ...], str] = {}
        segments = _segments(policy.rules(direction), protocol)
        for segment in segments:
            if segment.key not in chains:
                chains[segment.key] = f"{hook}_{protocol}_{segment.first}"
                yield from _chain(chains[segment.key], _rules(policy, direction, segment.rules))
        if segments:
            elements = ", ".join(f"{segment} : goto {chains[segment.key]}" for segment in segments)
            dispatch.append(f"{protocol} dport vmap {{ {elements} }}")
    yield from _chain(hook, [*_base(policy, direction), *dispatch, 'counter comment "denied: no flow allows it"'])


def _base(policy: Policy, direction: str) -> Iterator[str]:
    hook = _HOOKS[direction]
    yield f"type filter hook {hook} priority filter - 10; policy drop;"
    yield f'{_LOOPBACK_MATCH[direction]} "lo" accept'
    yield "ct state established,related accept"
    yield f"meta l4proto {{ icmp, ipv6-icmp }} jump {hook}_icmp"
    yield "ct state invalid drop"
    yield from _dhcp(direction)
    for peer in _peer_matches(direction, policy.node_class, policy.isolated):
        yield f'{peer}drop comment "isolated:{policy.node_class}"'
    yield from _rules(policy, direction, (rule for rule in policy.rules(direction) if rule.ports.everything))


def _icmp(policy: Policy, direction: str) -> Iterator[str]:
    types = icmp_types(direction, policy.echo_request)
    for protocol, keyword in (("icmp", "icmp"), ("icmpv6", "icmpv6")):
        names = ", ".join(item.name for item in types if item.protocol == protocol)
        yield f"{keyword} type {{ {names} }} accept"


def _dhcp(direction: str) -> Iterator[str]:
    for client in DHCP:
        family = f"meta nfproto ipv{client.family}"
        if direction == "ingress":
            address = f"ip6 saddr {LINK_LOCAL} " if client.family == 6 else ""
            yield f"{family} {address}udp sport {client.server_port} udp dport {client.client_port} accept"
        else:
            servers = f"{{ {LINK_LOCAL}, {network_text(DHCPV6_SERVERS)} }}"
            address = f"ip6 daddr {servers} " if client.family == 6 else ""
            yield f"{family} {address}udp sport {client.client_port} udp dport {client.server_port} accept"


def _rules(policy: Policy, direction: str, rules: Iterable[Rule]) -> Iterator[str]:
    for rule in rules:
        interface = _interface(policy, direction, rule)
        log = f'log prefix "gatehouse {rule.flow}: " ' if rule.log else ""
        for peer in _peer_matches(direction, _peer_name(rule), rule.addresses):
            yield f'{interface}{peer}{log}accept comment "flow:{rule.flow}"'


def _interface(policy: Policy, direction: str, rule: Rule) -> str:
    names = policy.interfaces.get(rule.side) if rule.side else None
    if not names:
        return ""
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{_INTERFACE_MATCH[direction]} {{ {quoted} }} "


def _peer_matches(direction: str, name: str, addresses: AddressSet) -> Iterator[str]:
    """Yield the match for each family the peer has addresses of; a peer without any is nobody, and yields none."""
    everybody = (addresses.v4 == EVERYBODY_V4, addresses.v6 == EVERYBODY_V6)
    if all(everybody):
        yield ""
        return
    match = _ADDRESS_MATCH[direction]
    if addresses.v4:
        yield "meta nfproto ipv4 " if everybody[0] else f"ip {match} @{name}.v4 "
    if addresses.v6:
        yield "meta nfproto ipv6 " if everybody[1] else f"ip6 {match} @{name}.v6 "


def _peer_name(rule: Rule) -> str:
    # A dot can't be part of a class's or a zone's name, so that no two of these are the same.
    return f"{rule.peer}.{rule.side}" if rule.side else rule.peer


def _sets(policy: Policy) -> Iterator[str]:
    peers = {_peer_name(rule): rule.addresses for rule in (*policy.ingress, *policy.egress)}
    if policy.isolated:
        peers[policy.node_class] = policy.isolated
    for name, addresses in sorted(peers.items()):
        if addresses.v4 and addresses.v4 != EVERYBODY_V4:
            yield from _set(f"{name}.v4", 4, addresses.v4)
        if addresses.v6 and addresses.v6 != EVERYBODY_V6:
            yield from _set(f"{name}.v6", 6, addresses.v6)


def _set(name: str, family: int, networks: Sequence[Network]) -> Iterator[str]:
    yield f"\tset {name} {{"
    yield f"\t\ttype ipv{family}_addr"
    if not all(is_single(network) for network in networks):
        yield "\t\tflags interval"
    yield "\t\telements = {"
    yield from (f"\t\t\t{network_text(network)}," for network in networks)
    yield "\t\t}"
    yield "\t}"


def _chain(name: str, statements: Iterable[str]) -> Iterator[str]:
    yield f"\tchain {name} {{"
    yield from (f"\t\t{statement}" for statement in statements)
    yield "\t}"


def _segments(rules: Iterable[Rule], protocol: str) -> list[_Segment]:
    """Cut the ports of a protocol where the set of rules that name them changes."""
    ranges = [
        (item.first, item.last, rule)
        for rule in rules
        if rule.addresses and not rule.ports.everything
        for item in rule.ports.ranges
        if item.protocol == protocol
    ]
    starts = sorted({first for first, _last, _rule in ranges} | {last + 1 for _first, last, _rule in ranges})
    segments: list[_Segment] = []
    for first, end in pairwise(starts):
        deciding = tuple(rule for low, high, rule in ranges if low <= first and end - 1 <= high)
        if deciding:
            segments.append(_Segment(first, end - 1, deciding))
    return segments
