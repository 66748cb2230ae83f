"""Rules that something has flushed are seen within a minute and a bit, and loaded again by hosts that may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from fleet import ALL_AT_ONCE, Fleet, State, harden
from patience import wait_until

HEALING = ("app1", "app2")
SEEN_WITHIN = 70
FLUSH = """nft flush ruleset
for command in iptables ip6tables; do for table in filter mangle; do
    $command -w -t $table -F; $command -w -t $table -X
done; done
ipset destroy 2>/dev/null || true"""
LOOK = "systemctl start gatehouse-watch.service; true"
STATE = "systemctl is-failed gatehouse-watch.service || true"
SAID = (
    "journalctl --sync; journalctl --unit=gatehouse-watch.service --output=cat --no-pager | grep '^gatehouse: ' || true"
)
NOT_IN_FORCE = "none of our rules is in force: something has flushed or deleted them"


def restored(fleet: Fleet, watched: dict[str, State], names: Iterable[str]) -> bool:
    """Return whether these hosts have the rules that they had at first."""
    rules = fleet.rulesets()
    return all(rules[name] == watched[name].rules for name in names)


def looked(fleet: Fleet) -> dict[str, str]:
    """Return the state of each host's watch after another look."""
    fleet.everywhere(LOOK)
    return fleet.everywhere(STATE)


@pytest.fixture(scope="module")
def watched(fleet: Fleet, hardened: dict[str, State]) -> Iterator[dict[str, State]]:
    done = harden({"gatehouse_self_heal": f"{{{{ inventory_hostname in {HEALING!r} }}}}"}, ALL_AT_ONCE)
    assert done.returncode == 0, done.stdout + done.stderr
    yield fleet.states()
    done = harden(ALL_AT_ONCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert restored(fleet, hardened, fleet.managed)


def test_a_look_by_hand_is_content_and_says_nothing(fleet: Fleet, watched: dict[str, State]) -> None:  # noqa: ARG001
    # One that came while others tried changes by the loader alone has found them, and the next is content again.
    fleet.everywhere(LOOK)
    before = fleet.everywhere(SAID)
    assert set(fleet.everywhere(f"systemctl start gatehouse-watch.service; {STATE}").values()) == {"inactive\n"}
    assert fleet.everywhere(SAID) == before
    in_force = fleet.everywhere("grep -v '^#' /run/gatehouse-watch/gatehouse.prom")
    assert all("gatehouse_rules_in_force 1\n" in text for text in in_force.values()), in_force


def test_what_was_flushed_is_seen_and_loaded_again_where_that_was_said(fleet: Fleet, watched: dict[str, State]) -> None:
    fleet.everywhere(LOOK)
    fleet.everywhere(FLUSH)
    assert set(fleet.rulesets().values()) == {""}
    wait_until(lambda: all(NOT_IN_FORCE in said for said in fleet.everywhere(SAID).values()), SEEN_WITHIN)
    wait_until(lambda: restored(fleet, watched, HEALING), 10)
    assert all(rules == "" for name, rules in fleet.rulesets().items() if name not in HEALING)

    # A look that comes while the rules are still being loaded may say so; those after it don't.
    expected = {name: "inactive\n" if name in HEALING else "failed\n" for name in fleet.managed}
    wait_until(lambda: looked(fleet) == expected, SEEN_WITHIN)
