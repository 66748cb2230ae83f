"""The built collection in the playbook of somebody who has nothing of this repository.

The play runs on "this machine" inside namespaces of its own, which end with the test: the fixture machine has them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = {
    "all": {
        "vars": {
            "gatehouse_profile": "circleci_server_4",
            "gatehouse_classes": [
                {"name": "k8s_node", "groups": ["cluster"]},
                {"name": "nomad_client", "groups": ["build_machines"]},
                {"name": "external_vm", "networks": ["198.51.100.32/28"]},
                {"name": "load_balancer", "networks": ["198.51.100.10"]},
            ],
            "gatehouse_rollback_timeout": 30,
        },
        "children": {
            "cluster": {"hosts": {"k8s1": {"ansible_host": "198.51.100.11"}}},
            "build_machines": {"hosts": {"nomad1": {"ansible_host": "198.51.100.21"}}},
        },
    }
}
ROLES = {
    "site_accounts": [{"ansible.builtin.command": "nft add table ip somebody_else", "changed_when": False}],
    "site_settings": [{"ansible.builtin.copy": {"content": "x\n", "dest": "/etc/site.conf", "mode": "0644"}}],
}
PLAY = {
    "hosts": "build_machines",
    "gather_facts": False,
    "connection": "local",
    "roles": ["site_accounts", "gatehouse.firewall.nomad_client", "site_settings"],
}
REMOVAL = {**PLAY, "roles": ["site_accounts"], "tasks": [{"gatehouse.firewall.ruleset": {"state": "absent"}}]}


@pytest.fixture(scope="module")
def home(environment, program, write, tmp_path_factory):
    """The folder of that somebody: an inventory, playbooks, other roles, and the collection in an empty path."""
    home = tmp_path_factory.mktemp("somebody")
    env = {**environment, "ANSIBLE_COLLECTIONS_PATH": str(home / "collections")}

    def galaxy(*words):
        command = [program("ansible-galaxy"), "collection", *words]
        done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    galaxy("build", str(ROOT), "--output-path", str(home))
    galaxy("install", str(next(home.glob("*.tar.gz"))), "--offline", "-p", str(home / "collections"))
    write(home / "inventory.yml", INVENTORY)
    write(home / "site.yml", [PLAY])
    write(home / "removal.yml", [REMOVAL])
    for role, tasks in ROLES.items():
        write(home / "roles" / role / "tasks" / "main.yml", tasks)
    return home


@pytest.fixture(scope="module")
def ran(machine, home, environment, program):
    """Run the playbook: in a check, for the first time, again, and the removal twice; look at the kernel in between.

    It comes to the model with pipelining, and so without Ansible's part of our modules; all else is without it.
    """
    env = {
        **environment,
        "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),
        "ANSIBLE_REMOTE_TMP": str(home / "tmp"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    outcomes = {}
    for name, pipelining, playbook, *more in (
        ("check", False, "site.yml", "--check", "--diff"),
        ("first", True, "site.yml"),
        ("second", True, "site.yml"),
        ("removal", False, "removal.yml"),
        ("removal again", False, "removal.yml"),
    ):
        words = [program("ansible-playbook"), "-i", "inventory.yml", playbook, *more]
        done = machine(*words, cwd=home, env={**env, "ANSIBLE_PIPELINING": str(pipelining)})
        rules = machine("nft", "-s", "list", "ruleset").stdout
        files = machine("sh", "-c", "ls -d /etc/gatehouse/* /var/lib/gatehouse/* /run/gatehouse/* 2>/dev/null").stdout
        outcomes[name] = done.returncode, done.stdout + done.stderr, rules, files.split()
    return outcomes


def recap(output):
    return dict(re.findall(r"(ok|changed|unreachable|failed)=(\d+)", output))


@pytest.mark.parametrize("name", ["check", "first", "second", "removal", "removal again"])
def test_every_run_ends_well(ran, name):
    code, output, *_state = ran[name]

    assert code == 0, output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("name", "changed"), [("check", "2"), ("first", "2"), ("second", "0"), ("removal", "1"), ("removal again", "0")]
)
def test_a_run_says_what_it_changed(ran, name, changed):
    assert recap(ran[name][1])["changed"] == changed, ran[name][1]


def test_a_check_loads_nothing_and_shows_the_flows(ran):
    _code, output, rules, files = ran["check"]

    assert "inet gatehouse" not in rules
    assert files == []
    assert "+ingress 4647/tcp from k8s_node, flow k8s_to_nomad" in output


def test_the_kernel_has_the_rules_of_the_class_and_those_of_others(ran):
    rules = ran["first"][2]

    assert "table ip somebody_else" in rules
    assert 'accept comment "flow:k8s_to_nomad"' in rules
    assert "198.51.100.11" in rules
    assert rules == ran["second"][2]


def test_the_ruleset_is_kept_for_the_next_boot(ran):
    names = ["etc/gatehouse/fallback.nft", "etc/gatehouse/replace.sh", "etc/gatehouse/ruleset.nft"]
    kept = [f"/{name}" for name in (*names, "var/lib/gatehouse/before.json", "var/lib/gatehouse/live.nft")]

    assert [file for file in ran["first"][3] if not file.startswith("/run/")] == kept


def test_a_host_keeps_our_modules_where_they_run_without_ansibles_part(ran):
    kept = {name: [file for file in files if "modules-" in file] for name, (*_done, files) in ran.items()}

    assert {name: len(files) for name, files in kept.items()} == {**dict.fromkeys(ran, 0), "first": 1, "second": 1}
    assert kept["first"] == kept["second"]


def test_removal_leaves_nothing_of_ours_and_everything_of_others(ran):
    _code, _output, rules, files = ran["removal"]

    assert "gatehouse" not in rules
    assert "table ip somebody_else" in rules
    assert files == []


def test_nothing_of_it_reached_this_machine(ran):
    assert ran
    assert not Path("/etc/site.conf").exists()
