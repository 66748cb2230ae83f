"""Machines that come and go: the playbook refresh changes who a class is on its peers, and no rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from containers import Completed
from fleet import APPS, INVENTORY, Fleet, probes
from prober import Probe, disagreements

MODEL = yaml.safe_load((INVENTORY / "group_vars" / "all.yml").read_text())
ZONES = MODEL["gatehouse_zones"]
ONE_MORE_FLOW = MODEL["gatehouse_flows"] + [
    {"name": "another", "from": ["client"], "to": ["app"], "ports": ["8081/tcp"], "why": "a change of rules"}
]


@pytest.fixture(scope="module", autouse=True)
def _hardened(fleet: Fleet) -> None:
    done = fleet.playbook("harden")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def joined(tmp_path: Path) -> Iterator[str]:
    """Return the argument by which the inventory has one host more in the group clients."""
    file = tmp_path / "joined.yml"
    file.write_text("clients: {hosts: {client2: {}}}\n")
    return f"--inventory={file}"


def accept(*names: str) -> str:
    """Return the argument by which these may lose addresses."""
    return f"--extra-vars=gatehouse_accept_shrink={','.join(names)}"


def refresh(fleet: Fleet, *arguments: str) -> Completed:
    return fleet.playbook("refresh", *arguments)


def newcomer(fleet: Fleet, passes: bool) -> dict[Probe, bool]:
    """Return the probes of the host that joins: the flow of its class, and a port that its class has no flow to."""
    found = {}
    for app in APPS:
        found.update(dict.fromkeys(probes(fleet.hosts["client2"], fleet.hosts[app], "tcp", 8080), passes))
        found.update(dict.fromkeys(probes(fleet.hosts["client2"], fleet.hosts[app], "tcp", 8443), False))
        found.update(dict.fromkeys(probes(fleet.hosts["client1"], fleet.hosts[app], "tcp", 8080), True))
    return found


def wrong(fleet: Fleet, expected: dict[Probe, bool]) -> list[str]:
    return list(map(str, disagreements(expected, fleet.namespaces, closed_passes=False)))


def test_a_host_that_joins_a_class_has_its_flows_on_its_peers_and_no_rule_changes(fleet: Fleet, joined: str) -> None:
    assert wrong(fleet, newcomer(fleet, passes=False)) == []
    rules, states = fleet.rules(), fleet.states()

    # Every host of the fleet knows its peers from strangers, client1 as well.
    assert refresh(fleet, joined, "--check").stdout.count("changed=1") == len(APPS) + 1
    assert fleet.states() == states
    with ExitStack() as stack:
        streams = [stack.enter_context(fleet.stream(app)) for app in APPS]
        done = refresh(fleet, joined)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [(one.sent > 100, one.lost) for one in streams] == [(True, 0)] * len(APPS)
    assert wrong(fleet, newcomer(fleet, passes=True)) == []
    assert fleet.rules() == rules

    again = refresh(fleet, joined)
    assert "changed=1" not in again.stdout, again.stdout
    hardened = fleet.playbook("harden", joined, "--limit=apps")
    assert "changed=1" not in hardened.stdout, hardened.stdout


def test_networks_that_overlap_change_as_well(fleet: Fleet) -> None:
    for networks, playbook in (
        (["198.51.100.60/30", "2001:db8:1::60/123"], "harden"),
        (["198.51.100.56/29", "2001:db8:1::40/122"], "refresh"),
        (["198.51.100.62/31", "198.51.100.128/25", "2001:db8:1::62/127"], "refresh"),
    ):
        before = fleet.rules()
        zones = [*ZONES[:2], {"name": "vcs", "networks": networks}]
        model = f"--extra-vars={json.dumps({'gatehouse_zones': zones})}"
        done = fleet.playbook(playbook, "--limit=apps", model, accept("client", "vcs"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert playbook == "harden" or fleet.rules() == before
    assert wrong(fleet, {**fleet.talk("git1", False), **fleet.talk("git2", True)}) == []
    assert fleet.playbook("harden", "--limit=apps", accept("vcs")).returncode == 0


def test_a_host_that_leaves_its_class_has_them_no_more(fleet: Fleet, joined: str) -> None:
    assert refresh(fleet, joined).returncode == 0
    rules = fleet.rules()

    done = refresh(fleet, "--diff", accept("client"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("-client is 198.51.100.22") == len(APPS), done.stdout
    assert wrong(fleet, newcomer(fleet, passes=False)) == []
    assert fleet.rules() == rules


def test_a_host_without_rules_of_ours_is_skipped(fleet: Fleet, joined: str) -> None:
    done = refresh(fleet, joined, "--limit=client2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipping: [client2]" in done.stdout
    assert fleet.run("client2", "sh", "-c", "nft list ruleset") == ""


def test_where_rules_differ_as_well_nothing_changes(fleet: Fleet, joined: str) -> None:
    states = fleet.states()
    done = refresh(fleet, joined, f"--extra-vars={json.dumps({'gatehouse_flows': ONE_MORE_FLOW})}")

    assert done.returncode != 0
    assert done.stdout.count("More than addresses differ on this host") >= len(APPS), done.stdout
    assert fleet.states() == states


def test_addresses_that_would_cut_us_off_are_refused(fleet: Fleet) -> None:
    states = fleet.states()
    zones = [{"name": "ssh_admin", "networks": ["198.51.100.99", "2001:db8:1::99"]}, *ZONES[1:]]
    done = refresh(fleet, f"--extra-vars={json.dumps({'gatehouse_zones': zones})}")

    assert done.returncode != 0
    assert "reaches the host from 198.51.100.1 at port 22/tcp" in done.stdout, done.stdout
    assert fleet.states() == states
