"""A fleet of which a region is missing: harden and refresh refuse, and nothing changes on any host.

The hosts are "this machine", in namespaces of their own, and each region has a source of the inventory.
"""

from __future__ import annotations

import json
import re

import pytest

ADDRESSES = {"app1": "198.51.100.11", "app2": "198.51.100.12", "app3": "198.51.100.13", "lone1": "198.51.100.21"}
OFFICE = ["203.0.113.1", "203.0.113.2"]
MODEL = {
    "gatehouse_classes": [{"name": "app", "groups": ["apps"]}, {"name": "lone", "groups": ["lones"]}],
    "gatehouse_zones": [{"name": "office", "networks": OFFICE}],
    "gatehouse_flows": [
        {"name": "cluster", "from": ["app"], "to": ["app"], "ports": ["7946/tcp"]},
        {"name": "site", "from": ["office"], "to": ["app", "lone"], "ports": ["443/tcp"]},
    ],
    "gatehouse_rollback_timeout": 30,
}
MORE = {**MODEL, "gatehouse_zones": [{"name": "office", "networks": [*OFFICE, "203.0.113.3"]}]}  # for every host
REFUSED = "34% of the 3 of app (IPv4), 198.51.100.13 among them"
REGIONS = {
    "region_a": ("apps", "app1"),
    "region_b": ("apps", "app2"),
    "region_c": ("apps", "app3"),
    "others": ("lones", "lone1"),
}


class Fleet:
    """The hosts, and who looks after them."""

    def __init__(self, hosts, pythons, playbook, folder):
        self._hosts, self._pythons, self._playbook, self.folder = hosts, pythons, playbook, folder
        self._hardened = None

    def declare(self):
        """Have all sources answer, with the whole model."""
        self.write(MODEL)
        for region, (group, name) in REGIONS.items():
            self.source(region, {group: [name]})

    def mend(self):
        """Have the hosts at the model."""
        if self.states() != self._hardened:
            code, output = self.play("harden", "-e", "gatehouse_accept_shrink=app,office")
            assert code == 0, output
            self._hardened = self.states()

    def write(self, model):
        (self.folder / "group_vars").mkdir(exist_ok=True)
        (self.folder / "group_vars" / "all.json").write_text(json.dumps(model), encoding="utf-8")

    def source(self, region, groups, code=0):
        """Write a script that answers with these hosts, as a cloud would, or fails."""
        local = {"ansible_connection": "local", "ansible_become": False}
        rows = {
            name: {**local, "ansible_python_interpreter": self._pythons[name], "gatehouse_addresses": address(name)}
            for names in groups.values()
            for name in names
        }
        answer = {"_meta": {"hostvars": rows}, **{name: {"hosts": hosts} for name, hosts in groups.items()}}
        path = self.folder / f"{region}.sh"
        path.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\nexit {code}\n", encoding="utf-8")
        path.chmod(0o755)

    def play(self, name, *arguments):
        """Run a playbook of ours; return its exit code and what it said, on one line."""
        done = self._playbook(name, *arguments)
        return done.code, re.sub(r"\s+", " ", done.output)

    def states(self):
        """Return what each host has in its kernel and for the next boot."""
        show = "nft list table inet gatehouse; cat /etc/gatehouse/ruleset.nft"
        return {name: host("sh", "-c", show).stdout for name, host in self._hosts.items()}


def address(name):
    return {"private": [ADDRESSES[name]]}


@pytest.fixture(scope="module")
def built(machines, pythons_of, play, tmp_path_factory):
    place = tmp_path_factory.mktemp("shrinking")
    hosts = {name: machines() for name in ADDRESSES}
    pythons = {name: pythons_of(host)() for name, host in hosts.items()}
    env = {"ANSIBLE_REMOTE_TMP": str(place / "tmp"), "ANSIBLE_INVENTORY_ENABLED": "script"}
    folder = place / "inventory"
    folder.mkdir()

    def run(name, *arguments):
        return play(f"gatehouse.firewall.{name}", folder, *arguments, cwd=place, env=env)

    return Fleet(hosts, pythons, run, folder)


@pytest.fixture
def declared(built):
    """The fleet of which all sources answer."""
    built.declare()
    return built


@pytest.fixture
def fleet(declared):
    """The fleet as it is when all is well, hardened."""
    declared.mend()
    return declared


each_playbook = pytest.mark.parametrize("playbook", ["harden", "refresh"])


@each_playbook
def test_a_source_that_fails_is_an_error_before_any_host_is_asked(declared, playbook):
    before = declared.states()
    declared.write(MORE)
    declared.source("region_c", {"apps": ["app3"]}, code=1)

    code, output = declared.play(playbook, "-e", "gatehouse_accept_shrink=app")
    said = f"inventory: got '{declared.folder}/region_c.sh', expected a source that Ansible can parse"
    assert (code, said in output) == (2, True), output
    assert declared.states() == before


def test_a_name_that_is_neither_a_class_nor_a_zone_can_lose_nothing(declared):
    code, output = declared.play("harden", "-e", "gatehouse_accept_shrink=offic")

    said = "gatehouse_accept_shrink[0]: got 'offic', expected one of app, lone, office; did you mean office?"
    assert (code, said in output) == (2, True), output


def test_a_dry_run_and_a_plan_warn_of_it_with_the_name_to_accept(fleet):
    before = fleet.states()
    fleet.source("region_c", {})

    for arguments in (["plan"], ["harden", "--check"]):
        code, output = fleet.play(*arguments)
        assert (code, output.count("[WARNING]: The model has lost addresses"), REFUSED in output) == (0, 1, True)
    assert fleet.states() == before


@each_playbook
def test_a_group_that_came_back_short_is_refused_before_any_host_changes_until_that_is_accepted(fleet, playbook):
    before = fleet.states()
    fleet.write(MORE)
    fleet.source("region_c", {})

    code, output = fleet.play(playbook)
    assert (code, REFUSED in output, "gatehouse_accept_shrink: [app]" in output) == (2, True, True), output
    assert fleet.states() == before

    code, output = fleet.play(playbook, "-e", "gatehouse_accept_shrink=app")
    assert code == 0, output
    after = fleet.states()
    assert {name for name in after if after[name] != before[name]} == {"app1", "app2", "lone1"}
    assert "198.51.100.13" not in after["app1"]
