"""LoadBalancer services and Ingress controllers that workers answer for: each at its own address, on either backend."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import Lab, playbook
from prober import Probe, disagreements, listening

SCENARIO = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
PUBLIC = "eth1"
BALANCERS = {"worker1": ["203.0.113.221", "2001:db8:2::d1"], "worker2": ["203.0.113.222", "2001:db8:2::d2"]}
CONTROLLERS = {"worker1": ["203.0.113.223"], "worker2": ["2001:db8:2::d3"]}
OPEN = {"balancer": [443, 31443], "controller": [80], "worker": []}
ASKED = [22, 80, 443, 31443, 31444]


def frontends(addresses: dict[str, list[str]], ports: list[int]) -> list[dict[str, object]]:
    return [{"address": one, "ports": [f"{port}/tcp" for port in ports]} for own in addresses.values() for one in own]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Return the hardened workers, which have the balancers' addresses beside their own, and listen everywhere."""
    lab = Lab(SCENARIO / "inventory")
    for name, addresses in [*BALANCERS.items(), *CONTROLLERS.items()]:
        for address in addresses:
            length, nodad = ("/64", "nodad") if ":" in address else ("/25", "")
            lab.run(name, "sh", "-c", f"ip address replace {address}{length} dev {PUBLIC} {nodad}")
    options = {
        "block_node_ports": True,
        "load_balancers": frontends(BALANCERS, OPEN["balancer"]),
        "ingress": frontends(CONTROLLERS, OPEN["controller"]),
    }
    done = playbook("harden", f"--extra-vars={json.dumps({'gatehouse_options': options})}", inventory=lab.inventory)
    assert done.returncode == 0, done.stdout + done.stderr
    with listening(lab.namespaces, ASKED, ASKED):
        yield lab


@pytest.fixture(scope="module")
def expected(lab: Lab) -> dict[Probe, bool]:
    """Return what a stranger on the public network may ask of each address."""
    own = {name: [lab.hosts[name].address("public", family) for family in (4, 6)] for name in BALANCERS}
    kinds = {"balancer": BALANCERS, "controller": CONTROLLERS, "worker": own}
    return {
        Probe("stranger", "", name, address, protocol, port): protocol == "tcp" and port in OPEN[kind]
        for kind, hosts in kinds.items()
        for name, addresses in hosts.items()
        for address in addresses
        for protocol in ("tcp", "udp")
        for port in ASKED
    }


def test_each_answers_at_its_own_address_and_nowhere_else(lab: Lab, expected: dict[Probe, bool]) -> None:
    assert set(expected.values()) == {True, False}
    assert disagreements(expected, lab.namespaces, closed_passes=False) == []


def test_everything_answers_everywhere_without_our_rules(lab: Lab, expected: dict[Probe, bool]) -> None:
    lab.unload()
    assert disagreements(dict.fromkeys(expected, True), lab.namespaces, closed_passes=False) == []
