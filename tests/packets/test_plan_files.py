"""What the plan writes: one file for each managed host, whoever else is planned, and other people's rules stay."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from expectations import read
from lab import INVENTORY, TABLE, Host, Lab, running

FOREIGN = str(INVENTORY.parent / "foreign")
HOST = "nomad1"

Plans = dict[str, Future[Path]]


@pytest.fixture
def machine() -> Iterator[Lab]:
    """A host with other people's rules on it, and no network, so that nothing else changes them."""
    with running({HOST: Host(HOST, {})}) as machine:
        machine.run(HOST, "sh", FOREIGN, "plant")
        yield machine


def foreign(machine: Lab) -> str:
    return machine.run(HOST, "sh", FOREIGN, "show")


def ours(machine: Lab) -> str:
    return machine.run(HOST, "nft", "list", "table", *TABLE)


def test_every_managed_host_gets_a_file_and_nobody_else(plans: Plans) -> None:
    expectation = read("circleci_server_4")
    written = sorted(path.name for path in plans["circleci_server_4"].result().iterdir())
    assert written == sorted(f"{host}.nft" for managed in expectation.managed for host in expectation.hosts[managed])


def test_a_limited_plan_writes_the_same_bytes_for_its_host(plans: Plans) -> None:
    limited, full = plans["only_nomad1"].result(), plans["circleci_server_4"].result()
    assert [path.name for path in limited.iterdir()] == ["nomad1.nft"]
    assert (limited / "nomad1.nft").read_bytes() == (full / "nomad1.nft").read_bytes()


def test_foreign_rules_stay_byte_for_byte_under_two_models_and_after_removal(machine: Lab, plans: Plans) -> None:
    before = foreign(machine)
    for name in ("DOCKER-USER", "KUBE-SERVICES", "NOMAD-ADMIN", "f2b-sshd", "somebody_else"):
        assert name in before

    for model in ("circleci_server_4", "narrowed_zones"):
        machine.harden([HOST], plans[model].result())
        assert foreign(machine) == before
        assert ours(machine)

    machine.unload()
    assert foreign(machine) == before
    assert "gatehouse" not in machine.run(HOST, "nft", "list", "ruleset")


def test_a_ruleset_loaded_again_takes_the_place_of_the_one_before(machine: Lab, plans: Plans) -> None:
    loaded = []
    for model in ("circleci_server_4", "circleci_server_4", "narrowed_zones", "circleci_server_4"):
        machine.harden([HOST], plans[model].result())
        loaded.append(ours(machine))
    first, again, other, back = loaded
    assert first == again == back
    assert first != other
