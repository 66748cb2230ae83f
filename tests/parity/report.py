"""What is said of a disagreement: all that is needed to understand it, and to send the packet again by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.describe import describe
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict


def policy_lines(policy: Policy) -> Iterator[str]:
    """Yield a policy in words, with the addresses of its peers."""
    yield f"policy of {policy.name}, echo requests {_word(policy.echo_request)}, DHCP {_word(policy.dhcp)}:"
    yield from (f"  {line}" for line in describe(policy))
    peers = {(rule.peer, rule.side): rule.addresses for rule in (*policy.ingress, *policy.egress)}
    peers |= {(f"isolated {name}", ""): members for name, members in policy.isolated.items()}
    for (peer, side), addresses in sorted(peers.items()):
        where = f" on the {side} side" if side else ""
        yield f"  {peer}{where}: {' '.join(map(str, addresses.networks)) or 'nobody'}"
    yield from (f"  {side} side: {' '.join(names)}" for side, names in policy.interfaces.items())


def _word(allowed: bool) -> str:
    return "allowed" if allowed else "not allowed"


def packet_lines(policy: Policy, packet: Packet, passed: Mapping[str, bool]) -> Iterator[str]:
    """Yield a packet in words, and what each backend's kernel and verdict() do with it."""
    ports = f" {packet.source_port} -> {packet.port}" if packet.port is not None else ""
    icmp = f" type {packet.icmp_type}" if packet.icmp_type is not None else ""
    ends = f"{packet.source} -> {packet.destination} on {packet.interface}"
    yield f"packet: {packet.direction} {packet.protocol}{ports}{icmp}, {ends}, {packet.state}{_fate(packet)}"
    yield from (f"  {name}: {'passed' if through else 'dropped'}" for name, through in passed.items())
    answer = verdict(policy, packet)
    yield f"  verdict(): {'allowed' if answer.allowed else 'denied'}: {answer.reason}"


def _fate(packet: Packet) -> str:
    if packet.forwarded:
        port = "" if packet.redirected_to is None else f" port {packet.redirected_to}"
        return f", redirected to {packet.forwarded_to}{port} by {packet.leaves_by}"
    if packet.redirected_to is not None:
        return f", redirected to port {packet.redirected_to} of the host"
    return "" if packet.to_host else f", forwarded by {packet.leaves_by}"


def ruleset_lines(rulesets: Mapping[str, str]) -> Iterator[str]:
    """Yield the rulesets that were loaded, by backend."""
    for name, text in rulesets.items():
        yield f"ruleset of {name}:"
        yield from (f"  {line}" for line in text.splitlines())
