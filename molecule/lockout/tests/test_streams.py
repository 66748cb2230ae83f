"""Changes come, and are taken back: no packet is lost, no connection breaks, and no denied packet gets through."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from containers import ROOT
from fleet import ALL_AT_ONCE, ANOTHER_MODEL, HERE, Fleet, State, harden
from traffic import FirstApply, Traffic

APPLIES, ROLLBACKS = 100, 20


@pytest.fixture(scope="module", autouse=True)
def _code(fleet: Fleet, first: FirstApply, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Copy the collection's code and each host's two rulesets there."""
    folder, modules = tmp_path_factory.mktemp("churn"), Path("plugins/module_utils")
    shutil.copytree(ROOT / modules, folder / "ansible_collections/gatehouse/firewall" / modules)
    shutil.copy(HERE / "churn.py", folder)
    for name in fleet.managed:
        for file, states in (("another", first.another), ("confirmed", first.confirmed)):
            (folder / file).write_text(states[name].boot_file)
        fleet.copy(folder, name, "/root/churn")


@pytest.fixture(scope="module")
def traffic(fleet: Fleet, hardened: dict[str, State]) -> Traffic:
    with Traffic(fleet, packets=True) as traffic:
        for models in ([ANOTHER_MODEL], []):
            done = harden(*models, ALL_AT_ONCE)
            assert done.returncode == 0, done.stdout + done.stderr
        fleet.each(lambda name: churn(fleet, name))
        assert fleet.differences(hardened) == []
    print(traffic)
    return traffic


def churn(fleet: Fleet, name: str) -> None:
    words = ["python3", "/root/churn/churn.py", fleet.backends[name], str(APPLIES), str(ROLLBACKS)]
    fleet.run(name, *words)


def test_no_allowed_packet_is_lost(traffic: Traffic) -> None:
    assert traffic.sent > 10000
    assert traffic.lost == {}, str(traffic)


def test_no_connection_is_broken(traffic: Traffic) -> None:
    assert traffic.exchanges > 10
    assert traffic.broken == set(), str(traffic)


def test_no_denied_packet_gets_through(traffic: Traffic) -> None:
    assert traffic.through == {}, str(traffic)
