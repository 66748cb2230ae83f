"""The bytes of packets, with correct checksums: connection tracking calls a wrong one invalid."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet

PROTOCOLS = {
    "tcp": 6,
    "udp": 17,
    "sctp": 132,
    "icmp": 1,
    "icmpv6": 58,
    "igmp": 2,
    "gre": 47,
    "esp": 50,
    "ospf": 89,
}
"""The number of each protocol that can be sent."""

# What connection tracking takes as the first packet of a connection, or leaves alone (ND and MLD); any other ICMP that
# belongs to nothing it calls invalid.
TRACKED_ICMP = {"icmp": (8, 13, 15, 17), "icmpv6": (128, 130, 131, 132, 133, 134, 135, 136, 139, 143)}

_SYN = 0x02
_SYN_FIN = 0x03  # no connection begins so


@dataclass(frozen=True)
class Complaint(Packet):
    """An ICMP error about another packet, of which it has the beginning."""

    about: Packet | None = None


def frame(packet: Packet, number: int, tail: bytes) -> bytes:
    """Return a packet from its IP header on. Its last bytes are the tail, which should have an even length."""
    protocol = PROTOCOLS[packet.protocol]
    return _with_head(packet, number, _payload(packet, protocol, number, tail))


def _with_head(packet: Packet, number: int, payload: bytes) -> bytes:
    protocol = PROTOCOLS[packet.protocol]
    if isinstance(packet.source, IPv4Address):
        # The kernel fills in the header's checksum of what it sends itself, but not of what comes in.
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number & 0xFFFF, 0, packet.ttl, protocol, 0)
        head += packet.source.packed + packet.destination.packed
        return head[:10] + _checksum(head) + head[12:] + payload
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, packet.ttl)
    return head + packet.source.packed + packet.destination.packed + payload


def _payload(packet: Packet, protocol: int, number: int, tail: bytes) -> bytes:
    pseudo = packet.source.packed + packet.destination.packed
    ports = struct.pack("!HH", packet.source_port or 0, packet.port or 0)
    if packet.protocol == "tcp":
        flags = _SYN_FIN if packet.state == "invalid" else _SYN
        body = ports + struct.pack("!IIBBHHH", number, 0, 5 << 4, flags, 1024, 0, 0) + tail
        return _filled(body, 16, pseudo + struct.pack("!II", len(body), protocol))
    if packet.protocol == "udp":
        body = ports + struct.pack("!HH", 8 + len(tail), 0) + tail
        return _filled(body, 6, pseudo + struct.pack("!II", len(body), protocol))
    if packet.protocol == "sctp":
        parameter = struct.pack("!HH", 0xC001, 4 + len(tail)) + tail  # of a kind that nobody knows: it is skipped
        init = struct.pack("!BBHIIHHI", 1, 0, 20 + len(parameter), 1 + number, 65536, 1, 1, 1) + parameter
        return ports + bytes(4) + struct.pack("<I", _crc32c(ports + bytes(8) + init)) + init
    if packet.protocol in ("icmp", "icmpv6"):
        body = struct.pack("!BBHHH", packet.icmp_type or 0, 0, 0, number & 0xFFFF, 1) + _quoted(packet) + tail
        return _filled(body, 2, b"" if packet.protocol == "icmp" else pseudo + struct.pack("!II", len(body), protocol))
    return bytes(8) + tail


def _quoted(packet: Packet) -> bytes:
    about = packet.about if isinstance(packet, Complaint) else None
    return frame(about, 0, b"") if about else b""


def _filled(body: bytes, place: int, pseudo: bytes) -> bytes:
    return body[:place] + _checksum(pseudo + body) + body[place + 2 :]


def _checksum(data: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF or 0xFFFF)


def _crc32c_of_byte(value: int) -> int:
    for _bit in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


_CRC32C = [_crc32c_of_byte(value) for value in range(256)]


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
