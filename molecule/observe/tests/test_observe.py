"""From a host that observes to one that enforces, with three services that nobody had declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from containers import UNLOAD, Completed
from fleet import APPS, BY_UDP, DECLARED, ENFORCE, OVER_IPV4, OVER_IPV6, Fleet, counts, pasted, rows


@pytest.fixture(scope="module")
def report(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the report, after all services were used."""
    folder = tmp_path_factory.mktemp("report")
    assert fleet.wrong(fleet.undeclared(), passes=True) == []
    done = fleet.playbook("report", f"--extra-vars=gatehouse_report_dir={folder}")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def unchanged(done: Completed) -> list[str]:
    """Return the hosts that the recap has as unchanged."""
    return sorted(re.findall(r"(?m)^(app\w+) +: .*changed=0 .*failed=0 ", done.stdout))


def test_whoever_is_not_in_the_model_passes_and_is_counted_by_peer_and_port(fleet: Fleet) -> None:
    before = fleet.counts()
    assert fleet.wrong(fleet.undeclared(), passes=True) == []
    client, stranger = fleet.hosts["client1"], fleet.hosts["stranger"]

    after = fleet.counts()
    for app in APPS:
        new = {key for key, count in after[app].items() if count > before[app].get(key, 0)}
        assert new == {
            (client.address("private", 4), "tcp", OVER_IPV4),
            (client.address("private", 6), "tcp", OVER_IPV6),
            (stranger.address("private", 4), "udp", BY_UDP),
        }


def test_what_a_flow_allows_is_not_counted(fleet: Fleet) -> None:
    assert fleet.wrong([fleet.probe("stranger", app, 4, DECLARED) for app in APPS], passes=True) == []

    assert not [key for counted in fleet.counts().values() for key in counted if key[2] == DECLARED]


def test_each_new_connection_counts_once(fleet: Fleet) -> None:
    key = (fleet.hosts["client1"].address("private", 4), "tcp", OVER_IPV4)
    before = fleet.counts()
    for _time in range(3):
        assert fleet.wrong([fleet.probe("client1", app, 4, OVER_IPV4) for app in APPS], passes=True) == []

    after = fleet.counts()
    assert {app: after[app][key] for app in APPS} == {app: before[app].get(key, 0) + 3 for app in APPS}


def test_a_second_run_changes_nothing_while_counting_goes_on(fleet: Fleet) -> None:
    assert fleet.wrong(fleet.undeclared(), passes=True) == []
    rules = fleet.rules()
    done = fleet.playbook("harden")

    assert done.returncode == 0, done.stdout + done.stderr
    assert unchanged(done) == [*APPS]
    assert fleet.rules() == rules
    audit = fleet.playbook("audit", "--extra-vars=gatehouse_audit_fail=true")
    assert audit.returncode == 0, audit.stdout
    assert audit.stdout.count(" only observes since ") == len(APPS)


def test_a_change_of_the_model_keeps_what_was_counted(fleet: Fleet, tmp_path: Path) -> None:
    assert fleet.wrong(fleet.undeclared(), passes=True) == []
    before = fleet.observed()
    more = tmp_path / "more.yml"
    more.write_text("gatehouse_flows: [{name: more, from: [client], to: [app], ports: [7000/tcp], why: a change}]\n")
    argument = pasted(tmp_path, more)
    for arguments in ([argument], []):
        done = fleet.playbook("harden", *arguments)
        assert done.stdout.count("changed=1") == len(APPS), done.stdout

    after = fleet.observed()
    assert {app: counts(after[app]) for app in APPS} == {app: counts(before[app]) for app in APPS}
    assert after["app1"]["observed_since"] == before["app1"]["observed_since"]


def test_a_boot_comes_up_observing(fleet: Fleet) -> None:
    rules = fleet.rules()
    for app in APPS:
        fleet.run(app, "systemctl", "restart", "gatehouse-firewall.service")

    assert {app: text.count("observed") for app, text in fleet.rules().items()} == {
        app: text.count("observed") for app, text in rules.items()
    }
    assert unchanged(fleet.playbook("harden")) == [*APPS]
    assert fleet.wrong(fleet.undeclared(), passes=True) == []


def test_the_report_has_the_flows_that_are_missing(fleet: Fleet, report: Path) -> None:
    found = rows(report / "missing_flows.yml")
    (zone,) = found["gatehouse_zones"]
    by_sender = {flow["from"][0]: (flow["to"], sorted(flow["ports"])) for flow in found["gatehouse_flows"]}

    assert zone["networks"] == [fleet.hosts["stranger"].address("private", 4)]
    assert by_sender == {
        "client": (["app"], ["8080/tcp", "8443/tcp"]),
        zone["name"]: (["app"], ["8053/udp"]),
    }
    assert any(" connections, first 20" in line for line in found["comments"])


def test_enforcing_is_refused_while_questions_are_open(fleet: Fleet) -> None:
    assert fleet.wrong(fleet.undeclared(), passes=True) == []
    rules = fleet.rules()
    plan = fleet.playbook("plan", ENFORCE)
    done = fleet.playbook("harden", ENFORCE)

    assert plan.returncode == 0, plan.stdout
    for text in (plan.stdout + plan.stderr, done.stdout + done.stderr):
        assert "to enforce would cut 3 of what it has seen" in text
        assert f"ingress {OVER_IPV4}/tcp from 203.0.113.105" in text
    assert "mode: enforce" in plan.stdout
    assert done.returncode != 0
    assert fleet.rules() == rules
    assert fleet.wrong(fleet.undeclared(), passes=True) == []


def test_what_was_pasted_passes_when_it_is_enforced_and_nothing_else_does(
    fleet: Fleet, report: Path, tmp_path: Path
) -> None:
    argument = pasted(tmp_path, report / "missing_flows.yml")
    done = fleet.playbook("harden", argument, ENFORCE)
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        assert fleet.wrong(fleet.undeclared(), passes=True) == []
        assert fleet.wrong(fleet.never_used(), passes=False) == []
        assert unchanged(fleet.playbook("harden", argument, ENFORCE)) == [*APPS]
        fleet.everywhere(UNLOAD)
        assert fleet.wrong(fleet.never_used(), passes=True) == []
    finally:
        done = fleet.playbook("harden")
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.wrong(fleet.never_used(), passes=True) == []


def test_a_connection_that_is_open_when_a_host_enforces_stays_and_no_other_comes(fleet: Fleet) -> None:
    for app in APPS:
        with fleet.conversation(app, 7777) as client:
            client.sendall(b"before")
            assert client.recv(64) == b"before"
            done = fleet.playbook("harden", ENFORCE, f"--limit={app}", "--extra-vars=gatehouse_accept_observed=true")
            assert done.returncode == 0, done.stdout + done.stderr
            client.sendall(b"after")
            assert client.recv(64) == b"after"
            assert fleet.wrong([fleet.probe("client1", app, 4, OVER_IPV4)], passes=False) == []
        assert fleet.playbook("harden", f"--limit={app}").returncode == 0


def test_a_flood_fills_the_sets_and_harms_nobody(fleet: Fleet, tmp_path: Path) -> None:
    for app in APPS:
        fleet.flood(app, 5000)

    found = fleet.observed()
    assert {app: found[app]["observed_full"] for app in APPS} == {app: ["ingress IPv4"] for app in APPS}
    assert all(len(found[app]["observed"]) >= 4096 for app in APPS)
    assert fleet.wrong(fleet.undeclared() + fleet.never_used(), passes=True) == []
    done = fleet.playbook("report", f"--extra-vars=gatehouse_report_dir={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    comments = rows(tmp_path / "missing_flows.yml")["comments"]
    assert [line for line in comments if "no room was left" in line]
    assert [line for line in comments if "ports between" in line]
    assert unchanged(fleet.playbook("harden")) == [*APPS]


def test_removing_our_rules_leaves_nothing_of_what_was_counted(fleet: Fleet) -> None:
    done = fleet.playbook("remove", "--limit=apps")

    assert done.returncode == 0, done.stdout + done.stderr
    shown = "nft list tables; ipset list -n; ls /var/lib/gatehouse /etc/gatehouse 2>/dev/null || true"
    assert not [text for text in fleet.everywhere(shown).values() if "gatehouse" in text]
