"""Every row of every system that is data alone, in each of its variants, as packets between hosts of either backend."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest
from expectations import Round, ask_round, hardened_probes
from lab import Lab
from systems import SYSTEMS, VARIANTS, System

Plans = dict[tuple[str, str], Future[Path]]


@pytest.fixture(scope="module", params=VARIANTS, ids="-".join)
def asked(systems: dict[str, Lab], system_plans: Plans, request: pytest.FixtureRequest) -> Round:
    """Ask everything of the hardened fleet, and again without our rules."""
    name, variant = request.param
    system, lab = SYSTEMS[name], systems[name]
    lab.harden(system.managed(variant), system_plans[name, variant].result())
    expectation = system.variants[variant]
    return ask_round(lab, expectation, hardened_probes(system.hosts, expectation))


def test_packets_pass_and_die_as_the_rows_say(asked: Round) -> None:
    assert set(asked.expected.values()) == {True, False}
    assert asked.wrong == []


def test_every_packet_passes_without_our_rules(asked: Round) -> None:
    assert asked.wrong_without_table == []


def test_every_host_asks_and_is_asked_over_each_of_its_networks(asked: Round) -> None:
    sources = {(probe.source, probe.source_address) for probe in asked.expected}
    targets = {(probe.target, probe.target_address) for probe in asked.expected}
    system = next(system for system in SYSTEMS.values() if asked.expectation in system.variants.values())
    own = {
        (name, address) for name in system.managed(asked.expectation.name) for address in system.hosts[name].addresses
    }
    assert own <= sources
    assert own <= targets


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_a_system_has_hosts_of_either_backend(system: System, system_plans: Plans) -> None:
    for variant in system.variants:
        files = {path.suffix for path in system_plans[system.name, variant].result().iterdir()}
        assert {".nft", ".ipset"} <= files
