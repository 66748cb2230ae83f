"""What redirects packets in the host, as kube-proxy, Docker and podman do: in rules, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import Address
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PROTOCOLS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet
from ansible_collections.gatehouse.firewall.tests.parity.places import GUESTS, ON_LINK, OWN, PODS, SERVICES, way_to

TO_OWN_PORTS = {8010: 8003, 30000: 8000, 30001: 30002, 30003: 9}
"""The ports that are redirected to another one of the host's own."""
TO_PODS = (8012, 30004, 30005)
"""The ports that are redirected to the same port of a pod."""
TO_GUESTS = {8014: ("docker0", 8001), 30006: ("br-4f1c", 30003), 30007: ("docker0", 9)}
"""The ports that are redirected to another one of a guest."""


def rules() -> str:
    """Return the ruleset for ``nft -f``. It says nothing of whether a packet may pass."""
    lines = [line for family in (4, 6) for line in _family(family)]
    return "\n".join(["table inet redirects {", "chain redirects {", _HOOK, *lines, "}", "}", ""])


_HOOK = "type nat hook prerouting priority dstnat; policy accept;"


def _family(family: int) -> Iterator[str]:
    ip = "ip" if family == 4 else "ip6"
    port = f"{ip} daddr {{ {OWN[family]}, {SERVICES[family]} }} meta l4proto {{ {', '.join(PROTOCOLS)} }} th dport"
    yield from (
        f"{port} {asked} dnat {ip} to {_with_port(OWN[family], became)}" for asked, became in TO_OWN_PORTS.items()
    )
    yield from (f"{port} {asked} dnat {ip} to {PODS[family]}" for asked in TO_PODS)
    for asked, (leg, became) in TO_GUESTS.items():
        yield f"{port} {asked} dnat {ip} to {_with_port(published_by(leg, family), became)}"


def published_by(leg: str, family: int) -> Address:
    """Return the guest to which the host redirects."""
    return GUESTS[leg][family][7]


def _with_port(address: Address, port: int) -> str:
    return f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"


def seen_by_host(packet: Packet) -> Packet:
    """Return an incoming packet with what the host does with it, rules aside."""
    packet = _redirected(replace(packet, to_host=packet.destination in (*OWN.values(), *ON_LINK)))
    if not is_passed_on(packet):
        return packet
    return replace(packet, leaves_by=way_to(packet.forwarded_to or packet.destination))


def _redirected(packet: Packet) -> Packet:
    # Address translation leaves alone what connection tracking calls invalid.
    asked = packet.destination in (*OWN.values(), *SERVICES.values())
    if packet.state != "new" or packet.protocol not in PROTOCOLS or not asked:
        return packet
    port, family = packet.port or 0, packet.destination.version
    if port in TO_PODS:
        return replace(packet, forwarded=True, forwarded_to=PODS[family])
    if port in TO_GUESTS:
        leg, became = TO_GUESTS[port]
        return replace(packet, forwarded=True, forwarded_to=published_by(leg, family), redirected_to=became)
    return replace(packet, redirected_to=TO_OWN_PORTS.get(port))


def is_passed_on(packet: Packet) -> bool:
    """Return whether the host sends an incoming packet on, if it may pass."""
    return packet.forwarded or (not packet.to_host and packet.redirected_to is None)
