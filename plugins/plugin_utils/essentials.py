"""What every host always lets through, because IP or the host itself breaks without it, and nothing more.

Sources: RFC 4890 4.4 (ICMPv6 a host must not drop), RFC 1191 and RFC 8201 (path MTU discovery), RFC 792 (ICMP errors),
RFC 2131 4.1 (DHCP ports), RFC 8415 7.2 (DHCPv6 ports). Numbers: IANA's ICMP and ICMPv6 parameter registries.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Network

LINK_LOCAL = IPv6Network("fe80::/10")
DHCPV6_SERVERS = IPv6Network("ff02::1:2/128")


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
class Dhcp:
    """A DHCP client's datagrams: a new one in each direction, since an answer may come from another address."""

    family: int
    client_port: int
    server_port: int


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

DHCP = (Dhcp(4, 68, 67), Dhcp(6, 546, 547))


def icmp_types(direction: str, echo_request: bool) -> tuple[IcmpType, ...]:
    """Return the types that are allowed in one direction."""
    types = (*ICMP_TYPES, *ECHO_REQUESTS) if echo_request else ICMP_TYPES
    return tuple(item for item in types if direction in item.directions)
