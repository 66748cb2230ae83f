# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What every host always lets through, because IP or the host itself breaks without it, and nothing more.

Sources: RFC 4890 4.4 (ICMPv6 a host must not drop), RFC 1191 and RFC 8201 (path MTU discovery), RFC 792 (ICMP errors),
RFC 2131 4.1 (DHCP ports), RFC 8415 7.2 (DHCPv6 ports), RFC 2236 2 and RFC 3376 4 (IGMP's TTL). Numbers: IANA's ICMP and
ICMPv6 parameter registries.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from .addresses import Network

LINK_LOCAL = IPv6Network("fe80::/10")
DHCPV6_SERVERS = IPv6Network("ff02::1:2/128")
EVERY_HOST_ON_LINK = IPv4Network("255.255.255.255/32")

IGMP = 2
IGMP_GROUPS = IPv4Network("224.0.0.0/4")
IGMP_TTL = 1


@dataclass(frozen=True)
class IcmpType:
    """An ICMP or ICMPv6 type that is allowed ``ingress``, ``egress``, or both."""

    protocol: str
    number: int
    name: str
    directions: tuple[str, ...] = ("ingress", "egress")

    @property
    def family(self) -> int:
        """Return the version of IP in which the type means something."""
        return 4 if self.protocol == "icmp" else 6


@dataclass(frozen=True)
class Datagram:
    """What a DHCP client sends (``egress``) or hears (``ingress``) over UDP, from any port where none is named.

    An answer is none to connection tracking, since it may come from another address than the question went to.
    ``to_host`` says that its destination is an address of the host itself.
    """

    direction: str
    family: int
    port: int
    source_port: int | None = None
    source: Network | None = None
    destination: Network | None = None
    to_host: bool = False


ICMP_TYPES = (
    IcmpType("icmp", 3, "destination-unreachable"),
    IcmpType("icmp", 11, "time-exceeded"),
    IcmpType("icmp", 12, "parameter-problem"),
    IcmpType("icmpv6", 1, "destination-unreachable"),
    IcmpType("icmpv6", 2, "packet-too-big"),
    IcmpType("icmpv6", 3, "time-exceeded"),
    IcmpType("icmpv6", 4, "parameter-problem"),
    IcmpType("icmpv6", 130, "mld-listener-query", ("ingress",)),
    IcmpType("icmpv6", 131, "mld-listener-report", ("egress",)),
    IcmpType("icmpv6", 132, "mld-listener-done", ("egress",)),
    IcmpType("icmpv6", 143, "mld2-listener-report", ("egress",)),
    IcmpType("icmpv6", 133, "nd-router-solicit", ("egress",)),
    IcmpType("icmpv6", 134, "nd-router-advert", ("ingress",)),
    IcmpType("icmpv6", 135, "nd-neighbor-solicit"),
    IcmpType("icmpv6", 136, "nd-neighbor-advert"),
)
ECHO_REQUESTS = (IcmpType("icmp", 8, "echo-request"), IcmpType("icmpv6", 128, "echo-request"))

# A server answers DHCPv6 from whatever port it likes: RFC 8415 says where it listens, and not from where it sends.
_DHCP = (
    Datagram("ingress", 4, port=68, source_port=67, destination=EVERY_HOST_ON_LINK),
    Datagram("ingress", 4, port=68, source_port=67, to_host=True),
    Datagram("egress", 4, port=67, source_port=68),
    Datagram("ingress", 6, port=546, source=LINK_LOCAL, destination=LINK_LOCAL),
    Datagram("egress", 6, port=547, source_port=546, destination=LINK_LOCAL),
    Datagram("egress", 6, port=547, source_port=546, destination=DHCPV6_SERVERS),
)


def icmp_types(direction: str, echo_request: bool) -> tuple[IcmpType, ...]:
    """Return the types that are allowed in one direction."""
    types = (*ICMP_TYPES, *ECHO_REQUESTS) if echo_request else ICMP_TYPES
    return tuple(item for item in types if direction in item.directions)


def dhcp(direction: str, family: int, is_client: bool) -> tuple[Datagram, ...]:
    """Return what passes one way so that the host can be a DHCP client; nothing where it isn't to be one."""
    return tuple(one for one in _DHCP if is_client and (one.direction, one.family) == (direction, family))
