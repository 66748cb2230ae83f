"""A host that its controller can't reach any more goes back by itself: only a new connection confirms a change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fleet import ALL_AT_ONCE, CUTS_US_OFF, Fleet, State, begin_to_harden
from patience import Patience, wait_until

TIMEOUT = 8
GONE_BACK = (
    "gone back to its previous ruleset by itself. It answers again",
    "the host has gone back, and the ruleset confirmed last is in force",
)
AT_MOST = 5  # seconds after the timeout until a login works again
# What kube-proxy does at any time.
# The change may still hold the lock of iptables.
ANOTHER_RULE = """set -e; for command in 'iptables -w' 'ip6tables -w'; do
$command -N KUBE-LATE; $command -A KUBE-LATE -p tcp --dport 10250 -j RETURN; $command -A INPUT -j KUBE-LATE
done"""
OTHERS_RULES = "{ iptables-save; ip6tables-save; } | grep KUBE-LATE || true"
NO_OTHER_RULE = """for command in 'iptables -w' 'ip6tables -w'; do
$command -D INPUT -j KUBE-LATE; $command -F KUBE-LATE; $command -X KUBE-LATE
done"""


@dataclass(frozen=True)
class Window:
    """What was seen of one host while the change waited to be confirmed."""

    refused: bool
    other_family_refused: bool
    session_answered: bool
    back_after: float
    back_in_time: bool
    others_changed: bool


@dataclass(frozen=True)
class Cut:
    """What came of a ruleset that cuts its controller off."""

    output: str
    windows: dict[str, Window]


class Watch:
    """Somebody who looks on."""

    def __init__(self, fleet: Fleet) -> None:
        """Log in before anything happens."""
        self._fleet = fleet
        self._sessions = fleet.each(fleet.session)

    def window(self, name: str) -> Window:
        """Return what happens to one host."""
        fleet, changed = self._fleet, self._fleet.await_change(name)
        patience = Patience(AT_MOST, since=changed + TIMEOUT)
        answered = self._sessions[name].answers()
        planted = fleet.run(name, "sh", "-c", f"{ANOTHER_RULE}; {OTHERS_RULES}")
        # A busy machine may take longer than a login waits. It counts only where the window is still open after it.
        other_refused = not any(fleet.new_login_over_other_family(name) for _attempt in range(3))
        refused = not fleet.new_login(name)
        wait_until(lambda: fleet.new_login(name), TIMEOUT + 20)
        back_after, in_time = time.monotonic() - changed, not patience.is_over
        others_changed = fleet.run(name, "sh", "-c", f"{OTHERS_RULES}; {{ {NO_OTHER_RULE}; }}") != planted
        return Window(refused, other_refused, answered, back_after, in_time, others_changed)

    def over(self) -> None:
        """Hang up."""
        for session in self._sessions.values():
            session.close()


@pytest.fixture(scope="module")
def cut(fleet: Fleet, hardened: dict[str, State]) -> Iterator[Cut]:
    watch = Watch(fleet)
    playbook = begin_to_harden(CUTS_US_OFF, ALL_AT_ONCE, {"gatehouse_rollback_timeout": TIMEOUT})
    windows = fleet.each(watch.window)
    output, _error = playbook.communicate()
    watch.over()
    print({name: round(window.back_after, 1) for name, window in windows.items()})
    yield Cut(output, windows)
    assert fleet.differences(hardened) == []


def test_a_new_login_works_at_most_five_seconds_after_the_timeout(cut: Cut) -> None:
    assert all(window.refused for window in cut.windows.values()), cut
    assert all(window.back_in_time for window in cut.windows.values()), cut


def test_only_the_family_that_the_host_is_managed_over_was_cut(cut: Cut) -> None:
    assert not any(window.other_family_refused for window in cut.windows.values()), cut
    assert "from 203.0.113.65 at port 22/tcp, and no flow to app allows that" in cut.output
    assert "from 2001:db8:31::1 at port 22/tcp, and no flow to store allows that" in cut.output


def test_a_session_that_lives_on_is_no_confirmation(cut: Cut) -> None:
    assert all(window.session_answered for window in cut.windows.values()), cut
    fatal = [line for line in cut.output.splitlines() if line.startswith("fatal:") and '"confirmed": false' in line]
    assert len(fatal) == len(cut.windows), cut.output
    # ssh, which tries again and again, may get through just after the rollback: then the host itself says so.
    assert all(any(words in line for words in GONE_BACK) for line in fatal), cut.output


def test_rules_that_others_added_meanwhile_stay(cut: Cut) -> None:
    assert not any(window.others_changed for window in cut.windows.values()), cut
