"""What Felix lets through at the worker's public interface, in each setting of Calico: packets, over IPv4 and IPv6."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import Lab, playbook, run_plainly
from prober import Probe, disagreements, listening

SCENARIO = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
WORKER = {"worker": ["203.0.113.211", "2001:db8:2::11"], "balancer": ["203.0.113.221", "2001:db8:2::d1"]}
ASKED = {"ssh": 22, "balancer's": 443, "kubelet": 10250, "listener": 9376, "node port": 30080}
BALANCERS = [{"address": address, "ports": ["443/tcp"]} for address in WORKER["balancer"]]
SECONDS = 15  # in which Felix takes a change from the datastore


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Return the lab, in which the worker listens on every port that is asked for."""
    lab = Lab(SCENARIO / "inventory")
    with listening({"worker1": lab.namespaces["worker1"]}, ASKED.values(), []):
        yield lab


def enforce(lab: Lab, **variables: object) -> str:
    """Run the playbook with more variables, and return what it prints."""
    done = playbook("calico", f"--extra-vars={json.dumps(variables)}", inventory=lab.inventory)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def questions(passing: dict[tuple[str, str], set[str]]) -> dict[Probe, bool]:
    """Return a question for each port of each address, from each machine outside: which of them pass."""
    return {
        Probe(source, "", "worker1", address, "tcp", port): what in passing.get((source, whose), set())
        for source in ("admin", "stranger")
        for whose, addresses in WORKER.items()
        for address in addresses
        for what, port in ASKED.items()
    }


def settled(lab: Lab, expected: dict[Probe, bool]) -> list[object]:
    """Return the disagreements that are left when Felix has had the time to take a change."""
    end = time.monotonic() + SECONDS
    found = disagreements(expected, lab.namespaces, closed_passes=False)
    while found and time.monotonic() < end:
        time.sleep(1)
        found = disagreements(expected, lab.namespaces, closed_passes=False)
    return list(found)


def everywhere(*names: str) -> dict[tuple[str, str], set[str]]:
    """Return that these ports pass from everybody at every address."""
    return {(source, whose): set(names) for source in ("admin", "stranger") for whose in WORKER}


def test_node_ports_are_closed_before_dnat_although_what_they_lead_to_is_open(lab: Lab) -> None:
    output = enforce(lab)
    # Felix' failsafes are left alone: SSH stays open to everybody, and kubelet's port is none of them.
    assert "Felix' failsafes come before any policy" in output
    assert settled(lab, questions(everywhere("ssh", "listener"))) == []


def test_node_ports_pass_where_the_model_lets_them(lab: Lab) -> None:
    enforce(lab, gatehouse_options={"block_node_ports": False})
    assert settled(lab, questions(everywhere("ssh", "listener", "node port"))) == []


def test_a_balancer_passes_at_its_own_address(lab: Lab) -> None:
    enforce(lab, gatehouse_options={"block_node_ports": True, "load_balancers": BALANCERS})
    at_balancer = {pair: {"balancer's"} for pair in everywhere() if pair[1] == "balancer"}
    passing = {pair: names | at_balancer.get(pair, set()) for pair, names in everywhere("ssh", "listener").items()}
    assert settled(lab, questions(passing)) == []


def test_ssh_is_closed_to_strangers_once_the_failsafes_are_narrowed(lab: Lab) -> None:
    calico = {"classes": ["iks_worker"], "failsafes": "manage", "management": ["ssh"]}
    output = enforce(lab, gatehouse_calico=calico)
    assert "Felix' failsafes come before any policy" not in output
    to_admin = {pair: {"ssh"} for pair in everywhere() if pair[0] == "admin"}
    passing = {pair: names | to_admin.get(pair, set()) for pair, names in everywhere("listener").items()}
    assert settled(lab, questions(passing)) == []


def test_everything_passes_when_ours_is_removed(lab: Lab) -> None:
    done = run_plainly(["ansible-playbook", f"--inventory={lab.inventory}", str(SCENARIO / "remove.yml")])
    assert done.returncode == 0, done.stdout + done.stderr
    assert settled(lab, questions(everywhere(*ASKED))) == []
