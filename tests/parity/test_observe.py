"""Random packets against random policies: what verdict() denies is counted, where it passes and where it doesn't.

On hosts that only observe, in both directions or in one, it passes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import (
    Element,
    filled_by_ipset,
    filled_by_nft,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.kinds import PRE_DNAT
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PROTOCOLS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import (
    Packet,
    is_judged_before_dnat,
    lets_through,
    verdict,
)
from ansible_collections.gatehouse.firewall.tests.parity.cases import Case, cases, tried
from ansible_collections.gatehouse.firewall.tests.parity.check import Bench
from ansible_collections.gatehouse.firewall.tests.parity.report import packet_lines, policy_lines
from hypothesis import given

Key = tuple[str, str, str, int]


def counted(bench: Bench) -> set[Key]:
    """Return what the kernel behind a backend has counted."""
    elements: list[Element] | None
    if bench.backend.name == "nftables":
        elements = filled_by_nft(bench.wire.host.run("nft", "list", "table", "inet", "gatehouse"))
    else:
        names = bench.wire.host.run("ipset", "list", "-n").split()
        elements = filled_by_ipset(bench.wire.host.run("ipset", "save"), names)
    assert elements is not None
    return {one.key for one in elements}


def key(policy: Policy, packet: Packet) -> Key:
    """Return as what a packet is to be counted: by the port that was asked for where that is judged.

    A denial before DNAT has a word of its own.
    """
    redirected = packet.redirected_to is not None and not is_judged_before_dnat(policy, packet)
    port = packet.redirected_to if redirected else packet.port
    direction = packet.direction
    if not policy.observes(direction) and direction == "ingress" and is_judged_before_dnat(policy, packet):
        direction = PRE_DNAT
    return (direction, str(packet.peer), packet.protocol, (port or 0) if packet.protocol in PROTOCOLS else 0)


def denied(policy: Policy, packets: list[Packet]) -> Iterator[Packet]:
    """Yield what an enforcing host would deny, and a flow could allow."""
    return (packet for packet in packets if packet.state != "invalid" and not verdict(policy, packet).allowed)


def passed_over(policy: Policy, packet: Packet) -> bool:
    """Return whether a packet may go uncounted.

    On a port that is judged before DNAT, but to an unknown service; or from no address at all, which ipset can't hold.
    """
    asked = policy.pre_dnat_ports.holds(packet.protocol, packet.port)
    unknown_service = packet.redirected_to is not None and asked and not is_judged_before_dnat(policy, packet)
    return unknown_service or packet.peer.is_unspecified


@pytest.mark.parametrize("start", [secrets.randbelow(1_000_000)], ids=lambda start: f"seed {start}")
@pytest.mark.parametrize(
    ("observe", "policies"),
    [(DIRECTIONS, 10), ((), 10), (("egress",), 4), (("ingress",), 4)],
    ids=["both", "none", "egress", "ingress"],
)
def test_what_a_host_denies_or_would_deny_is_counted_and_passes_where_it_observes(
    benches: list[Bench], start: int, observe: tuple[str, ...], policies: int
) -> None:
    total = {"packets": 0, "denied": 0}

    @tried(start, policies)
    @given(case=cases())
    def try_it(case: Case) -> None:
        policy = replace(case.policy, observe=observe)
        packets = list(case.packets)
        found = list(denied(policy, packets))
        expected = {key(policy, packet) for packet in found if not passed_over(policy, packet)}
        possible = {key(policy, packet) for packet in found}
        for bench in benches:
            bench.backend.load(policy, bench.wire.host)
            bench.wire.forget()
            passed = dict(zip(packets, bench.wire.passed(packets)))
            known = counted(bench)
            wrong = (expected - known) | (known - possible)
            strange = [one for one in packets if passed[one] != lets_through(policy, one) or key(policy, one) in wrong]
            shown = [packet_lines(policy, packet, {bench.backend.name: passed[packet]}) for packet in strange[:2]]
            lines = [bench.backend.name, str(wrong), *policy_lines(policy), *chain.from_iterable(shown)]
            assert (wrong, strange) == (set(), []), "\n".join(lines)
        total["packets"] += len(packets)
        total["denied"] += len(found)

    try_it()
    assert 0 < total["denied"] < total["packets"]
