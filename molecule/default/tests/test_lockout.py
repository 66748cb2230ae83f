"""A ruleset that cuts its own controller off is refused; and if it isn't, the host goes back by itself."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from containers import ROOT, Lab, harden, kill, login_works, playbook_command
from patience import Patience, wait_until, whole_seconds

NOBODY_ADMINISTERS = {
    "gatehouse_zones": [{"name": "ssh_admin", "networks": ["203.0.113.171"]}],
    "gatehouse_accept_shrink": ["ssh_admin", "dns", "vcs", "nat_gateways", "monitoring"],
}
# A host of each Debian release by each backend, one of the Kubernetes nodes first.
OF_EACH_RELEASE = {"nftables": "k8s1,vm1,nomad2", "iptables": "k8s2,vm2,nomad1"}
HOSTS = OF_EACH_RELEASE["nftables"]
TIMEOUT = 6
LONGER = 15  # where a login is tried before the time is up


@dataclass(frozen=True)
class Unconfirmed:
    """What came of a ruleset that nobody could confirm, on a host of each release and backend."""

    output: str
    too_late: str
    changed: set[str]


@pytest.fixture(autouse=True)
def _as_before(lab: Lab) -> Iterator[None]:
    before = lab.states()
    yield
    assert lab.states() == before


def cut_off(*arguments: str, hosts: str = HOSTS) -> list[str]:
    options = {**NOBODY_ADMINISTERS, "gatehouse_rollback_timeout": TIMEOUT}
    return [f"--limit={hosts}", "--extra-vars", json.dumps(options), *arguments]


def new_login(lab: Lab, host: str) -> bool:
    """Return whether a login over a connection of its own works: an open one may live on while new ones are refused."""
    return login_works(ROOT / ".cache/lab/id_ed25519", lab.hosts[host].address("private", 4), timeout=2)


def test_what_would_cut_the_controller_off_is_refused_with_the_address_to_add() -> None:
    done = harden(*cut_off())
    assert done.returncode != 0
    assert "reaches the host from 198.51.100.1 at port 22/tcp" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def unconfirmed(lab: Lab) -> Unconfirmed:
    timeout = TIMEOUT * whole_seconds()  # in which each of so many hosts has to get as far as to load the ruleset
    before, patience = lab.states(), Patience(20, since=time.monotonic() + timeout)
    options = {"gatehouse_allow_self_lockout": True, "gatehouse_rollback_timeout": timeout, "gatehouse_serial": "100%"}
    hosts = ",".join(OF_EACH_RELEASE.values())
    done = harden(*cut_off("--extra-vars", json.dumps(options), hosts=hosts))
    too_late = str(patience) if patience.is_over else ""
    return Unconfirmed(done.stdout, too_late, {name for name, state in lab.states().items() if state != before[name]})


@pytest.mark.parametrize("backend", OF_EACH_RELEASE)
def test_an_unconfirmed_ruleset_goes_away_by_itself_on_each_debian(
    lab: Lab, backend: str, unconfirmed: Unconfirmed
) -> None:
    hosts = OF_EACH_RELEASE[backend].split(",")
    assert {lab.backends[host] for host in hosts} == {backend}
    assert not unconfirmed.too_late, unconfirmed.too_late
    assert unconfirmed.changed == set()
    lines = [line for line in unconfirmed.output.splitlines() if '"confirmed": false' in line]
    fatal = {host: line for host in hosts for line in lines if line.startswith(f"fatal: [{host}]")}
    assert set(fatal) == set(hosts), unconfirmed.output
    # Where a login gets through just after the rollback, the host says so itself; molecule/lockout has both words.
    assert all('"gone_back": true' in line for line in fatal.values()), unconfirmed.output
    reason = "no flow to k8s_node allows that. That port is open by k8s_internal (from k8s_node), administration"
    assert reason in fatal[hosts[0]]
    assert all(new_login(lab, host) for host in hosts)


def test_canaries_that_go_back_keep_the_rest_of_their_classes_from_being_tried(lab: Lab) -> None:
    options = {**NOBODY_ADMINISTERS, "gatehouse_rollback_timeout": TIMEOUT, "gatehouse_allow_self_lockout": True}
    before = lab.rulesets()
    done = harden("--limit=k8s1,k8s2,lb1,lb2", "--extra-vars", json.dumps(options))
    assert done.returncode != 0
    assert "Gone back to their previous ruleset: k8s1, lb2" in done.stdout, done.stdout  # both classes and backends
    assert "Not tried yet: k8s2, lb1" in done.stdout, done.stdout
    assert lab.rulesets() == before


def test_it_goes_away_after_the_controller_was_killed_in_the_middle(lab: Lab) -> None:
    before = lab.rulesets()
    options = ["--extra-vars=gatehouse_allow_self_lockout=true", f"--extra-vars=gatehouse_rollback_timeout={LONGER}"]
    playbook = subprocess.Popen(playbook_command("harden", *cut_off(*options)), stdout=subprocess.DEVNULL)
    wait_until(lambda: lab.ruleset("k8s1") != before["k8s1"], LONGER + 10)
    kill(playbook)
    assert not new_login(lab, "k8s1")
    wait_until(lambda: lab.rulesets() == before, LONGER + 10)
    assert new_login(lab, "k8s1")
