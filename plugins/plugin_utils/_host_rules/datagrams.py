# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The datagrams of a DHCP client, as nftables and iptables match them."""

from __future__ import annotations

from .._values.addresses import network_text
from .._values.always_allowed import Datagram

_KEYWORD = {4: "ip", 6: "ip6"}


def nftables_match(one: Datagram) -> str:
    """Return the match for a datagram in a table of both families."""
    ends = {"saddr": one.source, "daddr": one.destination}
    addresses = [f"{_KEYWORD[one.family]} {end} {network_text(network)}" for end, network in ends.items() if network]
    ports = {"sport": one.source_port, "dport": one.port}
    words = [
        *(addresses or [f"meta nfproto ipv{one.family}"]),
        *(f"udp {end} {port}" for end, port in ports.items() if port),
        *(["fib daddr type local"] if one.to_host else []),
    ]
    return " ".join(words)


def iptables_match(one: Datagram) -> str:
    """Return the match for a datagram in a table of its family."""
    ends = {"-s": one.source, "-d": one.destination}
    ports = {"--sport": one.source_port, "--dport": one.port}
    words = [
        *(f"{option} {network}" for option, network in ends.items() if network),
        "-p udp -m udp",
        *(f"{option} {port}" for option, port in ports.items() if port),
        *(["-m addrtype --dst-type LOCAL"] if one.to_host else []),
    ]
    return " ".join(words)
