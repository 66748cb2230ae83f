"""Where a model may be written, and what changes nothing about it: order, facts, and who is planned."""

from __future__ import annotations

import re

import pytest
import yaml

SSH = {"name": "ssh", "from": ["office"], "to": ["web"], "ports": ["22/tcp"]}
SQL = {"name": "sql", "from": ["web"], "to": ["db"], "ports": ["5432/tcp"]}
ONLY = {**SQL, "name": "only"}
BACKUP = {"name": "backup", "from": ["db"], "to": ["web"], "ports": ["873/tcp"]}


@pytest.fixture(scope="module")
def inventory(fleet, write, tmp_path_factory):
    """A fleet whose flows stand in the variables of all, of two groups and of a host."""
    content = fleet(webs={"gatehouse_flows": [SSH]}, dbs={"gatehouse_flows": [SQL]}, web2={"gatehouse_flows": [BACKUP]})
    return write(tmp_path_factory.mktemp("inventory") / "hosts.yml", content)


@pytest.fixture(scope="module")
def files(planned, inventory, tmp_path_factory):
    return planned(inventory, tmp_path_factory.mktemp("plan"))


def flows_in(ruleset):
    return {
        line.rpartition("flow ")[2] for line in ruleset.splitlines() if line.startswith(("#: ingress", "#: egress"))
    }


def test_lists_of_all_groups_and_hosts_merge(files):
    assert flows_in(files["web1"]) == flows_in(files["web2"]) == {"site", "ssh", "sql", "backup"}
    assert flows_in(files["db1"]) == {"sql", "backup"}


def test_what_is_set_on_the_command_line_takes_the_place_of_every_list(inventory, planned, tmp_path):
    found = planned(inventory, tmp_path, gatehouse_flows=[ONLY])

    assert flows_in(found["web1"]) == flows_in(found["db1"]) == {"only"}


def test_it_does_so_too_where_a_group_says_the_same(inventory, planned, tmp_path):
    assert flows_in(planned(inventory, tmp_path, gatehouse_flows=[SQL])["web1"]) == {"sql"}


def test_the_order_of_hosts_groups_and_files_changes_no_byte(files, planned, inventory, write, tmp_path):
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(list(value))}
        return value

    backwards = turned(yaml.safe_load(inventory.read_text()))
    other = write(tmp_path / "hosts.yml", backwards)

    assert planned(other, tmp_path / "plan") == files


def test_an_inventory_of_many_files_is_the_same_model(files, planned, inventory, write, tmp_path):
    folder = tmp_path / "inventory"
    content = yaml.safe_load(inventory.read_text())["all"]
    write(folder / "group_vars" / "all" / "model.yml", content.pop("vars"))
    for name, group in content["children"].items():
        write(folder / "group_vars" / f"{name}.yml", group.pop("vars"))
    write(folder / "host_vars" / "web2.yml", content["children"]["webs"]["hosts"].pop("web2"))
    content["children"]["webs"]["hosts"]["web2"] = {}
    write(folder / "hosts.yml", {"all": content})

    assert planned(folder, tmp_path / "plan") == files


FACTS = {
    "ansible_default_ipv4": {"address": "10.9.9.9"},
    "ansible_all_ipv4_addresses": ["10.9.9.9"],
    "ansible_facts": {"default_ipv4": {"address": "10.9.9.9"}},
    "ansible_hostname": "elsewhere",
}


@pytest.fixture
def after_facts(write, tmp_path):
    """Write a play that sets facts of a host before the plan."""

    def playbook(hosts, facts):
        tasks = [{"ansible.builtin.set_fact": facts}]
        plays = [
            {"hosts": hosts, "gather_facts": False, "tasks": tasks},
            {"import_playbook": "gatehouse.firewall.plan"},
        ]
        return write(tmp_path / "play.yml", plays)

    return playbook


def test_facts_change_no_byte(files, planned, inventory, after_facts, tmp_path):
    assert planned(inventory, tmp_path / "plan", playbook=after_facts("all", FACTS)) == files


@pytest.mark.parametrize("hosts", ["web1", "all"])
def test_an_address_that_is_only_a_fact_counts_for_nobody(files, planned, inventory, after_facts, tmp_path, hosts):
    found = planned(inventory, tmp_path / "plan", playbook=after_facts(hosts, {"ansible_host": "10.9.9.9"}))

    assert found == files


def test_an_interface_on_the_command_line_is_every_hosts(planned, fleet, write, tmp_path):
    model = {
        "gatehouse_classes": [{"name": "web", "groups": ["webs"]}],
        "gatehouse_zones": [{"name": "office", "networks": ["203.0.113.0/24"]}],
        "gatehouse_flows": [{**SSH, "side": "public"}],
    }
    inventory = write(tmp_path / "hosts.yml", fleet(all=model))
    found = planned(inventory, tmp_path / "plan", gatehouse_interfaces={"public": "eth1"})

    assert 'iifname { "eth1" } ip saddr @office.public.v4 counter accept' in found["web1"]


def test_values_may_be_templates_of_the_groups_or_the_hosts_own_variables(planned, fleet, write, files, tmp_path):
    model = {
        "the_office": ["203.0.113.0/24"],
        "gatehouse_classes": "{{ [{'name': 'web', 'groups': ['webs']}] + [{'name': 'db', 'groups': ['dbs']}] }}",
        "gatehouse_zones": [{"name": "office", "networks": "{{ the_office }}"}],
        "gatehouse_flows": [{"name": "site", "from": ["office"], "to": ["web"], "ports": ["{{ https }}/tcp"]}],
        "https": 443,
        "net": "192.0.2",
    }
    inventory = fleet(
        all=model,
        webs={"gatehouse_flows": [{**SSH, "ports": ["{{ ssh_port }}/tcp"]}], "ssh_port": 22},
        dbs={"gatehouse_flows": [SQL], "ansible_host": "{{ net }}.11"},
        web1={"ansible_host": "{{ net }}.{{ number }}", "number": 1},
        web2={
            "gatehouse_flows": [BACKUP],
            "gatehouse_addresses": {"private": ["{{ net }}.2"]},
            "ansible_host": "unused",
        },
    )

    assert planned(write(tmp_path / "hosts.yml", inventory), tmp_path / "plan") == files


def test_the_model_may_stand_in_a_play_or_beside_the_playbook(files, planned, inventory, write, tmp_path):
    content = yaml.safe_load(inventory.read_text())
    model = content["all"].pop("vars")
    bare = write(tmp_path / "inventory" / "hosts.yml", content)
    tasks = [{"ansible.builtin.import_role": {"name": "gatehouse.firewall.host", "tasks_from": "plan"}}]
    write(tmp_path / "beside" / "group_vars" / "all.yml", model)
    beside = write(tmp_path / "beside" / "play.yml", [{"hosts": "all", "gather_facts": False, "tasks": tasks}])

    assert planned(bare, tmp_path / "plan", playbook=beside) == files


@pytest.fixture
def in_folders(fleet, write, tmp_path):
    """Write an inventory whose model lies in a folder of group_vars, beside one more file."""

    def to_files(other):
        content = fleet()
        folder = tmp_path / "inventory" / "group_vars"
        write(folder / "all" / "model.yml", content["all"].pop("vars"))
        write(folder / other, {"gatehouse_flows": [BACKUP]})
        return write(tmp_path / "inventory" / "hosts.yml", content)

    return to_files


@pytest.mark.parametrize("other", ["all/ssh.yml", "all.yml"])
def test_files_of_one_group_that_hide_each_others_lists_are_an_error(plan, in_folders, tmp_path, other):
    (failure,) = plan(in_folders(other), tmp_path / "plan").failures

    hidden = re.search(r"gatehouse_flows \((\S+)\): got .* in one file of the group: (\S+) has it, too", failure)
    assert set(hidden.groups()) == {"group_vars/all/model.yml", f"group_vars/{other}"}
    assert not (tmp_path / "plan").exists()


def test_files_of_two_groups_hide_nothing(planned, in_folders, tmp_path):
    assert flows_in(planned(in_folders("webs/more.yml"), tmp_path / "plan")["web1"]) == {"site", "backup"}


def test_what_a_play_sets_takes_the_place_of_every_list(planned, inventory, write, tmp_path):
    tasks = [{"ansible.builtin.import_role": {"name": "gatehouse.firewall.host", "tasks_from": "plan"}}]
    plays = [{"hosts": "all", "gather_facts": False, "vars": {"gatehouse_flows": [ONLY]}, "tasks": tasks}]
    found = planned(inventory, tmp_path / "plan", playbook=write(tmp_path / "play.yml", plays))

    assert flows_in(found["web1"]) == {"only"}


def test_a_zones_host_name_may_be_a_host_of_the_inventory(planned, fleet, write, tmp_path):
    model = {
        "gatehouse_classes": [{"name": "web", "groups": ["webs"]}],
        "gatehouse_zones": [{"name": "storage", "hostnames": ["nas"]}],
        "gatehouse_flows": [{"name": "files", "from": ["web"], "to": ["storage"], "ports": ["2049/tcp"]}],
    }
    found = planned(write(tmp_path / "hosts.yml", fleet(all=model)), tmp_path / "plan")

    assert set(found) == {"web1", "web2"}
    assert "192.0.2.99," in found["web1"]
