"""Whatever dies in the middle of a change, its host stays in reach, with a whole ruleset, and can be changed again."""

from __future__ import annotations

import time

import pytest
from containers import kill
from fleet import (
    ALL_AT_ONCE,
    ANOTHER_MODEL,
    CUTS_US_OFF,
    OVER_THE_OTHER_FAMILY,
    THE_OTHER_BACKEND,
    Fleet,
    State,
    begin_to_harden,
    harden,
    harden_and_die,
)
from patience import Patience, whole_seconds
from traffic import FirstApply

TIMEOUT = 5
STALE = 10  # seconds, beside the timeout, for which a change that died may keep the next one waiting
ANOTHER_CHANGE = "another change of this host's ruleset waits to be confirmed"


def test_a_killed_controller_leaves_the_rollback_and_another_controller_waits_for_it(
    fleet: Fleet, hardened: dict[str, State]
) -> None:
    timeout = 15 * whole_seconds()  # the second controller has to come before it is over
    playbook = begin_to_harden(CUTS_US_OFF, ALL_AT_ONCE, {"gatehouse_rollback_timeout": timeout})
    fleet.each(fleet.await_change)
    begun = time.monotonic()
    kill(playbook)

    second = harden(ALL_AT_ONCE, OVER_THE_OTHER_FAMILY)
    failures = [line for line in second.stdout.splitlines() if line.startswith("fatal:") and ANOTHER_CHANGE in line]
    assert len(failures) == len(fleet.managed), second.stdout
    assert not any(fleet.each(fleet.new_login).values())

    fleet.await_logins(5, since=begun + timeout)
    assert fleet.differences(hardened) == []


def test_a_host_that_restarts_inside_the_window_has_what_was_confirmed_last(
    fleet: Fleet, hardened: dict[str, State]
) -> None:
    playbook = begin_to_harden(CUTS_US_OFF, ALL_AT_ONCE, {"gatehouse_rollback_timeout": 60})
    fleet.each(fleet.await_change)
    fleet.restart_all()
    assert fleet.differences(hardened) == []
    output, _error = playbook.communicate()
    assert output.count('"confirmed": false') == len(fleet.managed), output
    assert fleet.differences(hardened) == []


@pytest.mark.parametrize("points", [("pending", "armed"), ("loaded", "disarmed")], ids=" and ".join)
def test_a_module_killed_before_it_keeps_anything_leaves_what_was_confirmed_last(
    fleet: Fleet, first: FirstApply, hardened: dict[str, State], points: tuple[str, str]
) -> None:
    old = fleet.states()
    models, new = ([], hardened) if old == first.another else ([ANOTHER_MODEL], first.another)
    over = killed_at(fleet, points, *models)
    for name, state in fleet.states().items():
        assert in_force(state) in (in_force(old[name]), in_force(new[name]))
        assert state.boot_file == old[name].boot_file
    harden_in_time(over, *models)
    assert fleet.differences(new) == []


@pytest.mark.parametrize("points", [("ruleset kept", "unit written")], ids=" and ".join)
def test_a_module_killed_while_it_keeps_a_ruleset_leaves_the_new_one_whole(
    fleet: Fleet, first: FirstApply, hardened: dict[str, State], points: tuple[str, str]
) -> None:
    if fleet.states() != hardened:
        harden_in_time(time.monotonic())
    over = killed_at(fleet, points, ANOTHER_MODEL)
    assert fleet.differences(first.another) == []
    fleet.restart_all()
    assert fleet.differences(first.another) == []
    harden_in_time(over)
    assert fleet.differences(hardened) == []


def test_a_module_killed_while_it_changes_the_backend_leaves_the_new_one(
    fleet: Fleet, hardened: dict[str, State]
) -> None:
    over = killed_at(fleet, ("other deleted", "other deleted"), THE_OTHER_BACKEND)
    left = fleet.rulesets()
    assert all(has_one_backend(rules) for rules in left.values()), left
    fleet.restart_all()
    assert fleet.rulesets() == left
    harden_in_time(over)
    assert fleet.differences(hardened) == []


def test_a_module_killed_at_the_very_first_change_leaves_a_bare_host_or_the_new_ruleset(
    fleet: Fleet, first: FirstApply, hardened: dict[str, State]
) -> None:
    fleet.make_bare()
    over = killed_at(fleet, ("tracking_started", "unit written"), ANOTHER_MODEL)
    fleet.restart_all()
    assert all(rules in ("", first.another[name].rules) for name, rules in fleet.rulesets().items())
    harden_in_time(over)
    assert fleet.differences(hardened) == []


def killed_at(fleet: Fleet, points: tuple[str, str], *models: dict[str, object]) -> float:
    """Harden with a module that is killed, at one point on the apps and at one on the stores; wait for the rollback.

    Return the moment, of time.monotonic(), at which no rollback of it waits any more.
    """
    faults = {name: points[name.startswith("store")] for name in fleet.managed}
    timeout = TIMEOUT * whole_seconds()  # what is not killed before it confirms has to be in time
    begun = time.monotonic()
    done = harden_and_die(faults, *models, {"gatehouse_rollback_timeout": timeout})
    assert done.stdout.count("failed=1") == len(fleet.managed), done.stdout
    over = time.monotonic() + timeout
    fleet.await_logins(5, since=begun + timeout)
    return over


def harden_in_time(over: float, *models: dict[str, object]) -> None:
    """Harden once a change before is over, again and again if need be, until soon after that."""
    time.sleep(max(0.0, over - time.monotonic()))
    patience = Patience(STALE, since=over)
    while (done := harden(*models, ALL_AT_ONCE)).returncode != 0:
        assert ANOTHER_CHANGE in done.stdout, done.stdout
        assert not patience.is_over, f"{patience}: {done.stdout}"


def has_one_backend(rules: str) -> bool:
    return ("table inet gatehouse" in rules) != ("GATEHOUSE-INPUT" in rules)


def in_force(state: State) -> list[str]:
    """Return the rules and sets, each once: a change that died leaves the sets of both, which the next one sweeps."""
    return list(dict.fromkeys(state.rules.splitlines()))
