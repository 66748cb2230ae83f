from __future__ import annotations

import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.checks import BYTES, LINES, first_failure


def check(command, name="it", timeout=10):
    return {"name": name, "command": command, "timeout": timeout}


@pytest.mark.parametrize("checks", [[], [check("true"), check("test 1 = 1 && echo yes")]])
def test_checks_that_all_succeed_are_no_failure(checks):
    assert first_failure(checks) is None


def test_the_first_that_fails_is_the_last_to_run_and_its_words_are_kept(tmp_path):
    ran = tmp_path / "ran"
    checks = [check("true"), check("echo one; echo two >&2; exit 3", "web"), check(f"touch {ran}")]

    assert first_failure(checks) == {"name": "web", "why": "has ended with exit code 3", "output": "one\ntwo"}
    assert not ran.exists()


def test_of_what_a_failed_check_has_printed_the_end_is_kept():
    lines = first_failure([check("seq 1000; exit 1")])["output"].splitlines()
    assert lines == [str(number) for number in range(1001 - LINES, 1001)]

    output = first_failure([check(f"head -c {3 * BYTES} /dev/zero | tr '\\0' x; printf '\\377'; exit 1")])["output"]
    assert len(output) == BYTES
    assert output.endswith("x\ufffd")


def test_one_that_goes_on_for_too_long_is_ended_with_all_that_it_began(tmp_path):
    begun = time.monotonic()
    late = tmp_path / "late"
    found = first_failure([check(f"echo begun; (sleep 2; touch {late}) & wait", timeout=1)])

    assert found == {"name": "it", "why": "has not ended within 1 s", "output": "begun"}
    assert time.monotonic() - begun < 2
    time.sleep(1.5)
    assert not late.exists()


def test_what_a_check_leaves_in_the_background_keeps_nothing_waiting():
    begun = time.monotonic()
    assert first_failure([check("sleep 3 & true")]) is None
    assert time.monotonic() - begun < 2


def test_a_check_reads_nothing_and_finds_the_commands_of_administrators(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = first_failure([check('cat; echo "$PATH"; exit 1')])

    assert found["output"] == "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/sbin"
