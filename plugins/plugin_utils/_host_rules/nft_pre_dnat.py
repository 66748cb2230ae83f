# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How an nftables ruleset judges what the host may redirect before it does: node ports, and what containers publish."""

from __future__ import annotations

from collections.abc import Iterator

from ...module_utils._contract.kinds import PRE_DNAT
from .._model.node_classes import PreDnat
from .._policy.compile import Policy
from .._values.ports import PROTOCOLS
from .nft_denied import invalid, refusal
from .nft_flows import dhcp_clients, peer_matches, quoted
from .nft_text import chain
from .peer_sets import interfaces_on, stages
from .port_segments import range_text


def pre_dnat_chains(policy: Policy) -> Iterator[str]:
    """Yield the stage between connection tracking and everybody's DNAT, for what is asked of the host itself."""
    if not policy.pre_dnat:
        return
    yield from chain(
        "pre_dnat_flows",
        [
            invalid(policy, PRE_DNAT),
            "jump input_flows",
            *dhcp_clients(policy, "ingress"),
            refusal(policy, PRE_DNAT),
        ],
    )
    for number, (_name, stage) in enumerate(stages(policy)):
        ports = (f"{protocol} dport {{ {item} }} goto pre_dnat_flows" for protocol, item in _ports(stage))
        yield from chain(_chain_of_ports(number), ports)
    yield from chain("pre_dnat_destinations", _destinations(policy))


def _chain_of_ports(number: int) -> str:
    return f"pre_dnat_ports_{number}" if number else "pre_dnat_ports"


def _ports(stage: PreDnat) -> Iterator[tuple[str, str]]:
    """Yield each protocol of a stage with its ports."""
    for protocol in PROTOCOLS:
        ports = ", ".join(range_text(item, "-") for item in stage.ports.ranges if item.protocol == protocol)
        if ports:
            yield protocol, ports


def observed_before(policy: Policy) -> Iterator[str]:
    """Yield what lets through, on a host that observes, what came by before DNAT, and has the rest counted."""
    if policy.observes("ingress"):
        yield from chain("observed_input", [*counted_before(policy), "goto observed_ingress"])


def counted_before(policy: Policy) -> Iterator[str]:
    """Yield what passes over packets that came by before DNAT, whatever they were redirected to."""
    for _name, stage in stages(policy):
        for protocol, ports in _ports(stage):
            match = f"meta l4proto {protocol} ct original proto-dst {{ {ports} }}"
            yield f'{_on(policy, stage)}{match} accept comment "counted before DNAT"'


def _destinations(policy: Policy) -> Iterator[str]:
    several = len(policy.pre_dnat) > 1
    for number, (name, stage) in enumerate(stages(policy)):
        interface = _on(policy, stage)
        if interface and not several:
            yield f"{interface.replace('iifname', 'iifname !=')}accept"
            interface = ""
        # jump: what isn't for the ports of one stage comes back for the next.
        how = f"{'jump' if several else 'goto'} {_chain_of_ports(number)}"
        # A destination is matched as an egress peer is.
        for match in peer_matches("egress", name, stage.addresses):
            yield f"{interface}{match}{how}"
        yield f"{interface}fib daddr type {{ local, broadcast, multicast }} {how}"


def _on(policy: Policy, stage: PreDnat) -> str:
    """Return the match for the interfaces on which a stage judges; nothing where these are all."""
    names = interfaces_on(policy, stage.side)
    return f"iifname {quoted(names)} " if names else ""
