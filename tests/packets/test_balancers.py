"""LoadBalancer services and Ingress controllers that workers answer for: each at its own address, on either backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import Lab, running
from plans import Planner
from prober import Probe, disagreements, listening
from systems import SYSTEMS

IKS = SYSTEMS["iks"]
PUBLIC = "eth1"
BALANCERS = {"worker1": ["203.0.113.221", "2001:db8:2::d1"], "worker2": ["203.0.113.222", "2001:db8:2::d2"]}
CONTROLLERS = {"worker1": ["203.0.113.223"], "worker2": ["2001:db8:2::d3"]}
OPEN = {"balancer": [443, 31443], "controller": [80], "worker": []}
ASKED = [22, 80, 443, 31443, 31444]


def frontends(addresses: dict[str, list[str]], ports: list[int]) -> list[dict[str, object]]:
    return [{"address": one, "ports": [f"{port}/tcp" for port in ports]} for own in addresses.values() for one in own]


@pytest.fixture(scope="module")
def workers(planner: Planner) -> Iterator[Lab]:
    """The hardened workers, which have the balancers' addresses beside their own, and listen everywhere."""
    options = {
        "block_node_ports": True,
        "load_balancers": frontends(BALANCERS, OPEN["balancer"]),
        "ingress": frontends(CONTROLLERS, OPEN["controller"]),
    }
    plan = planner.start("balancers", {"gatehouse_options": options}, inventory=IKS.inventory)
    with running(IKS.hosts) as lab, listening(lab.namespaces, ASKED, ASKED):
        for name, addresses in [*BALANCERS.items(), *CONTROLLERS.items()]:
            for address in addresses:
                length, nodad = ("/64", ["nodad"]) if ":" in address else ("/25", [])
                lab.run(name, "ip", "address", "add", f"{address}{length}", "dev", PUBLIC, *nodad)
        lab.harden(BALANCERS, plan.result())
        yield lab


@pytest.fixture(scope="module")
def expected(workers: Lab) -> dict[Probe, bool]:
    """Return what a stranger on the public network may ask of each address."""
    own = {name: [workers.hosts[name].address("public", family) for family in (4, 6)] for name in BALANCERS}
    kinds = {"balancer": BALANCERS, "controller": CONTROLLERS, "worker": own}
    return {
        Probe("stranger", "", name, address, protocol, port): protocol == "tcp" and port in OPEN[kind]
        for kind, hosts in kinds.items()
        for name, addresses in hosts.items()
        for address in addresses
        for protocol in ("tcp", "udp")
        for port in ASKED
    }


def test_each_answers_at_its_own_address_and_nowhere_else(workers: Lab, expected: dict[Probe, bool]) -> None:
    assert set(expected.values()) == {True, False}
    assert disagreements(expected, workers.namespaces, closed_passes=False) == []


def test_everything_answers_everywhere_without_our_rules(workers: Lab, expected: dict[Probe, bool]) -> None:
    workers.unload()
    assert disagreements(dict.fromkeys(expected, True), workers.namespaces, closed_passes=False) == []
