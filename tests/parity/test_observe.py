"""Random packets against random policies that only observe: all pass, and what verdict() denies is counted."""

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
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PROTOCOLS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import (
    Packet,
    is_judged_before_dnat,
    verdict,
)
from ansible_collections.gatehouse.firewall.tests.parity.cases import Case, cases, tried
from ansible_collections.gatehouse.firewall.tests.parity.check import Bench
from ansible_collections.gatehouse.firewall.tests.parity.report import packet_lines, policy_lines
from hypothesis import given

POLICIES = 20
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
    """Return as what a packet is to be counted: by the port that was asked for where that is judged."""
    redirected = packet.redirected_to is not None and not is_judged_before_dnat(policy, packet)
    port = packet.redirected_to if redirected else packet.port
    return (packet.direction, str(packet.peer), packet.protocol, (port or 0) if packet.protocol in PROTOCOLS else 0)


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
def test_every_packet_passes_and_what_a_host_would_deny_is_counted(benches: list[Bench], start: int) -> None:
    total = {"packets": 0, "denied": 0}

    @tried(start, POLICIES)
    @given(case=cases())
    def try_it(case: Case) -> None:
        observing = replace(case.policy, observe=True)
        packets = list(case.packets)
        found = list(denied(case.policy, packets))
        expected = {key(case.policy, packet) for packet in found if not passed_over(case.policy, packet)}
        possible = {key(case.policy, packet) for packet in found}
        for bench in benches:
            bench.backend.load(observing, bench.wire.host)
            bench.wire.forget()
            passed = dict(zip(packets, bench.wire.passed(packets)))
            known = counted(bench)
            wrong = (expected - known) | (known - possible)
            strange = [packet for packet in packets if not passed[packet] or key(case.policy, packet) in wrong]
            shown = [packet_lines(case.policy, packet, {bench.backend.name: passed[packet]}) for packet in strange[:2]]
            lines = [bench.backend.name, str(wrong), *policy_lines(case.policy), *chain.from_iterable(shown)]
            assert (wrong, all(passed.values())) == (set(), True), "\n".join(lines)
        total["packets"] += len(packets)
        total["denied"] += len(found)

    try_it()
    assert 0.1 < total["denied"] / total["packets"] < 0.9
