"""Behind a bastion the host sees another address than the controller's: that one has to stay allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from containers import Completed
from fleet import ALL_AT_ONCE, ANOTHER_MODEL, KEY, MODEL, Fleet, State, harden

BASTION = "office"
SSHD = "mkdir -p /run/sshd && ssh-keygen -A && /usr/sbin/sshd -o PidFile=/run/bastion.pid"
OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"


@pytest.fixture(scope="module")
def behind_it(fleet: Fleet, hardened: dict[str, State]) -> Iterator[dict[str, Any]]:
    """Let a bastion in, which has an address of each family; return the way to every host through it."""
    fleet.run(BASTION, "sh", "-c", SSHD)
    address = fleet.hosts[BASTION].address("private", 4)
    jump = f"ssh {OPTIONS} -i {KEY} -W [%h]:%p root@{address}"
    _succeed(with_bastion(fleet), ALL_AT_ONCE)
    yield {
        "ansible_ssh_common_args": f"{OPTIONS} -o ProxyCommand='{jump}'",
        "ansible_control_path": "%(directory)s/bastion-%%h",  # else ssh takes the connection that is open without it
        **ALL_AT_ONCE,
    }
    fleet.run(BASTION, "sh", "-c", "kill $(cat /run/bastion.pid)")
    _succeed(ALL_AT_ONCE)
    assert fleet.differences(hardened) == []


def with_bastion(fleet: Fleet, *more: dict[str, Any]) -> dict[str, Any]:
    zone = {"name": "bastion", "networks": fleet.hosts[BASTION].addresses}
    flow = {"name": "from_the_bastion", "from": ["bastion"], "to": ["app", "store"], "ports": ["22/tcp"], "why": "ssh"}
    return {
        "gatehouse_zones": [*MODEL["gatehouse_zones"], zone],
        "gatehouse_flows": [*MODEL["gatehouse_flows"], flow, *more],
    }


def test_who_comes_through_a_bastion_is_told_its_address_where_a_ruleset_leaves_it_out(
    fleet: Fleet, behind_it: dict[str, Any]
) -> None:
    before = fleet.states()
    done = harden(behind_it)

    assert done.returncode != 0
    for name in fleet.managed:
        family = 6 if ":" in fleet.reached_at(name) else 4
        assert f"from {fleet.hosts[BASTION].address('private', family)} at port 22/tcp" in done.stdout, done.stdout
    assert fleet.differences(before) == []


def test_a_change_is_confirmed_through_the_bastion(fleet: Fleet, behind_it: dict[str, Any]) -> None:
    before = fleet.states()
    done = _succeed(with_bastion(fleet, *ANOTHER_MODEL["gatehouse_flows"][-1:]), behind_it)

    assert done.stdout.count("changed=1") == len(fleet.managed), done.stdout
    assert not {name for name, state in fleet.states().items() if state == before[name]}


def _succeed(*models: dict[str, Any]) -> Completed:
    done = harden(*models)
    assert done.returncode == 0, done.stdout + done.stderr
    return done
