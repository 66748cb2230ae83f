"""A host whose saved ruleset can't be loaded at boot is closed, says so, and stays in reach."""

from __future__ import annotations

import pytest
from containers import probes
from fleet import ALL_AT_ONCE, Fleet, State, harden
from prober import disagreements, listening
from traffic import REPORTS, VISITS

SPOIL = "for file in /etc/gatehouse/ruleset.*; do echo 'nobody can read this' >> $file; done"
UNIT = "gatehouse-firewall.service"


@pytest.fixture(scope="module", autouse=True)
def _spoilt(fleet: Fleet, hardened: dict[str, State]) -> None:  # noqa: ARG001
    fleet.everywhere(SPOIL)
    fleet.restart_all()


def test_only_loopback_replies_and_the_management_flow_pass(fleet: Fleet) -> None:
    office = fleet.hosts["office"]
    expected = {}
    for name in fleet.managed:
        host = fleet.hosts[name]
        expected.update(dict.fromkeys(probes(office, host, [("tcp", VISITS), ("udp", VISITS)]), False))
        expected.update(dict.fromkeys(probes(host, office, [("tcp", REPORTS), ("udp", REPORTS)]), False))
        expected.update(dict.fromkeys(probes(host, host, [("tcp", VISITS), ("udp", VISITS)]), True))
    with listening(fleet.namespaces, [VISITS, REPORTS], [VISITS, REPORTS]):
        assert disagreements(expected, fleet.namespaces) == []
    assert all(fleet.each(fleet.new_login).values())
    assert all(fleet.each(fleet.new_login_over_other_family).values())


@pytest.mark.parametrize("command", [f"systemctl status {UNIT}", f"journalctl --unit={UNIT}"])
def test_the_unit_has_failed_and_says_so(fleet: Fleet, command: str) -> None:
    assert set(fleet.everywhere(f"systemctl is-failed {UNIT}").values()) == {"failed\n"}
    said = fleet.everywhere(f"{command} --no-pager || true")
    assert all("The saved ruleset could not be loaded" in words for words in said.values()), said
    assert all("nly replies and the management flow pass until it is" in words for words in said.values()), said


def test_harden_mends_it(fleet: Fleet, hardened: dict[str, State]) -> None:
    done = harden(ALL_AT_ONCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.differences(hardened) == []


def test_the_unit_has_not_failed_any_more(fleet: Fleet) -> None:
    assert set(fleet.everywhere(f"systemctl is-active {UNIT} || true").values()) == {"active\n"}
