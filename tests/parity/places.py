"""Who and what there is in the lab: the host's links and addresses, and what lies behind it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import Address, Network

LEGS = ("eth0", "eth1")
"""The host's links to its peers."""
POD_LEG = "eth2"
"""The host's link to its pods."""
GUEST_LEGS = ("docker0", "br-4f1c")
"""The host's links to its guests."""

OWN: dict[int, Address] = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8:f::1")}
"""The host's addresses."""
ON_LINK_OWN: Address = ip_address("fe80::f")
"""The host's address on each of these links."""
ON_LINK: tuple[Address, ...] = (ON_LINK_OWN, *map(ip_address, ("255.255.255.255", "224.0.0.1", "ff02::1")))
"""Where it hears what is for a link alone."""
PODS: dict[int, Address] = {4: ip_address("10.244.0.7"), 6: ip_address("fd00:10:244::7")}
"""A pod's addresses, to which the host forwards."""
SERVICES: dict[int, Address] = {4: ip_address("203.0.113.200"), 6: ip_address("2001:db8:2::200")}
"""A service's addresses, which are not the host's, but which it redirects."""
GUESTS: dict[str, dict[int, Network]] = {
    "docker0": {4: ip_network("10.88.0.0/25"), 6: ip_network("2001:db8:88::/121")},
    "br-4f1c": {4: ip_network("10.88.0.128/25"), 6: ip_network("2001:db8:88::80/121")},
}
"""The guests behind each of these links, to which the host forwards."""


def way_to(address: Address) -> str:
    """Return the link by which the host sends on what is for an address."""
    if address in (*PODS.values(), *SERVICES.values()):
        return POD_LEG
    return next((leg for leg, networks in GUESTS.items() if address in networks[address.version]), LEGS[0])
