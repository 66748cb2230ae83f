"""A change under which a host's service works no more is taken back, although ssh gets in."""

from __future__ import annotations

import time

from fleet import ALL_AT_ONCE, ANOTHER_MODEL, MODEL, Fleet, State, harden
from prober import listening
from traffic import REPORTS

TIMEOUT = 120  # far longer than it takes to go back at once
CUTS_REPORTS = {"gatehouse_flows": [flow for flow in MODEL["gatehouse_flows"] if flow["name"] != "reports"]}
CHECKS = {
    "gatehouse_rollback_timeout": TIMEOUT,
    "gatehouse_confirm_checks": [
        {"name": "the unit", "command": "systemctl is-active ssh"},
        {
            "name": "reports arrive",
            "command": f"echo asking; timeout 3 bash -c '</dev/tcp/203.0.113.70/{REPORTS}'",
            "timeout": 5,
        },
    ],
}
FAILED = "The check reports arrive has ended with exit code "
GONE_BACK = "so that the change was not confirmed: the host has gone back, and the ruleset confirmed last is in force"


def test_a_service_that_a_change_would_break_takes_every_host_back_at_once(
    fleet: Fleet, hardened: dict[str, State]
) -> None:
    with listening(fleet.namespaces, [REPORTS], []):
        begun = time.monotonic()
        done = harden(CUTS_REPORTS, CHECKS, ALL_AT_ONCE)
        took = time.monotonic() - begun
    assert done.returncode != 0
    fatal = [line for line in done.stdout.splitlines() if line.startswith("fatal:") and FAILED in line]
    assert len(fatal) == len(fleet.managed), done.stdout
    assert all(GONE_BACK in line and "Its last lines:\\nasking" in line for line in fatal), done.stdout
    assert took < TIMEOUT, took
    assert fleet.differences(hardened) == []
    timers = fleet.everywhere("systemctl list-units --all --no-legend 'gatehouse-rollback-*'")
    assert set(timers.values()) == {""}, timers


def test_one_under_which_it_works_is_confirmed(fleet: Fleet, hardened: dict[str, State]) -> None:
    with listening(fleet.namespaces, [REPORTS], []):
        done = harden(ANOTHER_MODEL, CHECKS, ALL_AT_ONCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("changed=1") == len(fleet.managed), done.stdout
    assert fleet.differences(hardened) != []
    done = harden(ALL_AT_ONCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.differences(hardened) == []
