"""Random packets against random policies: every kernel decides as verdict() says."""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_address, ip_network

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet
from ansible_collections.gatehouse.firewall.tests.parity.cases import Case
from ansible_collections.gatehouse.firewall.tests.parity.check import (
    Bench,
    Tally,
    hold,
    hold_case,
)
from ansible_collections.gatehouse.firewall.tests.parity.places import SERVICES
from ansible_collections.gatehouse.firewall.tests.parity.policies import EVERYBODY
from ansible_collections.gatehouse.firewall.tests.parity.redirects import seen_by_host
from ansible_collections.gatehouse.firewall.tests.parity.traffic import between

PACKETS = int(os.environ.get("GATEHOUSE_PARITY_PACKETS", "20000"))
SEED = int(os.environ.get("GATEHOUSE_PARITY_SEED") or secrets.randbelow(1_000_000))


def test_the_kernels_and_verdict_agree_on_every_random_packet(
    benches: list[Bench], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nparity: GATEHOUSE_PARITY_SEED={SEED} asks the same again")

    tally = hold(benches, PACKETS, SEED)

    with capsys.disabled():
        print(f"parity: 0 disagreements in {tally}")
    assert tally.packets >= PACKETS
    assert 0.05 < tally.reasons["a flow allows it"] / tally.packets < 0.9
    assert len(tally.reasons) == 12, "each of verdict()'s reasons for a new packet decides some of them"


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_icmp_inside_the_other_family_is_not_essential(benches: list[Bench], direction: str) -> None:
    packets = [
        between(direction, ip_address(peer), "eth0", protocol, icmp_type=number, state="invalid")
        for peer, protocol in (("198.18.0.7", "icmpv6"), ("2001:db8:ffff::7", "icmp"))
        for number in (1, 3, 8, 11, 128, 135)
    ]

    hold_case(benches, Case(Policy(("web",)), packets), Tally())


def test_a_service_redirected_to_the_host_itself_is_judged_by_the_new_port(benches: list[Bench]) -> None:
    hold_case(benches, Case(Policy(("web",)), [_to_a_service("new")]), Tally())


def test_what_is_invalid_never_reaches_a_service_that_is_judged_before_dnat(benches: list[Bench]) -> None:
    ports = PortSet.parse("30000/tcp")
    stage = PreDnat(ports, AddressSet.of([ip_network(SERVICES[4])]))
    policy = Policy(("web",), (Rule("all", "world", EVERYBODY, ports),), pre_dnat=(stage,))

    hold_case(benches, Case(policy, [_to_a_service("invalid")]), Tally())


def _to_a_service(state: str) -> Packet:
    ends = (ip_address("198.18.0.7"), SERVICES[4])
    return seen_by_host(Packet("ingress", *ends, "tcp", 30000, 20000, interface="eth0", state=state))
