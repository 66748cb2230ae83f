# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a policy says of a packet, from the policy's meaning alone.

No renderer is asked, so that renderers can be held to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network

from ...module_utils._contract.kinds import FORWARD_IN, FORWARD_OUT, PRE_DNAT, SPOOFED
from .._model.antispoof import LINK_LOCAL, contradicted
from .._model.node_classes import PreDnat
from .._policy.compile import Policy, Rule
from .._values.addresses import Address
from .._values.always_allowed import IGMP_GROUPS, IGMP_TTL, Datagram, dhcp, icmp_types
from .._values.direction import FORWARD
from .._values.readers import SIDES

_SPOOFED = "its source is spoofed, or comes another way than packets to it leave: those leave by {}"
_LINK_LOCAL = ip_network(LINK_LOCAL)
NO_FLOW = "no flow allows it"


@dataclass(frozen=True)
class Packet:
    """A packet as one host sees it.

    ``direction`` is ingress or egress. ``protocol`` is tcp, udp, sctp, icmp, icmpv6 or any other protocol's name;
    ``state`` is connection tracking's: new, established, related or invalid.

    What comes in may be for another than the host (``to_host`` is false), and the host may redirect it (DNAT): to
    another port of its own (``redirected_to``), or on to a pod or container (``forwarded``). ``destination`` and
    ``port`` are those that were asked for. What is forwarded ``leaves_by`` an interface, to ``forwarded_to`` and
    ``redirected_to`` where these are others. ``ttl`` is the hop limit, and ``reset`` says that a TCP segment ends a
    connection (RST). ``back`` is the interface by which the host's routes lead to the source, as far as that is known.
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
    forwarded_to: Address | None = None
    leaves_by: str = ""
    ttl: int = 64
    reset: bool = False
    back: str = ""

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


_CONNECTED = Verdict(True, "", "it belongs to a connection that was allowed")


def verdict(policy: Policy, packet: Packet) -> Verdict:
    """Return what a host with this policy does with a packet."""
    found = [one for _kind, one in judgements(policy, packet)]
    return next((one for one in found if not one.allowed), found[0])


def lets_through(policy: Policy, packet: Packet) -> bool:
    """Return whether a packet passes a host with this policy: what it denies passes, too, where it only observes."""
    return all(found.allowed or policy.observes(kind) for kind, found in judgements(policy, packet))


def judgements(policy: Policy, packet: Packet) -> Iterator[tuple[str, Verdict]]:
    """Yield what each stage in the host's kernel says of a packet that comes so far, and what kind it is there."""
    # Sources are judged at prerouting, of replies and of what is forwarded as well: nothing comes before that.
    if is_spoofed(policy, packet):
        yield SPOOFED, Verdict(False, "", _SPOOFED.format(packet.back))
    if packet.direction == "egress" or not _is_forwarded(packet):
        yield packet.direction, _judged(policy, packet)
        return
    before = is_judged_before_dnat(policy, packet)
    if before:
        yield PRE_DNAT, _judged(policy, packet)
    carried = _judged_as_carried(policy, packet)
    if carried:
        yield carried
    elif not before:
        yield FORWARD, Verdict(True, "", "it is forwarded, which is left alone")


def _is_forwarded(packet: Packet) -> bool:
    return packet.forwarded or not (packet.to_host or packet.redirected_to is not None)


def _judged(policy: Policy, packet: Packet, is_carried: bool = False) -> Verdict:
    settled = _whatever_the_flows(policy, packet, is_carried)
    if settled:
        return settled
    if is_carried and packet.direction == "egress" and packet.destination in policy.carries.excepted:
        return Verdict(False, "", "those behind the host never reach it (carries: except)")
    for asked in _ports_asked_for(policy, packet):
        for rule in policy.rules(packet.direction):
            if _allows(policy, rule, asked):
                return Verdict(True, rule.flow, f"the flow {rule.flow} allows it ({rule.peer})")
    return Verdict(False, "", NO_FLOW)


def _judged_as_carried(policy: Policy, packet: Packet) -> tuple[str, Verdict] | None:
    """Return what a host says of a packet that it forwards, if that is to or from what is behind it."""
    carries, destination = policy.carries, packet.forwarded_to or packet.destination
    comes_from = carries.comes_from(packet.interface, packet.source)
    goes_to = carries.goes_to(packet.leaves_by, destination)
    if comes_from and goes_to:
        return FORWARD_OUT, _between(policy, packet)
    if goes_to:
        return FORWARD_IN, _judged(policy, replace(packet, redirected_to=None), is_carried=True)
    if comes_from or packet.source in carries.networks:
        port = packet.port if packet.redirected_to is None else packet.redirected_to
        leaving = replace(packet, direction="egress", interface=packet.leaves_by, destination=destination, port=port)
        return FORWARD_OUT, _judged(policy, leaving, is_carried=True)
    return None


def _between(policy: Policy, packet: Packet) -> Verdict:
    if packet.state == "established":
        return _CONNECTED
    if policy.isolates_carried:
        return Verdict(False, "", f"hosts of {', '.join(policy.isolated)} are isolated, and so are those behind them")
    return Verdict(True, "", "both ends are in what is behind the host")


def is_spoofed(policy: Policy, packet: Packet) -> bool:
    """Return whether a host drops an incoming packet for its source, whatever the flows say, forwarded or not."""
    return (
        packet.direction == "ingress"
        and bool(packet.back)
        and contradicted(policy.antispoof, policy.interfaces, packet.interface, packet.back)
        and not (packet.source.is_unspecified or packet.source in _LINK_LOCAL)
        and not (_is_dhcp(policy, packet) or _is_about_a_connection(packet))
    )


def verdict_by_any_interface(policy: Policy, packet: Packet) -> Verdict:
    """Return what a host does with a packet on an interface that lets it through, if there is one, or on any other."""
    found = [verdict(policy, one) for one in _by_each_interface(policy, packet)]
    return next((one for one in found if one.allowed), found[0])


def verdict_behind(policy: Policy, packet: Packet) -> Verdict:
    """Return what a host does with such a packet from those behind it (egress), or to them (ingress).

    On an interface of its other peers that lets it through, if there is one, or on any other.
    """
    carries = policy.carries
    if packet.peer in carries.networks and not (packet.direction == "ingress" and carries.interfaces):
        return _between(policy, packet)
    found = [_judged(policy, one, is_carried=True) for one in _by_each_interface(policy, packet)]
    return next((one for one in found if one.allowed), found[0])


def _by_each_interface(policy: Policy, packet: Packet) -> Iterator[Packet]:
    for interface in ("", *(name for names in policy.interfaces.values() for name in names)):
        yield replace(packet, interface=interface)


def verdict_by_every_interface(policy: Policy, packet: Packet) -> Verdict:
    """Return what a host does with a packet on an interface that denies it, if there is one, or on any other.

    A side of which the host declares no interface may be any other.
    """
    interfaces = dict.fromkeys(name for side in SIDES for name in policy.interfaces.get(side) or ("",))
    found = [verdict(policy, replace(packet, interface=interface)) for interface in interfaces]
    return next((one for one in found if not one.allowed), found[0])


def is_judged_before_dnat(policy: Policy, packet: Packet) -> bool:
    """Return whether a host with this policy judges an incoming packet before it redirects it."""
    return packet.direction == "ingress" and any(_is_judged_by(policy, stage, packet) for stage in policy.pre_dnat)


def _is_judged_by(policy: Policy, stage: PreDnat, packet: Packet) -> bool:
    interfaces = policy.interfaces.get(stage.side) if stage.side else None
    return (
        stage.ports.holds(packet.protocol, packet.port)
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
    if policy.pre_dnat_ports.holds(packet.protocol, packet.port):
        yield packet
    if not is_judged_before_dnat(policy, packet):
        yield replace(packet, port=packet.redirected_to)


def _whatever_the_flows(policy: Policy, packet: Packet, is_carried: bool) -> Verdict | None:
    # The order is the renderers': ICMP errors come before what is invalid, since connection tracking calls many of them
    # so, and isolation comes before every flow.
    if packet.interface == "lo" and not is_carried:
        return Verdict(True, "", "loopback is always allowed")
    if packet.state == "established" or _is_about_a_connection(packet):
        return _CONNECTED
    if _is_essential_icmp(policy, packet):
        return Verdict(True, "", "IP breaks without this ICMP type")
    if packet.state == "invalid":
        return Verdict(False, "", "connection tracking calls it invalid")
    if _is_dhcp(policy, packet) and not is_carried:
        return Verdict(True, "", "the host is a DHCP client")
    if _is_igmp(packet) and not is_carried:
        return Verdict(True, "", "multicast groups need it")
    isolated = next((name for name, members in policy.isolated.items() if packet.peer in members), "")
    return Verdict(False, "", f"hosts of {isolated} are isolated from each other") if isolated else None


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


def _is_about_a_connection(packet: Packet) -> bool:
    """Return whether it is an ICMP error about a connection, or the host's own refusal of one.

    Connection tracking calls more than these related: what a helper reads out of a connection opens nothing.
    """
    refuses = packet.direction == "egress" and packet.protocol == "tcp" and packet.reset and not packet.leaves_by
    return packet.state == "related" and (packet.protocol in ("icmp", "icmpv6") or refuses)


def _is_dhcp(policy: Policy, packet: Packet) -> bool:
    expected = dhcp(packet.direction, packet.peer.version, policy.dhcp)
    return packet.protocol == "udp" and any(_is_such(datagram, packet) for datagram in expected)


def _is_such(datagram: Datagram, packet: Packet) -> bool:
    return (
        packet.port == datagram.port
        and (datagram.source_port is None or packet.source_port == datagram.source_port)
        and (datagram.source is None or packet.source in datagram.source)
        and (datagram.destination is None or packet.destination in datagram.destination)
        and (not datagram.to_host or _is_to_an_own_address(packet))
    )


def _is_to_an_own_address(packet: Packet) -> bool:
    # As `fib daddr type local` has it: broadcast and multicast are types of their own.
    everybody = packet.destination.is_multicast or packet.destination == IPv4Address("255.255.255.255")
    return packet.to_host and not everybody


def _is_igmp(packet: Packet) -> bool:
    return packet.protocol == "igmp" and packet.ttl == IGMP_TTL and packet.destination in IGMP_GROUPS
