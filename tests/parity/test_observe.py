"""Random packets against random policies: what verdict() denies is counted, where it passes and where it doesn't.

On hosts that only observe, in both directions, in one, or where they forward, it passes.
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
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.kinds import (
    FORWARD_IN,
    FORWARD_OUT,
    FORWARDED,
    PRE_DNAT,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import Address
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS, FORWARD
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PROTOCOLS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import (
    Packet,
    Verdict,
    is_judged_before_dnat,
    judgements,
    lets_through,
)
from ansible_collections.gatehouse.firewall.tests.parity.backends import Backend
from ansible_collections.gatehouse.firewall.tests.parity.cases import Case, cases, tried
from ansible_collections.gatehouse.firewall.tests.parity.check import Bench
from ansible_collections.gatehouse.firewall.tests.parity.report import packet_lines, policy_lines
from hypothesis import given

INVALID = "connection tracking calls it invalid"
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


def keys(policy: Policy, packet: Packet, backend: Backend) -> Iterator[Key]:
    """Yield as what a packet is to be counted by each stage that would deny it, up to the one that does."""
    for kind, found in judgements(policy, packet):
        if not found.allowed and is_counted(packet, found):
            kind_there, peer, port = key(policy, kind, packet, backend)
            yield kind_there, str(peer), packet.protocol, (port or 0) if packet.protocol in PROTOCOLS else 0
        if not (found.allowed or policy.observes(kind)):
            return


def is_counted(packet: Packet, denial: Verdict) -> bool:
    """Return whether a denial is counted: not where a flow could not help.

    Guests of isolated hosts are kept apart before it matters what is invalid, but broken TCP begins nothing.
    """
    return packet.state != "invalid" or (denial.reason != INVALID and packet.protocol != "tcp")


def key(policy: Policy, kind: str, packet: Packet, backend: Backend) -> tuple[str, Address, int | None]:
    """Return kind, peer and port: the port that was asked for where that is judged, and a denial before DNAT by a word.

    Of what comes in for guests, iptables knows only which port it became.
    """
    became = packet.port if packet.redirected_to is None else packet.redirected_to
    if kind == FORWARD_OUT:
        return kind, packet.forwarded_to or packet.destination, became
    if kind == FORWARD_IN:
        return kind, packet.source, packet.port if backend.name == "nftables" else became
    if not is_judged_before_dnat(policy, packet):
        return kind, packet.peer, became
    return "ingress" if policy.observes(PRE_DNAT) else PRE_DNAT, packet.peer, packet.port


def passed_over(policy: Policy, packet: Packet, key: Key) -> bool:
    """Return whether a packet may go uncounted.

    On a port that is judged before DNAT, but to an unknown service; or from no address at all, which ipset can't hold.
    """
    asked = policy.pre_dnat_ports.holds(packet.protocol, packet.port)
    known = is_judged_before_dnat(policy, packet)
    unknown_service = packet.redirected_to is not None and asked and not known
    before = key[0] == FORWARD_IN and asked and policy.observes(PRE_DNAT) and policy.observes(FORWARD_IN)
    return unknown_service or before or packet.peer.is_unspecified


@pytest.mark.parametrize("start", [secrets.randbelow(1_000_000)], ids=lambda start: f"seed {start}")
@pytest.mark.parametrize(
    ("observe", "policies"),
    [((*DIRECTIONS, FORWARD), 10), ((), 10), (("egress", FORWARD), 4), (("ingress",), 4), ((FORWARD,), 4)],
    ids=["all", "none", "egress and forward", "ingress", "forward"],
)
def test_what_a_host_denies_or_would_deny_is_counted_and_passes_where_it_observes(
    benches: list[Bench], start: int, observe: tuple[str, ...], policies: int
) -> None:
    total = {"packets": 0, "denied": 0, "forwarded": 0}

    @tried(start, policies)
    @given(case=cases())
    def try_it(case: Case) -> None:
        policy = replace(case.policy, observe=observe)
        packets = list(case.packets)
        for bench in benches:
            bench.backend.load(policy, bench.wire.host)
            bench.wire.forget()
            passed = dict(zip(packets, bench.wire.passed(packets)))
            found = {packet: list(keys(policy, packet, bench.backend)) for packet in packets}
            possible = {key for own in found.values() for key in own}
            expected = {key for packet in packets for key in found[packet] if not passed_over(policy, packet, key)}
            known = counted(bench)
            wrong = (expected - known) | (known - possible)
            strange = [one for one in packets if passed[one] != lets_through(policy, one) or wrong & {*found[one]}]
            shown = [packet_lines(policy, packet, {bench.backend.name: passed[packet]}) for packet in strange[:2]]
            lines = [bench.backend.name, str(wrong), *policy_lines(policy), *chain.from_iterable(shown)]
            assert (wrong, strange) == (set(), []), "\n".join(lines)
        total["packets"] += len(packets)
        total["denied"] += len([own for own in found.values() if own])
        total["forwarded"] += len([key for own in found.values() for key in own if key[0] in FORWARDED])

    try_it()
    assert 0 < total["forwarded"] < total["denied"] < total["packets"]
