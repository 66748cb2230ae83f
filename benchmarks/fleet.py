"""A fleet of any size for the benchmarks that need many hosts: 4 classes, 30 flows, both families."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from itertools import permutations

CLASSES = ("edge", "app", "data", "jobs")
PAIRS = list(permutations(CLASSES, 2))
# Name, from, to, and port: as many flows as harden_two_hosts has, between all classes.
FLOWS = [(f"flow{number}", *PAIRS[number % len(PAIRS)], str(8000 + number)) for number in range(30)]

# For benchmarks, and for nothing else: RFC 2544 and RFC 5180.
FIRST_V4, FIRST_V6 = IPv4Address("198.18.0.0"), IPv6Address("2001:2::")

MODEL = {
    "gatehouse_classes": [{"name": name, "groups": [name]} for name in CLASSES],
    "gatehouse_flows": [
        {"name": name, "from": [sender], "to": [receiver], "ports": [f"{port}/tcp"]}
        for name, sender, receiver, port in FLOWS
    ],
}


def groups(size: int) -> dict[str, list[str]]:
    """Return each class's hosts; as where hosts come and go, none has a range of addresses to itself."""
    return {
        name: [f"host{number}" for number in range(place, size, len(CLASSES))] for place, name in enumerate(CLASSES)
    }


def hosts(size: int) -> dict[str, dict[str, object]]:
    """Return each host's variables."""
    return {
        f"host{number}": {"gatehouse_addresses": {"private": [str(FIRST_V4 + number), str(FIRST_V6 + number)]}}
        for number in range(size)
    }


def first_family(size: int) -> dict[str, list[str]]:
    """Return the IPv4 addresses of each class."""
    return {
        name: [str(FIRST_V4 + int(host.removeprefix("host"))) for host in own] for name, own in groups(size).items()
    }
