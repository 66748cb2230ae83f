"""What passes and what dies between the hosts, as tests/packets/expected/ has it by hand, with every host hardened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from containers import Lab
from expectations import Expectation, hardened_probes, read
from prober import Probe, disagreements, listening

NAME = "circleci_server_4"


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    return read(NAME)


@pytest.fixture(scope="module")
def expected(lab: Lab, expectation: Expectation) -> dict[Probe, bool]:
    return hardened_probes(lab.hosts, expectation)


@pytest.fixture(scope="module", autouse=True)
def _listening(lab: Lab, expectation: Expectation) -> Iterator[None]:
    tcp, udp = ([port for kind, port in expectation.probed if kind == wanted] for wanted in ("tcp", "udp"))
    with listening(lab.namespaces, tcp, udp):
        yield


def test_packets_pass_and_die_as_expected(lab: Lab, expected: dict[Probe, bool]) -> None:
    assert disagreements(expected, lab.namespaces, closed_passes=False) == []


def test_every_packet_passes_without_our_table_until_the_unit_loads_it_again(
    lab: Lab, expected: dict[Probe, bool]
) -> None:
    before = lab.rulesets()
    lab.unload()
    try:
        assert disagreements(dict.fromkeys(expected, True), lab.namespaces, closed_passes=False) == []
    finally:
        lab.everywhere("systemctl restart gatehouse-firewall.service")
    assert lab.rulesets() == before
