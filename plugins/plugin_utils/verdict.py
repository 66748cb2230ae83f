"""What a policy says of a packet, from the policy's meaning alone.

No renderer is asked, so that renderers can be held to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .addresses import Address
from .compile import Policy, Rule
from .essentials import DHCP, DHCPV6_SERVERS, LINK_LOCAL, icmp_types
from .readers import SIDES


@dataclass(frozen=True)
class Packet:
    """A packet as one host sees it.

    ``direction`` is ingress or egress. ``protocol`` is tcp, udp, sctp, icmp, icmpv6 or any other protocol's name;
    ``state`` is connection tracking's: new, established, related or invalid.

    What comes in may be for another than the host (``to_host`` is false), and the host may redirect it (DNAT): to
    another port of its own (``redirected_to``), or on to a pod or container (``forwarded``). ``port`` is the one that
    was asked for.
    """

    direction: str
    source: Address
    destination: Address
    protocol: str
    port: int | None = None
    source_port: int | None = None
    icmp_type: int | None = None
    interface: str = ""
    state: str = "new"
    to_host: bool = True
    redirected_to: int | None = None
    forwarded: bool = False

    @property
    def peer(self) -> Address:
        """Return the address at the other end."""
        return self.source if self.direction == "ingress" else self.destination


@dataclass(frozen=True)
class Verdict:
    """Allow or deny, the flow that decided (none for what is always allowed or denied), and the reason in words."""

    allowed: bool
    flow: str
    reason: str


def verdict(policy: Policy, packet: Packet) -> Verdict:
    """Return what a host with this policy does with a packet."""
    reaches_host = not packet.forwarded and (packet.to_host or packet.redirected_to is not None)
    if packet.direction == "ingress" and not reaches_host:
        if not is_judged_before_dnat(policy, packet):
            return Verdict(True, "", "it is forwarded, which is left alone")
        return verdict(policy, replace(packet, forwarded=False, to_host=True))
    settled = _whatever_the_flows(policy, packet)
    if settled:
        return settled
    for asked in _ports_asked_for(policy, packet):
        for rule in policy.rules(packet.direction):
            if _allows(policy, rule, asked):
                return Verdict(True, rule.flow, f"the flow {rule.flow} allows it ({rule.peer})")
    return Verdict(False, "", "no flow allows it")


def lets_through(policy: Policy, packet: Packet) -> bool:
    """Return whether a packet passes a host with this policy: what it denies passes, too, where the host observes."""
    return policy.observe or verdict(policy, packet).allowed


def verdict_by_any_interface(policy: Policy, packet: Packet) -> Verdict:
    """Return what a host does with a packet on an interface that lets it through, if there is one, or on any other."""
    interfaces = ["", *(name for names in policy.interfaces.values() for name in names)]
    found = [verdict(policy, replace(packet, interface=interface)) for interface in interfaces]
    return next((one for one in found if one.allowed), found[0])


def verdict_by_every_interface(policy: Policy, packet: Packet) -> Verdict:
    """Return what a host does with a packet on an interface that denies it, if there is one, or on any other.

    A side of which the host declares no interface may be any other.
    """
    interfaces = dict.fromkeys(name for side in SIDES for name in policy.interfaces.get(side) or ("",))
    found = [verdict(policy, replace(packet, interface=interface)) for interface in interfaces]
    return next((one for one in found if not one.allowed), found[0])


def is_judged_before_dnat(policy: Policy, packet: Packet) -> bool:
    """Return whether a host with this policy judges an incoming packet before it redirects it."""
    stage = policy.pre_dnat
    interfaces = policy.interfaces.get(stage.side) if stage.side else None
    return (
        packet.direction == "ingress"
        and stage.ports.holds(packet.protocol, packet.port)
        and (packet.to_host or packet.destination in stage.addresses)
        and (not interfaces or packet.interface in interfaces)
    )


def _ports_asked_for(policy: Policy, packet: Packet) -> Iterator[Packet]:
    """Yield the packet for each port by which a flow may allow it: of a redirected one, the new port counts as well.

    Unless it has been judged before.
    """
    if packet.redirected_to is None or packet.direction == "egress":
        yield packet
        return
    if policy.pre_dnat.ports.holds(packet.protocol, packet.port):
        yield packet
    if not is_judged_before_dnat(policy, packet):
        yield replace(packet, port=packet.redirected_to)


def _whatever_the_flows(policy: Policy, packet: Packet) -> Verdict | None:
    if packet.interface == "lo":
        return Verdict(True, "", "loopback is always allowed")
    if packet.state in ("established", "related"):
        return Verdict(True, "", "it belongs to a connection that was allowed")
    if _is_essential_icmp(policy, packet):
        return Verdict(True, "", "IP breaks without this ICMP type")
    if packet.state == "invalid":
        return Verdict(False, "", "connection tracking calls it invalid")
    if _is_dhcp(packet):
        return Verdict(True, "", "the host is a DHCP client")
    if packet.peer in policy.isolated:
        return Verdict(False, "", f"hosts of {policy.node_class} are isolated from each other")
    return None


def _allows(policy: Policy, rule: Rule, packet: Packet) -> bool:
    interfaces = policy.interfaces.get(rule.side) if rule.side else None
    return (
        (not interfaces or packet.interface in interfaces)
        and packet.peer in rule.addresses
        and packet.destination in rule.at
        and rule.ports.holds(packet.protocol, packet.port)
    )


def _is_essential_icmp(policy: Policy, packet: Packet) -> bool:
    return any(
        item.protocol == packet.protocol and item.number == packet.icmp_type and item.family == packet.source.version
        for item in icmp_types(packet.direction, policy.echo_request)
    )


def _is_dhcp(packet: Packet) -> bool:
    if packet.protocol != "udp":
        return False
    ports = (packet.source_port, packet.port) if packet.direction == "egress" else (packet.port, packet.source_port)
    return any(
        ports == (client.client_port, client.server_port)
        and packet.peer.version == client.family
        and (client.family == 4 or _is_on_link(packet))
        for client in DHCP
    )


def _is_on_link(packet: Packet) -> bool:
    return packet.peer in LINK_LOCAL or (packet.direction == "egress" and packet.peer in DHCPV6_SERVERS)
