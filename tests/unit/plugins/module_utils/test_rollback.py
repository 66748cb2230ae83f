from __future__ import annotations

import os
import subprocess
import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils.rollback import DIRECTORY, PENDING, Rollback

LEFT = ["lock", "replace.sh"]


class Runner:
    """Notes commands; fails where it is told to."""

    def __init__(self, fails=False):
        self.commands = []
        self.fails = fails

    def __call__(self, words):
        """Run one command."""
        self.commands.append(words)
        if self.fails:
            raise FirewallError("systemd-run failed: no bus")


def pending(root):
    """Return what each change that waits would go back to."""
    return [path.read_text() for path in sorted((root / DIRECTORY).glob(f"{PENDING}*"))]


def way_back(root, runner, systemd=True, nft="/usr/sbin/nft", listing="listing"):
    return Rollback(runner, Nft(lambda _words, _text: (0, listing, ""), nft), systemd, root)


def test_arming_waits_in_a_unit_of_its_own_for_so_many_seconds(tmp_path):
    runner = Runner()
    way_back(tmp_path, runner).arm(45)

    assert pending(tmp_path) == ["table inet gatehouse\ndelete table inet gatehouse\nlisting"]
    (command,) = runner.commands
    assert command[0] == "systemd-run"
    assert command[command.index("--unit") + 1].startswith("gatehouse-rollback-")
    assert command[command.index("--on-active") + 1] == "45s"


def test_without_systemd_a_process_that_outlives_the_session_waits(tmp_path):
    runner = Runner()
    way_back(tmp_path, runner, systemd=False).arm(45)

    assert runner.commands[0][:2] == ["setsid", "--fork"]
    assert "sleep 45; " in runner.commands[0][-1]


def test_a_second_change_waits_for_the_first(tmp_path):
    way_back(tmp_path, Runner(), listing="first").arm(45)

    with pytest.raises(FirewallError, match="another change of this host's ruleset waits to be confirmed"):
        way_back(tmp_path, Runner(), listing="second").arm(45)

    (waiting,) = pending(tmp_path)
    assert waiting.endswith("first")


def test_a_way_back_that_nobody_will_go_any_more_keeps_nobody_waiting(tmp_path):
    way_back(tmp_path, Runner(), listing="first").arm(45)
    long_ago = time.time() - 60
    (path,) = (tmp_path / DIRECTORY).glob(f"{PENDING}*")
    os.utime(path, (long_ago, long_ago))
    way_back(tmp_path, Runner(), listing="second").arm(45)

    (waiting,) = pending(tmp_path)
    assert waiting.endswith("second")


def test_what_cannot_be_armed_leaves_nothing_pending(tmp_path):
    with pytest.raises(FirewallError, match="no bus"):
        way_back(tmp_path, Runner(fails=True)).arm(45)

    assert pending(tmp_path) == []


@pytest.mark.parametrize("stopping_fails", [False, True])
def test_disarming_counts_once_also_where_the_timer_is_gone(tmp_path, stopping_fails):
    change = way_back(tmp_path, Runner()).arm(45)
    back = way_back(tmp_path, Runner(fails=stopping_fails))

    assert [back.disarm(change), back.disarm(change)] == [True, False]
    assert [path.name for path in sorted((tmp_path / DIRECTORY).iterdir())] == LEFT


def test_disarming_what_was_never_armed_is_no_error(tmp_path):
    assert way_back(tmp_path, Runner()).disarm("17") is False


@pytest.fixture
def nft(tmp_path):
    """A program in place of nft, which keeps the text that it is given, and has no table to list."""
    program = tmp_path / "nft"
    program.write_text(f'#!/bin/sh\n[ "$1" = -f ] && cat "$2" >{tmp_path}/loaded\n')
    program.chmod(0o755)
    return program


def fire(command):
    """Do what the timer does in the end."""
    return subprocess.run(command[-3:], capture_output=True, check=False)


def test_the_way_back_loads_the_previous_ruleset_with_nothing_but_a_shell_and_nft(tmp_path, nft):
    runner = Runner()
    back = way_back(tmp_path, runner, nft=str(nft), listing="listing\n")
    change = back.arm(45)
    fire(runner.commands[0])

    assert (tmp_path / "loaded").read_text() == "table inet gatehouse\ndelete table inet gatehouse\nlisting\n"
    assert [path.name for path in sorted((tmp_path / DIRECTORY).iterdir())] == LEFT
    assert back.disarm(change) is False


def test_a_timer_that_fires_after_the_confirmation_does_nothing(tmp_path, nft):
    runner = Runner()
    back = way_back(tmp_path, runner, nft=str(nft), listing="listing\n")
    assert back.disarm(back.arm(45))
    fire(runner.commands[0])

    assert not (tmp_path / "loaded").exists()


def test_what_is_left_of_one_change_never_decides_about_another(tmp_path, nft):
    runner = Runner()
    back = way_back(tmp_path, runner, systemd=False, nft=str(nft))
    assert back.disarm(back.arm(6))
    second = back.arm(30)
    subprocess.run(["/bin/sh", "-c", runner.commands[0][-1].replace("sleep 6", "true")], check=False)

    assert not (tmp_path / "loaded").exists()
    assert back.disarm(second)


def test_every_way_back_can_be_called_off_and_leaves_nothing(tmp_path):
    way_back(tmp_path, Runner()).arm(45)
    for _again in range(2):
        way_back(tmp_path, Runner()).forget()

    assert not (tmp_path / DIRECTORY).exists()
