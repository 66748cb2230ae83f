"""Random packets, aimed at where a policy's verdict changes: the edges of its networks and of its port ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import Address, Network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PROTOCOLS, PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet
from ansible_collections.gatehouse.firewall.tests.parity.frames import TRACKED_ICMP, Complaint
from ansible_collections.gatehouse.firewall.tests.parity.places import (
    GUESTS,
    LEGS,
    ON_LINK,
    OWN,
    PODS,
    SERVICES,
    way_to,
)
from ansible_collections.gatehouse.firewall.tests.parity.redirects import (
    TO_GUESTS,
    TO_OWN_PORTS,
    TO_PODS,
    is_passed_on,
    seen_by_host,
)
from hypothesis import strategies as some
from hypothesis.strategies import SearchStrategy

_FIRST_SOURCE_PORT = 20000  # and upwards: each packet begins a connection of its own
_STRANGERS = tuple(map(ip_address, ("198.18.0.7", "2001:db8:ffff::7", "fe80::7")))
_DHCP_SERVERS = {
    "ingress": tuple(map(ip_address, ("198.18.0.67", "fe80::67", "febf:ffff::67", "fec0::67", "2001:db8:ffff::67"))),
    "egress": tuple(
        map(ip_address, ("255.255.255.255", "ff02::1:2", "ff02::1:3", "ff05::1:3", "198.18.0.67", "fe80::67"))
    ),
}
_ND_PEERS = {
    "ingress": (ip_address("::"), ip_address("fe80::1")),
    "egress": tuple(map(ip_address, ("ff02::1", "ff02::2", "ff02::16", "ff02::1:ff00:7", "fe80::1"))),
}
# Where packets of the link come in: no other group is one that the host has joined.
_LINK = {family: tuple(one for one in ON_LINK if one.version == family) for family in (4, 6)}
_GROUPS = {
    "ingress": (_LINK[4][1], OWN[4]),
    "egress": tuple(map(ip_address, ("224.0.0.22", "224.0.0.2", "239.255.255.255", "223.255.255.255"))),
}
_CLIENTS_PORTS = {"ingress": ((67, 68), (547, 546), (49152, 546)), "egress": ((68, 67), (546, 547))}
_DHCP_PORTS = (
    (68, 67),
    (67, 68),
    (546, 547),
    (547, 546),
    (68, 68),
    (67, 67),
    (546, 67),
    (68, 547),
    (69, 67),
    (546, 548),
)
_ICMP = {
    4: (8, 0, 3, 4, 5, 9, 10, 11, 12, 13, 14, 17, 30, 255),
    6: (128, 129, 1, 2, 3, 4, 100, 127, 130, 131, 132, 133, 134, 135, 136, 137, 139, 143, 144, 255),
}
_KINDS = (
    *(*["ports"] * 14, *["redirected"] * 5, *["icmp"] * 3),
    *("discovery", *["dhcp"] * 2, *["other"] * 2, "groups", "broken", "loopback"),
)

_kinds = {carries: some.sampled_from((*_KINDS, *["passing"] * (10 if carries else 1))) for carries in (False, True)}
_legs = some.sampled_from(LEGS)
_against_the_aim = some.sampled_from((False, False, False, False, False, True))
_destinations = some.sampled_from((OWN, OWN, OWN, SERVICES, SERVICES, PODS))
_ways = some.sampled_from((*["judged"] * 6, *["between"] * 3, "forged", "forged", "past", "asks its host"))
_guests = some.sampled_from([(leg, place) for leg in GUESTS for place in (7, 100)])
_strangers = {
    family: some.sampled_from([one for one in _STRANGERS if one.version == family and not one.is_link_local])
    for family in (4, 6)
}
_kinds_passing = some.sampled_from((*["ports"] * 9, "icmp", "other", "dhcp", "broken"))
_other_protocols = some.sampled_from(("gre", "esp", "ospf", "igmp"))
_ttls = some.sampled_from((1, 1, 1, 2, 64))
_dhcp_ports = {direction: some.sampled_from((*_DHCP_PORTS, *right * 5)) for direction, right in _CLIENTS_PORTS.items()}
_icmp_types = {family: some.sampled_from(types) for family, types in _ICMP.items()}


@dataclass(frozen=True)
class _Aim:
    """Where to shoot: at the edges of one rule."""

    direction: str
    addresses: SearchStrategy[Address]
    ports: SearchStrategy[tuple[str, int]]


@some.composite
def volleys(draw: some.DrawFn, policy: Policy, size: int) -> list[Packet]:
    """Draw at most so many packets, no two of which connection tracking takes for one connection."""
    aims, redirected = some.sampled_from(_aims(policy)), some.sampled_from(_aims_at_redirects(policy))
    known: set[tuple[object, ...]] = set()
    packets: list[Packet] = []
    for number in range(size):
        kind = draw(_kinds[bool(policy.carries)])
        if kind == "redirected":
            packet = _redirected(draw, draw(redirected), number)
        elif kind == "passing":
            packet = _passing(draw, draw(aims), number)
        else:
            aim = draw(aims)
            direction = _other(aim.direction) if draw(_against_the_aim) else aim.direction
            packet = _packet(draw, aim, kind, direction, number)
        if _connection(packet, number) not in known and not _is_left_out(packet):
            known.add(_connection(packet, number))
            packets.append(packet)
    return packets


def reply(packet: Packet) -> Packet | None:
    """Return what the other end of an allowed packet answers; nothing where it is not known how, or who answers."""
    if packet.protocol != "udp" or packet.destination.is_multicast or packet.interface == "lo":
        return None
    if is_passed_on(packet):
        return _reply_passing(packet)
    if packet.destination in ON_LINK or not packet.to_host:
        return None
    return Packet(
        direction=_other(packet.direction),
        source=packet.destination,
        destination=packet.source,
        protocol="udp",
        port=packet.source_port,
        source_port=packet.port if packet.redirected_to is None else packet.redirected_to,
        interface=packet.interface,
        state="established",
    )


def _reply_passing(packet: Packet) -> Packet:
    return Packet(
        direction="ingress",
        source=packet.forwarded_to or packet.destination,
        destination=packet.source,
        protocol="udp",
        port=packet.source_port,
        source_port=packet.port if packet.redirected_to is None else packet.redirected_to,
        interface=packet.leaves_by,
        state="established",
        to_host=False,
        leaves_by=way_to(packet.source),
    )


def complaint(packet: Packet) -> Packet | None:
    """Return an ICMP error of the other end about an allowed packet, of a type that passes for no other reason."""
    answer = reply(packet)
    # The kernel drops an ICMP redirect about what it translates.
    if answer is None or packet.redirected_to is not None or packet.forwarded:
        return None
    protocol, number = ("icmp", 5) if packet.source.version == 4 else ("icmpv6", 100)
    return Complaint(
        *(answer.direction, answer.source, answer.destination, protocol),
        icmp_type=number,
        interface=answer.interface,
        state="related",
        to_host=answer.to_host,
        leaves_by=answer.leaves_by,
        about=packet,
    )


def _other(direction: str) -> str:
    return "egress" if direction == "ingress" else "ingress"


def _redirected(draw: some.DrawFn, aim: _Aim, number: int) -> Packet:
    """Return a packet that the host redirects or sends on, or nearly."""
    peer, (protocol, port) = draw(aim.addresses), draw(aim.ports)
    state = "invalid" if protocol == "tcp" and draw(_rarely) else "new"
    source_port = _FIRST_SOURCE_PORT + number
    destination = draw(_destinations)[peer.version]
    return seen_by_host(
        Packet("ingress", peer, destination, protocol, port, source_port, interface=draw(_legs), state=state)
    )


def _passing(draw: some.DrawFn, aim: _Aim, number: int) -> Packet:
    """Return a packet from a guest or to one, or what looks like that; or one that passes by all guests."""
    peer, way, kind = draw(aim.addresses), draw(_ways), draw(_kinds_passing)
    (leg, guest), (others_leg, other) = (_guest(draw, peer.version) for _end in range(2))
    ends = {
        "judged": (leg, guest, peer) if aim.direction == "egress" else (draw(_legs), peer, guest),
        "forged": (draw(some.sampled_from((*LEGS, others_leg))), guest, draw(some.sampled_from((peer, other)))),
        "between": (leg, guest, other),
        "past": (draw(_legs), draw(_strangers[peer.version]), peer),
        "asks its host": (leg, guest, draw(_destinations)[peer.version]),
    }
    interface, source, destination = ends[way]
    packet = Packet(
        "ingress", source, destination, interface=interface, **_content(draw, aim, kind, peer.version, number)
    )
    return seen_by_host(packet)


def _guest(draw: some.DrawFn, family: int) -> tuple[str, Address]:
    leg, place = draw(_guests)
    return leg, GUESTS[leg][family][place]


def _content(draw: some.DrawFn, aim: _Aim, kind: str, family: int, number: int) -> dict[str, Any]:
    """Return what a packet is, whoever sends it."""
    if kind == "icmp":
        protocol, icmp_type = "icmp" if family == 4 else "icmpv6", draw(_icmp_types[family])
        state = "new" if icmp_type in TRACKED_ICMP[protocol] else "invalid"
        return {"protocol": protocol, "icmp_type": icmp_type, "state": state}
    if kind == "other":
        return {"protocol": draw(_other_protocols)}
    if kind == "dhcp":
        source_port, port = draw(some.sampled_from(_DHCP_PORTS))
        return {"protocol": "udp", "source_port": source_port, "port": port}
    protocol, port = draw(aim.ports)
    known = {"protocol": protocol, "port": port, "source_port": _FIRST_SOURCE_PORT + number}
    return {**known, "protocol": "tcp", "state": "invalid"} if kind == "broken" else known


def _packet(draw: some.DrawFn, aim: _Aim, kind: str, direction: str, number: int) -> Packet:
    peer, leg = draw(aim.addresses), draw(_legs)
    source_port = _FIRST_SOURCE_PORT + number
    if kind == "loopback":
        own = OWN[peer.version]
        return Packet("egress", own, own, "udp", draw(aim.ports)[1], source_port, interface="lo")
    if kind == "icmp":
        return _icmp(direction, peer, leg, draw(_icmp_types[peer.version]))
    if kind == "discovery":
        return _icmp(direction, draw(some.sampled_from(_ND_PEERS[direction])), leg, draw(_icmp_types[6]))
    if kind == "other":
        return between(direction, peer, leg, draw(_other_protocols))
    if kind == "dhcp":
        peer = draw(some.sampled_from((peer, *_DHCP_SERVERS[direction])))
        source_port, port = draw(_dhcp_ports[direction])
        to = draw(some.sampled_from((None, *_LINK[peer.version]))) if direction == "ingress" else None
        return between(direction, peer, leg, "udp", port=port, source_port=source_port, to=to)
    if kind == "groups":
        stranger, group = _STRANGERS[0], draw(some.sampled_from(_GROUPS[direction]))
        peer, to = (stranger, group) if direction == "ingress" else (group, None)
        return between(direction, peer, leg, "igmp", to=to, ttl=draw(_ttls))
    protocol, port = draw(aim.ports)
    if kind == "broken":
        return between(direction, peer, leg, "tcp", port=port, source_port=source_port, state="invalid")
    return between(direction, peer, leg, protocol, port=port, source_port=source_port)


def _icmp(direction: str, peer: Address, leg: str, icmp_type: int) -> Packet:
    protocol = "icmp" if peer.version == 4 else "icmpv6"
    state = "new" if icmp_type in TRACKED_ICMP[protocol] else "invalid"
    return between(direction, peer, leg, protocol, icmp_type=icmp_type, state=state)


def between(
    direction: str,
    peer: Address,
    interface: str,
    protocol: str,
    *,
    state: str = "new",
    port: int | None = None,
    source_port: int | None = None,
    icmp_type: int | None = None,
    to: Address | None = None,
    ttl: int = 64,
) -> Packet:
    """Return a packet between the host and a peer, which may send it to another address than the host's."""
    ends = (peer, to or OWN[peer.version]) if direction == "ingress" else (OWN[peer.version], peer)
    packet = Packet(direction, *ends, protocol, port, source_port, icmp_type, interface, state, ttl=ttl)
    return seen_by_host(packet) if direction == "ingress" else packet


def _is_left_out(packet: Packet) -> bool:
    if packet.direction == "egress" or not is_passed_on(packet):
        return False
    # Linux never sends on what is of a link, whatever the rules; and where a packet comes back to its sender, its
    # refusal looks the same.
    return (
        packet.source.is_link_local
        or packet.destination.is_link_local
        or packet.source == (packet.forwarded_to or packet.destination)
    )


def _connection(packet: Packet, number: int) -> tuple[object, ...]:
    if packet.icmp_type is not None:
        return packet.protocol, number
    if is_passed_on(packet) and not packet.forwarded:
        ends = ((packet.source, packet.source_port), (packet.destination, packet.port))
        return packet.protocol, frozenset(ends)
    own, peers = packet.port, packet.source_port
    if packet.direction == "egress":
        own, peers = peers, own
    return packet.protocol, packet.peer, own, peers


def _aims(policy: Policy) -> list[_Aim]:
    rules = [(direction, rule) for direction in DIRECTIONS for rule in policy.rules(direction)]
    everywhere = [network for _direction, rule in rules for network in rule.addresses.networks]
    everywhere += [*policy.isolated_from.networks, *policy.carries.networks.networks]
    strangers = some.sampled_from([*_STRANGERS, *_edges(everywhere)])
    aims = [
        _Aim(direction, _sampled(_edges(rule.addresses.networks), strangers), _sampled(_port_edges(rule), _any_port))
        for direction, rule in rules
    ]
    isolated, excepted = (
        _sampled(_edges(addresses.networks), strangers) for addresses in (policy.isolated_from, policy.carries.excepted)
    )
    aims += [_Aim(aim.direction, isolated, aim.ports) for aim in aims[::3]]
    aims += [_Aim("egress", excepted, aim.ports) for aim in aims[:1] if policy.carries.excepted]
    return aims or [_Aim(direction, strangers, _any_port) for direction in DIRECTIONS]


def _sampled(options: Sequence[object], otherwise: SearchStrategy) -> SearchStrategy:
    """Return a strategy that mostly takes one of the options."""
    if not options:
        return otherwise
    return some.one_of(*[some.sampled_from(options)] * 5, otherwise)


_rarely = some.sampled_from((*[False] * 7, True))
_any_port = some.tuples(some.sampled_from(PROTOCOLS), some.sampled_from((22, 1, 65535)) | some.integers(0, 65535))


def _port_edges(rule: Rule) -> list[tuple[str, int]]:
    edges = _range_edges(rule.ports)
    return edges + [(protocol, item.first) for item in rule.ports.ranges for protocol in PROTOCOLS]


def _aims_at_redirects(policy: Policy) -> list[_Aim]:
    """Return aims at the redirected ports that each rule names, at all of them, and at what is judged before."""
    known = [(protocol, port) for port in (*TO_OWN_PORTS, *TO_PODS, *TO_GUESTS) for protocol in PROTOCOLS]
    others = some.sampled_from(known + _range_edges(policy.pre_dnat_ports))
    everywhere = [network for rule in policy.ingress for network in rule.addresses.networks]
    strangers = some.sampled_from([*_STRANGERS, *_edges(everywhere)])
    aims = [_Aim("ingress", strangers, others)]
    for rule in policy.ingress:
        named = [pair for pair in known if rule.ports.holds(*pair)]
        aims.append(_Aim("ingress", _sampled(_edges(rule.addresses.networks), strangers), _sampled(named, others)))
    return aims


def _range_edges(ports: PortSet) -> list[tuple[str, int]]:
    edges = []
    for item in ports.ranges:
        inside, beside = (item.first, item.last), (item.first - 1, item.last + 1)
        edges += [(item.protocol, port) for port in (*inside, *inside, *beside) if 0 <= port <= 65535]
    return edges


def _edges(networks: Iterable[Network]) -> list[Address]:
    """Return the first and last addresses of networks, and those beside, as far as packets can have them."""
    edges: list[Address] = []
    for network in networks:
        first, last = int(network.network_address), int(network.broadcast_address)
        family = IPv4Address if network.version == 4 else IPv6Address
        numbers = (first, last, (first + last) // 2, first - 1, last + 1)
        edges += [family(number) for number in numbers if 0 <= number < 1 << network.max_prefixlen]
    return [address for address in dict.fromkeys(edges) if _is_sendable(address)]


def _is_sendable(address: Address) -> bool:
    if address in OWN.values() or address.is_multicast or address.is_loopback or address.is_unspecified:
        return False
    if address == IPv6Address("fe80::"):  # every router's, so the host's own
        return False
    # "This network" and the broadcast address are no host's, and Linux drops them whatever the rules.
    return address.version == 6 or not (address < IPv4Address("1.0.0.0") or address == IPv4Address("255.255.255.255"))
