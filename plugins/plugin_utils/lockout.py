"""Whether a policy would cut the one who applies it off."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from .compile import Policy
from .verdict import Packet, verdict


def lockout(policy: Policy, management: Mapping[str, object]) -> str:
    """Return why a policy would refuse a new connection like the controller's; an empty text where it wouldn't.

    ``management`` has the connection's ``source`` and ``destination`` addresses and its ``port`` (tcp), as the host
    sees them. Raises ValueError where these are no addresses.
    """
    source, destination = ip_address(str(management["source"])), ip_address(str(management["destination"]))
    port = int(str(management["port"]))
    # Which interface it comes in by isn't known: any one on which a flow would let it in counts.
    interfaces = ["", *(name for names in policy.interfaces.values() for name in names)]
    packets = [
        Packet("ingress", source, destination, "tcp", port=port, interface=interface) for interface in interfaces
    ]
    if any(verdict(policy, packet).allowed for packet in packets):
        return ""
    return (
        f"This ruleset would cut this controller off: it reaches the host from {source} at port {port}/tcp, and no "
        f"flow to {policy.node_class} allows that. Add the address to the zone of one that does (in a profile, "
        f"ssh_admin), or set gatehouse_allow_self_lockout: true"
    )
