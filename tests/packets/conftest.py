"""One lab and one set of plans for all packet tests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import expectations
from lab import Lab, read_hosts, running
from plans import Planner
from prober import listening
from systems import SYSTEMS

CONFIGURATIONS = sorted(path.stem for path in expectations.FOLDER.glob("*.yml"))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    missing = [tool for tool in ("conntrack", "ip", "ipset", "iptables", "nft") if not shutil.which(tool)]
    assert not missing, f"packet tests need the programs {missing}: `.ci/need lab` says how to get them"
    assert os.geteuid() == 0, "packet tests need root, for network namespaces"
    hosts = read_hosts()
    ports = sorted({port for _protocol, port in expectations.read("circleci_server_4").probed})
    with running(hosts) as lab, listening(lab.namespaces, ports, ports):
        yield lab


@pytest.fixture(scope="session")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    planner = Planner(tmp_path_factory.mktemp("plans"))
    yield planner
    planner.pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def plans(planner: Planner) -> dict[str, Future[Path]]:
    """Every plan of CircleCI Server 4 that a test here needs, under way since the first of them asked."""
    hosts = read_hosts()
    wanted = {name: expectations.read(name).variables(hosts) for name in CONFIGURATIONS}
    started = {name: planner.start(name, variables) for name, variables in wanted.items()}
    started["only_nomad1"] = planner.start("only_nomad1", {}, "--limit", "nomad1")
    started["no_echo"] = planner.start("no_echo", {"gatehouse_echo_request": False})
    return started


@pytest.fixture(scope="session")
def system_plans(planner: Planner) -> dict[tuple[str, str], Future[Path]]:
    """Every variant's plan of every system, under way since the first test asked."""
    return {
        (system.name, variant): plan
        for system in SYSTEMS.values()
        for variant, plan in system.start_plans(planner).items()
    }


@pytest.fixture(scope="session")
def systems() -> Iterator[dict[str, Lab]]:
    """The hosts of every system, each system on networks of its own."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(system.running()) for name, system in SYSTEMS.items()}


@pytest.fixture(scope="session", params=CONFIGURATIONS)
def expectation(request: pytest.FixtureRequest) -> expectations.Expectation:
    return expectations.read(request.param)


@pytest.fixture(scope="session")
def one_end(lab: Lab, plans: dict[str, Future[Path]], expectation: expectations.Expectation) -> expectations.Round:
    """Every class' first host is hardened and asks, or is asked by, hosts that are not."""
    firsts = [expectation.hosts[managed][0] for managed in expectation.managed]
    lab.harden(firsts, plans[expectation.name].result())
    return expectations.ask_round(lab, expectation, expectations.one_end_probes(lab, expectation))


@pytest.fixture(scope="session")
def both_ends(lab: Lab, plans: dict[str, Future[Path]], expectation: expectations.Expectation) -> expectations.Round:
    """All hosts of all classes are hardened and ask each other."""
    everybody = [host for managed in expectation.managed for host in expectation.hosts[managed]]
    lab.harden(everybody, plans[expectation.name].result())
    return expectations.ask_round(lab, expectation, expectations.both_ends_probes(lab, expectation))
