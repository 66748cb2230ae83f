from __future__ import annotations

import os
import subprocess
import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import marked, stamp
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import (
    DIRECTORY,
    FAILED,
    GONE,
    PENDING,
    TAKEN,
    UNDER_WAY,
    WAITS,
    Rollback,
)

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


def rollback(root, runner, systemd=True, nft="/usr/sbin/nft", listing="listing", clock=time.monotonic):
    return Rollback(runner, Nft(lambda _words, _text: (0, listing, ""), nft), systemd, root, clock)


def test_arming_waits_in_a_unit_of_its_own_for_so_many_seconds(tmp_path):
    runner = Runner()
    rollback(tmp_path, runner).arm(45)

    assert pending(tmp_path) == [f"{marked(stamp())}table inet gatehouse\ndelete table inet gatehouse\nlisting"]
    (command,) = runner.commands
    assert command[0] == "systemd-run"
    assert command[command.index("--unit") + 1].startswith("gatehouse-rollback-")
    assert command[command.index("--on-active") + 1] == "45s"


def test_without_systemd_a_process_that_outlives_the_session_waits(tmp_path):
    runner = Runner()
    rollback(tmp_path, runner, systemd=False).arm(45)

    assert runner.commands[0][:2] == ["setsid", "--fork"]
    assert "sleep 45; " in runner.commands[0][-1]


def test_a_second_change_waits_for_the_first(tmp_path):
    rollback(tmp_path, Runner(), listing="first").arm(45)

    with pytest.raises(FirewallError, match="another change of this host's ruleset waits to be confirmed"):
        rollback(tmp_path, Runner(), listing="second").arm(45)

    (waiting,) = pending(tmp_path)
    assert waiting.endswith("first")


def test_a_second_change_of_another_version_leaves_the_helpers_of_the_first_alone(tmp_path):
    rollback(tmp_path, Runner()).arm(45)
    helper = tmp_path / DIRECTORY / "replace.sh"
    helper.write_text("of another version")
    with pytest.raises(FirewallError, match="another change"):
        rollback(tmp_path, Runner()).arm(45)

    assert helper.read_text() == "of another version"


@pytest.mark.parametrize("prefix", [PENDING, TAKEN])
def test_a_rollback_that_will_not_be_gone_any_more_keeps_nothing_waiting(tmp_path, prefix):
    change = rollback(tmp_path, Runner(), listing="first", clock=lambda: 1000.0).arm(45)
    path = tmp_path / DIRECTORY / f"{PENDING}{change}"
    path.rename(path.with_name(f"{prefix}{change}"))
    with pytest.raises(FirewallError, match="another change"):
        rollback(tmp_path, Runner(), clock=lambda: 1055.0).arm(45)
    rollback(tmp_path, Runner(), listing="second", clock=lambda: 1056.0).arm(45)

    (waiting,) = pending(tmp_path)
    assert waiting.endswith("second")
    assert not list((tmp_path / DIRECTORY).glob(f"{TAKEN}*"))


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_clock_that_is_set_changes_nothing(tmp_path, monkeypatch, step):
    change = rollback(tmp_path, Runner()).arm(45)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + step)
    with pytest.raises(FirewallError, match="another change"):
        rollback(tmp_path, Runner()).arm(45)

    assert rollback(tmp_path, Runner()).disarm(change)
    rollback(tmp_path, Runner()).arm(45)


@pytest.mark.parametrize(("age", "refused"), [(5, True), (11, False)])
def test_what_version_0_1_0_has_left_is_judged_by_the_clock_on_which_it_noted_its_deadline(tmp_path, age, refused):
    path = tmp_path / DIRECTORY / f"{PENDING}18ecbdefe7c4f072"
    path.parent.mkdir(parents=True)
    path.write_text("its ruleset")
    deadline = time.time() - age
    os.utime(path, (deadline, deadline))

    assert rollback(tmp_path, Runner()).is_pending() is refused


def test_a_change_has_its_marker_in_the_kernel_before_its_timer_starts(tmp_path):
    done = []

    def ask(words, text):
        done.append(words[-2:] if text is None else text)
        return 0, "listing", ""

    change = Rollback(done.append, Nft(ask, "nft"), True, tmp_path).arm(45)
    (marked,) = (number for number, one in enumerate(done) if f"add chain inet gatehouse armed.{change}\n" in one)
    (started,) = (number for number, one in enumerate(done) if "systemd-run" in one)
    assert marked < started


def test_what_cannot_be_armed_leaves_nothing_pending(tmp_path):
    with pytest.raises(FirewallError, match="no bus"):
        rollback(tmp_path, Runner(fails=True)).arm(45)

    assert pending(tmp_path) == []


def test_what_cannot_be_armed_leaves_no_marker(tmp_path):
    asked = []

    def ask(words, _text):
        asked.append(words)
        return 0, "listing", ""

    with pytest.raises(FirewallError, match="no bus"):
        Rollback(Runner(fails=True), Nft(ask, "nft"), True, tmp_path).arm(45)

    (settled,) = (words for words in asked if "delete" in words)
    assert settled[:5] == ["nft", "delete", "chain", "inet", "gatehouse"]


@pytest.mark.parametrize("stopping_fails", [False, True])
def test_disarming_counts_once_also_where_the_timer_is_gone(tmp_path, stopping_fails):
    change = rollback(tmp_path, Runner()).arm(45)
    back = rollback(tmp_path, Runner(fails=stopping_fails))

    assert [back.disarm(change), back.disarm(change)] == [True, False]
    assert [path.name for path in sorted((tmp_path / DIRECTORY).iterdir())] == LEFT


def test_disarming_what_was_never_armed_is_no_error(tmp_path):
    assert rollback(tmp_path, Runner()).disarm("17") is False


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


def test_the_rollback_loads_the_previous_ruleset_with_nothing_but_a_shell_and_nft(tmp_path, nft):
    runner = Runner()
    back = rollback(tmp_path, runner, nft=str(nft), listing="listing\n")
    change = back.arm(45)
    fire(runner.commands[0])

    assert (tmp_path / "loaded").read_text() == "table inet gatehouse\ndelete table inet gatehouse\nlisting\n"
    assert [path.name for path in sorted((tmp_path / DIRECTORY).iterdir())] == LEFT
    assert back.disarm(change) is False


def test_a_rollback_says_how_far_it_is(tmp_path, nft):
    runner = Runner()
    back = rollback(tmp_path, runner, nft=str(nft))
    assert back.state() == ""
    change = back.arm(45)
    pending_file = tmp_path / DIRECTORY / f"{PENDING}{change}"
    taken = pending_file.with_name(f"{TAKEN}{change}")
    assert back.state() == WAITS

    pending_file.rename(taken)
    assert (back.state(), back.outcome(change, 0.0)) == (UNDER_WAY, UNDER_WAY)

    taken.rename(pending_file)
    fire(runner.commands[0])
    assert (back.state(), back.outcome(change, 0.0)) == ("", GONE)


def test_a_rollback_that_fails_is_remembered_until_the_next_change(tmp_path, nft):
    runner = Runner()
    back = rollback(tmp_path, runner, nft=str(nft))
    change = back.arm(45)
    nft.write_text("#!/bin/sh\nexit 1\n")
    fire(runner.commands[0])
    assert (back.state(), back.outcome(change, 0.0), back.is_pending()) == (FAILED, FAILED, False)

    back.arm(45)
    assert back.state() == WAITS


def test_a_timer_that_fires_after_the_confirmation_does_nothing(tmp_path, nft):
    runner = Runner()
    back = rollback(tmp_path, runner, nft=str(nft), listing="listing\n")
    assert back.disarm(back.arm(45))
    fire(runner.commands[0])

    assert not (tmp_path / "loaded").exists()


def test_what_is_left_of_one_change_never_decides_about_another(tmp_path, nft):
    runner = Runner()
    back = rollback(tmp_path, runner, systemd=False, nft=str(nft))
    assert back.disarm(back.arm(6))
    second = back.arm(30)
    subprocess.run(["/bin/sh", "-c", runner.commands[0][-1].replace("sleep 6", "true")], check=False)

    assert not (tmp_path / "loaded").exists()
    assert back.disarm(second)


def test_every_rollback_can_be_called_off_and_leaves_nothing(tmp_path):
    rollback(tmp_path, Runner()).arm(45)
    for _again in range(2):
        rollback(tmp_path, Runner()).forget()

    assert not (tmp_path / DIRECTORY).exists()
