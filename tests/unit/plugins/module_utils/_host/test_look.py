from __future__ import annotations

import types

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host import look as look_module
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.interpreter import Interpreter
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils._names.test_host_names import BACKENDS
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

RULESET = "#: ingress 22/tcp from office, flow admin\ntable inet gatehouse\n"
CONNECTION = {"source": "198.51.100.1", "destination": "198.51.100.21", "port": 22}


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(look_module, "management_connection", lambda _proc, _process: CONNECTION)
    host = FakeHost(tmp_path)
    host.harden(RULESET)
    return host


def look(host, wanted=None, diff=False):
    return look_module.look(host.firewall(), host.managers().found(), wanted, diff)


def test_a_look_changes_nothing_and_says_what_there_is(host):
    before = host.nft.changes, host.files()

    assert look(host) == {
        "changed": False,
        "packages": [],
        "tracks_connections": True,
        "drift": [],
        "host_names": [],
        "managers": [],
        "concerns": [],
        "management": CONNECTION,
        "in_force": "the ruleset confirmed last is in force",
        "rollback": "",
        "live": host.nft.table,
        "applied": RULESET,
    }
    assert (host.nft.changes, host.files()) == before


@pytest.mark.parametrize(("wanted", "differs"), [(RULESET, False), (f"{RULESET}# more\n", True), ("", True)])
def test_a_host_is_compared_with_what_is_wanted(host, wanted, differs):
    found = look(host, wanted)

    assert (found["differs"], found["changed"], "diff" in found) == (differs, False, False)


def test_the_python_that_asks_for_names_is_looked_at_where_there_are_any(host):
    host.python = Interpreter("/opt/python", "/opt has the mode 0777")

    assert look(host, RULESET)["cautions"] == []
    assert "/opt has the mode 0777" in look(host, BACKENDS["nftables"][1])["cautions"][0]


def test_a_diff_is_in_flows(host):
    assert look(host, "", diff=True)["diff"]["before"] == "ingress 22/tcp from office, flow admin\n"


def test_a_ruleset_that_nft_refuses_is_an_error(host):
    with pytest.raises(FirewallError):
        look(host, "# bad")


def test_what_somebody_changed_is_drift(host):
    host.nft.table += "accept\n"

    assert look(host)["drift"] == ["added: accept"]
    assert look(host, RULESET)["differs"]


def test_what_is_not_as_it_should_be_is_found_by_kind_and_flow(host):
    host.nft.table += "accept\n"
    host.units["firewalld.service"] = "ActiveState=active"
    found = look(host, RULESET.replace("flow admin", "flow others"))

    assert [(finding["kind"], finding["flow"]) for finding in found["findings"]] == [
        ("rule_added", ""),
        ("model_changed", "admin"),
        ("model_changed", "others"),
        ("another_manager", ""),
    ]
    assert 'gatehouse_drift{kind="model_changed"} 2\n' in found["metrics"]


def test_what_was_counted_is_said_where_it_is_asked_for(host):
    host.nft.table += '\tchain input_tcp_22 {\n\t\tcounter packets 3 bytes 180 accept comment "flow:admin"\n\t}\n'
    found = look_module.look(host.firewall(), [], RULESET, diff=False, count=True)

    usage = [{"flow": "admin", "direction": "ingress", "packets": 3, "bytes": 180}]
    assert (found["usage"], found["in_force_since"]) == (usage, None)
    assert 'gatehouse_flow_attempts_total{flow="admin",direction="ingress"} 3\n' in found["metrics"]
    assert "gatehouse_flow_attempts_total" not in look(host, RULESET)["metrics"]


def test_an_audit_of_a_host_as_it_should_be_is_clean(host):
    assert look(host, RULESET)["findings"] == []


@pytest.fixture
def this_host(host):
    """Return the host as modules have it: the fake one's firewall, and what it has found around it."""
    return types.SimpleNamespace(
        backend=host.backend, reason="", ebpf=dict, answers={}, wanted=RULESET, boot_command="sh load",
        firewall=host.firewall, managers=host.managers, surroundings=lambda: None,
    )  # fmt: skip


class Around:
    """What is around a host's rules."""

    def __init__(self, findings, filling=list, ways=None):
        self.findings, self.filling, self.ways_of = lambda _managers: findings, filling, lambda _management: ways or {}


def test_without_systemd_an_audit_says_that_nothing_loads_the_rules_at_boot(tmp_path, this_host, monkeypatch):
    monkeypatch.setattr(look_module, "restoring_scripts", lambda _root: [])
    assert look_module.look_at(this_host, diff=False)["findings"] == []

    bare = FakeHost(tmp_path / "bare", systemd=False)
    bare.harden(RULESET)
    this_host.firewall, this_host.managers = bare.firewall, bare.managers
    (found,) = look_module.look_at(this_host, diff=False)["findings"]
    assert found["kind"] == "not_at_boot"
    assert found["text"].startswith("nothing loads our rules at boot: sh load. This host has no systemd")


def test_what_is_around_is_found_once_something_is_wanted(this_host, monkeypatch):
    monkeypatch.setattr(look_module, "restoring_scripts", lambda _root: ["/etc/rc.local"])
    this_host.surroundings = lambda: Around([Finding("helper", "x")], lambda: [1 / 0])
    found = look_module.look_at(this_host, diff=False)

    assert [one["kind"] for one in found["concerns"]] == ["restored_at_boot", "helper"]
    assert found["findings"] == found["concerns"]
    this_host.wanted = ""
    assert look_module.look_at(this_host, diff=False)["concerns"] == []
    this_host.wanted = None
    assert look_module.look_at(this_host, diff=False)["concerns"] == []


def test_whether_the_table_of_connections_would_fill_is_asked_before_a_first_load_alone(tmp_path, this_host):
    asked = []
    this_host.surroundings = lambda: Around([], lambda: asked.append(1) or [])
    look_module.look_at(this_host, diff=False)
    assert asked == []

    this_host.firewall = FakeHost(tmp_path / "new").firewall
    look_module.look_at(this_host, diff=False)
    assert asked == [1]


def test_the_way_of_the_controllers_connection_is_said_with_it(this_host, monkeypatch):
    ssh = {"source": "203.0.113.7", "destination": "198.51.100.21", "port": 22}
    monkeypatch.setattr(look_module, "management_connection", lambda _proc, _process: dict(ssh))
    ways = {"comes_by": "eth1", "goes_back": "eth0"}
    this_host.surroundings = lambda: Around([], ways=ways)

    assert look_module.look_at(this_host, diff=False)["management"] == {**ssh, **ways}
    monkeypatch.setattr(look_module, "management_connection", lambda _proc, _process: None)
    assert look_module.look_at(this_host, diff=False)["management"] is None
