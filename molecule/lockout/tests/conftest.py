from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fleet import ANOTHER_MODEL, Fleet, State, harden
from traffic import FirstApply, Traffic


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture(scope="session")
def first(fleet: Fleet) -> FirstApply:
    """Harden hosts that track no connections yet, beside open ones: once with another model."""
    fleet.make_bare_unless_they_are()
    seen = FirstApply(Traffic(fleet, packets=False), fleet.each(fleet.session))
    with seen.traffic:
        _applied(ANOTHER_MODEL)
        seen.cut = [name for name, session in seen.sessions.items() if not session.answers()]
        seen.another = fleet.states()
        _applied()
    for session in seen.sessions.values():
        session.close()
    seen.confirmed = fleet.states()
    return seen


@pytest.fixture(scope="module")
def hardened(fleet: Fleet, first: FirstApply) -> dict[str, State]:
    """Return the state of each host with its confirmed rules, in which a module's tests begin."""
    if fleet.states() != first.confirmed:
        _applied()
    return first.confirmed


def _applied(*models: dict[str, object]) -> None:
    done = harden(*models, {"gatehouse_serial": "100%"})
    assert done.returncode == 0, done.stdout + done.stderr
