"""A change that stalls for longer than its rollback waits has no effect that lasts, and what is said of it is so."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fleet import ANOTHER_MODEL, CUTS_US_OFF, Fleet, State, harden_and_die
from patience import slowness, whole_seconds

TIMEOUT, LONGER = 5, 4  # seconds; by so many a change stalls for longer than its rollback waits
AT_MOST = 5  # seconds after the timeout until a login works again
BACK = "the host has gone back, and the ruleset confirmed last is in force"
SAID = {"armed": "the host's own rollback has begun before", "loaded": "The confirmation came too late"}
OTHER_RULES_TOO = {**ANOTHER_MODEL, **CUTS_US_OFF}


@pytest.mark.parametrize(
    ("model", "apps", "stores"),
    [(CUTS_US_OFF, "armed", "loaded"), (OTHER_RULES_TOO, "loaded", "armed")],
    ids=["other addresses alone", "other rules"],
)
def test_a_change_that_stalls_leaves_each_host_in_reach_with_what_was_confirmed_last(
    fleet: Fleet, hardened: dict[str, State], model: dict[str, object], apps: str, stores: str
) -> None:
    points = {name: stores if name.startswith("store") else apps for name in fleet.managed}
    slow, timeout = slowness(), TIMEOUT * whole_seconds()  # in which a change gets as far as to where it stalls
    faults = {name: f"{point}/{timeout + LONGER}" for name, point in points.items()}
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(harden_and_die, faults, model, {"gatehouse_rollback_timeout": timeout})
        outages = fleet.each(lambda name: longest_outage(fleet, name, run.done))
        done = run.result()
        output = done.stdout

    print({name: round(seconds, 1) for name, seconds in outages.items()})
    at_most = timeout + AT_MOST * max(slow, slowness())
    assert all(seconds < at_most for seconds in outages.values()), (outages, at_most)
    assert any(seconds > 1 for seconds in outages.values()), f"nothing was cut off: {output}{done.stderr}"
    failures = [line for line in output.splitlines() if line.startswith("fatal:")]
    assert len(failures) == len(fleet.managed), output
    for name, point in points.items():
        (said,) = (line for line in failures if f"[{name}]" in line)
        assert SAID[point] in said, said
        assert BACK in said, said
    assert fleet.differences(hardened) == []


def longest_outage(fleet: Fleet, name: str, is_over: Callable[[], bool]) -> float:
    """Return for how long no new login to a host worked, at most, until something is over."""
    longest, since = 0.0, time.monotonic()
    while not is_over():
        if fleet.new_login(name):
            since = time.monotonic()
        longest = max(longest, time.monotonic() - since)
        time.sleep(0.5)
    return longest
