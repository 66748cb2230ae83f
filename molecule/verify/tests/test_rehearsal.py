"""The rehearsal: kernel and model are held together on a stage of the host's own, before anything is in force."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from containers import SHOW
from fleet import HONEST, LIE, Fleet

OURS = f"{SHOW}; ls /etc/gatehouse 2>/dev/null || true"


@pytest.fixture(autouse=True)
def _bare(fleet: Fleet) -> None:
    if any(fleet.everywhere(OURS).values()):
        done = fleet.playbook("remove", "--limit=apps:stores")
        assert done.returncode == 0, done.stdout + done.stderr
        assert not any(fleet.everywhere(OURS).values())


@pytest.fixture
def _lying(fleet: Fleet) -> Iterator[None]:
    """Have the nft of a host load another ruleset than it is given."""
    fleet.shell("app1", LIE)
    yield
    fleet.shell("app1", HONEST)


def test_hosts_of_both_backends_rehearse_and_nothing_of_theirs_changes(fleet: Fleet) -> None:
    before = fleet.states()
    done = fleet.playbook("verify", gatehouse_rehearse=True)

    assert done.returncode == 0, done.stdout + done.stderr
    for host in ("app1", "app2", "store1"):
        assert re.search(rf"^{host}: \d\d\d probes asked, and all is as the model says$", done.stdout, re.MULTILINE), (
            host
        )
    assert "changed=1" not in done.stdout
    assert fleet.states() == before


def test_a_check_rehearses_nothing(fleet: Fleet) -> None:
    done = fleet.playbook("verify", "--check", gatehouse_rehearse=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"probes would be asked", done.stdout)) == 3


@pytest.mark.usefixtures("_lying")
def test_a_host_whose_kernel_gets_other_rules_fails_its_rehearsal(fleet: Fleet) -> None:
    before = fleet.states()
    done = fleet.playbook("verify", gatehouse_rehearse=True)

    assert done.returncode == 2, done.stdout
    assert "app2: " in done.stdout
    (message,) = re.findall(r'"msg": "(In a rehearsal.*?)"', done.stdout)
    assert "5432/tcp, out by gatehouse0: denied, and the model allows it" in message
    assert fleet.states() == before


@pytest.mark.usefixtures("_lying")
def test_harden_refuses_a_host_that_fails_its_rehearsal_and_leaves_it_as_it_is(fleet: Fleet) -> None:
    before = fleet.states()
    done = fleet.playbook("harden", gatehouse_rehearse=True)

    assert done.returncode == 2, done.stdout
    assert "In a rehearsal, this host's kernel did another thing than the model says" in done.stdout
    assert "Nothing was changed on the host" in done.stdout
    assert "1 of 3 hosts could not be changed. Stopped here: what was not tried yet is as it was" in done.stdout
    after = fleet.states()
    assert {host for host in before if before[host] != after[host]} == {"store1"}  # the other class's first host

    fleet.shell("app1", HONEST)
    again = fleet.playbook("harden", gatehouse_rehearse=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert fleet.states()["app1"] != before["app1"]


def test_a_second_run_needs_no_rehearsal(fleet: Fleet) -> None:
    assert fleet.playbook("harden", gatehouse_rehearse=True).returncode == 0
    states = fleet.states()
    done = fleet.playbook("harden", gatehouse_rehearse=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=1" not in done.stdout
    assert fleet.states() == states
