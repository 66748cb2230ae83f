"""Every row of a scenario's system, in each of its variants, as packets between hosts of either backend."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import Lab, playbook
from expectations import Expectation, hardened_probes, read
from prober import Probe, disagreements, listening

SCENARIO = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
EXPECTED = SCENARIO / "expected"
VARIANTS = {path.stem: read(path.stem, EXPECTED) for path in sorted(EXPECTED.glob("*.yml"))}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Return the scenario's hosts, who all listen on whatever port is asked for."""
    lab = Lab(SCENARIO / "inventory")
    ports = {port for variant in VARIANTS.values() for _protocol, port in variant.probed}
    with listening(lab.namespaces, ports, ports):
        yield lab


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=VARIANTS)
def variant(lab: Lab, request: pytest.FixtureRequest) -> Expectation:
    """Return what is expected of the fleet, hardened with what a user sets for this variant."""
    variant: Expectation = request.param
    done = playbook("harden", f"--extra-vars={json.dumps(variant.variables(lab.hosts))}", inventory=lab.inventory)
    assert done.returncode == 0, done.stdout + done.stderr
    return variant


@pytest.fixture(scope="module")
def expected(lab: Lab, variant: Expectation) -> dict[Probe, bool]:
    return hardened_probes(lab.hosts, variant)


def test_packets_pass_and_die_as_the_rows_say(lab: Lab, expected: dict[Probe, bool]) -> None:
    assert set(expected.values()) == {True, False}
    assert disagreements(expected, lab.namespaces, closed_passes=False) == []


def test_every_packet_passes_without_our_rules(lab: Lab, expected: dict[Probe, bool]) -> None:
    lab.unload()
    assert disagreements(dict.fromkeys(expected, True), lab.namespaces, closed_passes=False) == []


def test_every_host_asks_and_is_asked_over_each_of_its_networks(lab: Lab, expected: dict[Probe, bool]) -> None:
    asked = {(probe.source, probe.source_address) for probe in expected}
    answering = {(probe.target, probe.target_address) for probe in expected}
    own = {(name, address) for name in lab.managed for address in lab.hosts[name].addresses}
    assert own <= asked
    assert own <= answering
