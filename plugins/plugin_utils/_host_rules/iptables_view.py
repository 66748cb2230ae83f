# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A policy as one family of iptables sees it, where in the kernel packets are judged, and how a rule matches them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...module_utils._contract.kinds import DENIED_KINDS, FORWARD_IN, FORWARD_OUT, PRE_DNAT, way_of
from .._policy.compile import Policy
from .._values.addresses import AddressSet
from .ipsets import IpSet
from .peer_sets import interfaces_on, is_everybody

Chains = dict[str, list[str]]
"""The rules of our chains, by name."""

INTERFACE_MATCH = {"ingress": "-i", "egress": "-o"}
END = {kind: "dst" if way_of(kind) == "egress" else "src" for kind in DENIED_KINDS}
"""Which end of a packet is the peer, for sets."""

BY_PROTOCOL = {4: "-p icmp ", 6: "-p ipv6-icmp "}


@dataclass(frozen=True)
class Stage:
    """Where in the kernel packets are judged: our chain there, and what the chains of single ports begin with.

    A chain's name has at most 28 characters: ``GATEHOUSE-PRE-DNAT-SCTP-30000`` would have 29.
    """

    direction: str
    builtin: str
    chain: str
    of_ports: str
    kind: str

    @property
    def observed(self) -> str:
        """Return our chain for what is counted where it would be denied."""
        return f"{self.chain}-OBSERVED"

    @property
    def denied(self) -> str:
        """Return our chain for what is denied."""
        return f"{self.chain}-DENIED"


@dataclass(frozen=True)
class View:
    """A policy as one family sees it: without the other's addresses, and with its sets, by the peers' names."""

    family: int
    policy: Policy
    sets: Mapping[str, IpSet]


def address_matches(view: View, name: str, addresses: AddressSet, end: str) -> list[str]:
    """Return the match for who is at one end of a packet; none where there is none in this family."""
    if not addresses:
        return []
    if is_everybody(addresses.networks):
        return [""]
    return [f"-m set --match-set {view.sets[name].name} {end} "]


def interface_matches(view: View, stage: Stage, side: str) -> list[str]:
    """Return a match for each interface on a side; an empty one where any interface will do."""
    match = INTERFACE_MATCH[stage.direction]
    return [f"{match} {name} " for name in interfaces_on(view.policy, side)] or [""]


def comment(text: str) -> str:
    """Return what says in a rule what it is for."""
    return f'-m comment --comment "{text}" '


IN_AND_OUT = {
    "ingress": Stage("ingress", "INPUT", "GATEHOUSE-INPUT", "GATEHOUSE-INPUT", "ingress"),
    "egress": Stage("egress", "OUTPUT", "GATEHOUSE-OUTPUT", "GATEHOUSE-OUTPUT", "egress"),
}
PRE_DNAT_STAGE = Stage("ingress", "PREROUTING", "GATEHOUSE-PRE-DNAT", "GATEHOUSE-DNAT", PRE_DNAT)
CARRIED_STAGES = {
    FORWARD_IN: Stage("ingress", "FORWARD", "GATEHOUSE-FWD-IN", "GATEHOUSE-FWD-IN", FORWARD_IN),
    FORWARD_OUT: Stage("egress", "FORWARD", "GATEHOUSE-FWD-OUT", "GATEHOUSE-FWD-OUT", FORWARD_OUT),
}
