"""What systemd is told of our units: all at once, since each time that it reads its units anew takes long."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import (
    Header,
    HostName,
    NamedSet,
    Refresh,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import UnitChange, carry_out
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

NAME = HostName("git.example.org", ("192.0.2.9",), {"4": ("vcs.names.v4",), "6": ()})
SETS = (NamedSet("vcs.names.v4", "vcs.names", ("192.0.2.9",)),)
ALL = Header(keeps=True, names=(NAME,), sets=SETS, refresh=Refresh(30, 3600, ())).line() + "table inet gatehouse\n"
KINDS = ("refresh.timer", "watch.timer", "denied.timer", "denied-at-shutdown.service")
TIMERS = [f"gatehouse-{kind}" for kind in KINDS]
STARTED = [
    ["systemctl", "start", "--no-block", "gatehouse-firewall.service"],
    ["systemctl", "restart", "--no-block", *TIMERS],
]


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path)


def told(host):
    """Return what systemd was told, but for the timer of a rollback."""
    found = [words for words in host.commands if words[0] == "systemctl" and "gatehouse-rollback" not in words[-1]]
    host.commands.clear()
    return found


def test_a_first_run_starts_all_units_by_two_commands_and_reads_none_anew(host):
    host.harden(ALL)

    assert told(host) == STARTED


def test_units_that_were_edited_are_read_anew_once(host):
    host.harden(ALL)
    for path in (host.root / "etc/systemd/system").glob("gatehouse-*"):
        path.write_text("edited")
    told(host)
    host.harden(ALL)

    assert told(host) == [["systemctl", "daemon-reload"], *STARTED]


def test_units_that_are_as_they_should_be_are_left_alone(host):
    host.harden(ALL)
    told(host)
    host.harden(ALL)

    assert told(host) == STARTED[:1]


def test_units_that_are_taken_away_are_gone_from_systemd_by_one_command(host):
    host.harden(ALL)
    told(host)
    host.firewall().remove()

    assert [words[1] for words in told(host)] == ["stop", "stop", "stop", "disable", "daemon-reload"]


def test_where_systemd_refuses_one_command_the_others_are_tried():
    asked = []

    def refuse(words):
        asked.append(words[1])
        raise FirewallError("systemctl failed")

    carry_out(refuse, [UnitChange(reload=True, start=("a.service",)), UnitChange(restart=("b.timer",))])

    assert asked == ["daemon-reload", "start", "restart"]
