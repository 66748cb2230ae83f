"""What redirects packets in the host, as kube-proxy, Docker and podman do: in rules, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import Address
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PROTOCOLS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet
from ansible_collections.gatehouse.firewall.tests.parity.places import ON_LINK, OWN, PODS, SERVICES

TO_OWN_PORTS = {8010: 8003, 30000: 8000, 30001: 30002, 30003: 9}
"""The ports that are redirected to another one of the host's own."""
TO_PODS = (8012, 30004, 30005)
"""The ports that are redirected to the same port of a pod."""


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


def _with_port(address: Address, port: int) -> str:
    return f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"


def seen_by_host(packet: Packet) -> Packet:
    """Return an incoming packet with what the host does with it, rules aside."""
    to_host = packet.destination in (*OWN.values(), *ON_LINK)
    # Address translation leaves alone what connection tracking calls invalid.
    if packet.state != "new" or packet.protocol not in PROTOCOLS or packet.destination in PODS.values():
        return replace(packet, to_host=to_host)
    own_port = TO_OWN_PORTS.get(packet.port or 0)
    return replace(packet, to_host=to_host, redirected_to=own_port, forwarded=packet.port in TO_PODS)


def is_passed_on(packet: Packet) -> bool:
    """Return whether the host sends an incoming packet on, if it may pass."""
    return packet.forwarded or (not packet.to_host and packet.redirected_to is None)
