from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host import steps
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.steps import take
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

RULESET = "#: ingress 22/tcp from office, flow admin\ntable inet gatehouse\n"

NOW, OVER = "203.0.113.7 50022", "203.0.113.7 50021"


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "here", lambda: NOW)
    return FakeHost(tmp_path)


def do(host, step, wanted=RULESET, change="", connection="", checks=()):
    params = {"rollback_timeout": 30, "fallback": "fallback", "change": change, "connection": connection}
    params["allows"] = None
    params["checks"] = checks
    return take(step, host.firewall(), host.managers(), wanted, params)


def test_the_steps_bring_a_host_to_a_ruleset(host):
    assert do(host, "start_tracking") == {"changed": True}
    loaded = do(host, "load")
    confirmed = do(host, "confirm", change=loaded["change"], connection=OVER)
    assert confirmed == {"changed": True, "confirmed": True, "new_connection": True, "persisted": True}
    assert host.firewall().is_at(RULESET)


def test_the_connection_of_the_change_itself_confirms_nothing(host, monkeypatch):
    loaded = do(host, "load")
    assert loaded["connection"] == NOW
    again = do(host, "confirm", change=loaded["change"], connection=loaded["connection"])
    assert again == {"changed": False, "same_connection": NOW}
    assert host.firewall().rollback_state == "waits"

    monkeypatch.setattr(steps, "here", lambda: OVER)
    assert do(host, "confirm", change=loaded["change"], connection=loaded["connection"])["new_connection"]


@pytest.mark.parametrize(("over", "now"), [("", NOW), (OVER, ""), ("", "")])
def test_where_there_is_nothing_to_compare_no_connection_is_called_new(host, monkeypatch, over, now):
    monkeypatch.setattr(steps, "here", lambda: now)
    confirmed = do(host, "confirm", change=do(host, "load")["change"], connection=over)

    assert (confirmed["confirmed"], confirmed["new_connection"]) == (True, False)


def test_a_confirmation_that_comes_too_late_says_what_is_in_force(host):
    late = "the host has gone back, and no rules of ours are in force"

    assert do(host, "confirm") == {"changed": False, "too_late": late, "gone_back": True}
    assert host.files() == {"run/gatehouse/lock"}


def test_without_systemd_a_ruleset_does_not_persist_and_says_so(tmp_path):
    host = FakeHost(tmp_path, systemd=False)
    loaded = do(host, "load")

    assert do(host, "confirm", change=loaded["change"])["persisted"] is False


def test_removal_takes_everything_away(host):
    host.harden(RULESET)

    assert do(host, "remove", wanted=None) == {"changed": True}
    assert (host.files(), host.nft.table) == (set(), "")


def test_a_ruleset_that_nft_refuses_is_an_error(host):
    with pytest.raises(FirewallError):
        do(host, "load", wanted="# bad")

    assert (host.nft.changes, host.files()) == (0, set())


@pytest.mark.parametrize(
    ("found", "concerns", "tracking_started"),
    [
        ({"differs": True, "tracks_connections": False, "packages": []}, [], True),
        ({"differs": True, "tracks_connections": False, "packages": []}, [{"kind": "not_at_boot"}], True),
        ({"differs": True, "tracks_connections": False, "packages": []}, [{"kind": "conntrack_full"}], False),
        ({"differs": False, "tracks_connections": False, "packages": []}, [], False),
        ({"differs": True, "tracks_connections": True, "packages": []}, [], False),
        ({"differs": True, "tracks_connections": False, "packages": ["nftables"]}, [], False),
    ],
)
def test_a_look_before_a_first_ruleset_starts_connection_tracking_unless_that_fills_the_table(
    host, monkeypatch, found, concerns, tracking_started
):
    monkeypatch.setattr(steps, "look_at", lambda _host, _diff: {"concerns": concerns, **found})

    assert bool(steps.prepare(host, False).get("tracking_started")) is tracking_started
    assert ("start_tracking" in host.nft.table) is tracking_started
    do(host, "stop_tracking")
    assert host.nft.table == ""
