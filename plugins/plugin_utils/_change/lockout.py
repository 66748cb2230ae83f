# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Who manages a host, and how they stay able to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv6Address, ip_address

from .._model.antispoof import OFF
from .._model.carries import Carries
from .._model.denied import Denied
from .._model.deny import SILENT
from .._policy.compile import Policy
from .._values.addresses import Address
from .._values.direction import DIRECTIONS, FORWARD
from .._values.ports import PortRange, PortSet
from .._verdict.packet import Packet, is_spoofed, verdict_by_any_interface

_CUT_AS_SPOOFED = (
    "This ruleset would cut this controller off: it reaches the host from {0} by {1}, packets to it leave by {2}, and "
    "gatehouse_antispoof: {3} takes that for a spoofed source. Have this host route it by {1}, set "
    "gatehouse_antispoof: off for this host, or set gatehouse_allow_self_lockout: true"
)


def lockout(policy: Policy, management: Mapping[str, object]) -> str:
    """Return why a policy would refuse a new connection like the controller's; an empty text where it wouldn't.

    One that only observes what comes in refuses nothing.

    ``management`` has the connection's ``source`` and ``destination`` addresses and its ``port`` (tcp), as the host
    sees them; and where sources are judged, the interface it ``comes_by`` and the one by which packets ``go_back``.
    Raises ValueError where these are no addresses.
    """
    source, destination = (unmapped(management[end]) for end in ("source", "destination"))
    port = int(str(management["port"]))
    # Which interface it comes in by isn't known: any one on which a flow would let it in counts.
    packet = Packet("ingress", source, destination, "tcp", port=port)
    if policy.observes("ingress"):
        return ""
    comes_by, goes_back = (str(management.get(key) or "") for key in ("comes_by", "goes_back"))
    if is_spoofed(policy, replace(packet, interface=comes_by, back=goes_back)):
        return _CUT_AS_SPOOFED.format(source, comes_by, goes_back, policy.antispoof)
    if verdict_by_any_interface(policy, packet).allowed:
        return ""
    near = {f"{rule.flow} (from {rule.peer})": None for rule in policy.ingress if rule.ports.holds("tcp", port)}
    almost = (
        f"That port is open by {', '.join(near)}, but not to this address: add it to one of these peers"
        if near
        else f"Add a flow for it, from a zone that has {source}"
    )
    return (
        f"This ruleset would cut this controller off: it reaches the host from {source} at port {port}/tcp, and no "
        f"flow to {' or '.join(policy.classes)} allows that. {almost}, or set gatehouse_allow_self_lockout: true"
    )


def unmapped(text: object) -> Address:
    """Return an address of a connection; IPv4 inside IPv6, as a socket of both families says it, as IPv4."""
    address = ip_address(str(text))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def fail_closed(policy: Policy, port: int) -> Policy | None:
    """Return what is left of a policy where its ruleset can't be loaded: who may manage the host at this tcp port.

    Where there is none, all that comes in by a flow: any of it may be the way to mend the host. None where it
    only observes: a host that denies nothing stays open.
    """
    if all(map(policy.observes, DIRECTIONS)):
        return None
    management = PortSet.of([PortRange("tcp", port, port)])
    flows = [replace(rule, ports=management) for rule in policy.ingress if rule.ports.holds("tcp", port)]
    carries = Carries() if policy.observes(FORWARD) else policy.carries
    simple = replace(policy, antispoof=OFF, denied=Denied(keep=False), deny=SILENT, carries=carries)
    return replace(simple, ingress=tuple(flows) or policy.ingress, egress=())
