"""What a host says of itself is no order: neither in an earlier play or run, nor in the answer to a task of ours."""

from __future__ import annotations

import json
import re
import stat
import sys

import pytest

MODULE = """\
import json, sys
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"facts": {"type": "dict"}})
module.exit_json(ansible_facts=module.params["facts"])
"""
ANSWER = "#!/bin/sh\ncat <<'END'\n{}\nEND\n"
MODEL = {
    "gatehouse_classes": [{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}],
    "gatehouse_zones": [{"name": "office", "networks": ["{{ office }}"]}],
    "gatehouse_flows": [{"name": "site", "from": ["office"], "to": ["web"], "ports": ["443/tcp"]}],
    "office": "203.0.113.0/24",
}
LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
PLAN = {"import_playbook": "gatehouse.firewall.plan"}


def recap(outcome):
    found = re.findall(r"^(\S+)\s+: ok=.* unreachable=(\d).* failed=(\d)", outcome.output, re.MULTILINE)
    return {host: {"unreachable": int(dark), "failed": int(failed)} for host, dark, failed in found}


@pytest.fixture
def told(fleet, write, tmp_path):
    """Write an inventory, and a playbook in which a host returns facts before other playbooks run."""

    def to_files(host, facts, *books, **variables):
        (tmp_path / "library").mkdir(exist_ok=True)
        (tmp_path / "library" / "tell.py").write_text(MODULE, encoding="utf-8")
        inventory = write(tmp_path / "hosts.yml", fleet(**{host: LOCAL}, **variables))
        first = {"hosts": host, "gather_facts": False, "tasks": [{"tell": {"facts": facts}}]}
        return inventory, write(tmp_path / "play.yml", [first, *books])

    return to_files


@pytest.fixture(scope="module")
def files(planned, fleet, write, tmp_path_factory):
    """The plan where nothing is a fact."""
    folder = tmp_path_factory.mktemp("plain")
    return planned(write(folder / "hosts.yml", fleet()), folder / "plan")


@pytest.mark.parametrize("host", ["db1", "web1"])
def test_a_host_with_facts_named_like_our_variables_fails_alone_and_the_others_are_planned(
    plan, files, told, tmp_path, host
):
    facts = {"gatehouse_flows": [], "gatehouse_backend": "iptables", "gatehouse_echo_request": False}
    inventory, book = told(host, {**facts, "gatehouse_plan_dir": str(tmp_path / "elsewhere")}, PLAN)
    outcome = plan(inventory, tmp_path / "plan", playbook=book)

    (failure,) = outcome.failures
    names = "gatehouse_backend, gatehouse_echo_request, gatehouse_flows, gatehouse_plan_dir"
    assert failure.startswith(f"{host} has facts that are named like variables of ours: {names}. They are not read")
    assert {name for name, counts in recap(outcome).items() if counts["failed"]} == {host}
    assert {path.stem: path.read_text() for path in (tmp_path / "plan").iterdir()} == {
        name: text for name, text in files.items() if name != host
    }


def test_harden_leaves_such_a_host_alone_before_it_asks_any(play, told):
    inventory, book = told("web1", {"gatehouse_flows": []}, {"import_playbook": "gatehouse.firewall.harden"})
    outcome = play(book, inventory, "--limit", "web1")

    (failure,) = outcome.failures
    assert failure.startswith("web1 has facts that are named like variables of ours: gatehouse_flows. ")
    assert "Apply the host's ruleset" not in outcome.output


@pytest.mark.parametrize(("name", "fact"), [("plan", "gatehouse_plan_dir"), ("report", "reports")])
def test_no_fact_chooses_where_the_controller_writes(play, told, tmp_path, name, fact):
    """Neither by its own name nor as a variable of a template; web1 is the host whose variables Ansible reads."""
    wanted, evil = tmp_path / "wanted", tmp_path / "evil"
    model = {"all": {**MODEL, f"gatehouse_{name}_dir": "{{ reports }}", "reports": str(wanted)}}
    inventory, book = told("web1", {fact: str(evil)}, {"import_playbook": f"gatehouse.firewall.{name}"}, **model)
    outcome = play(book, inventory, "-e", f"gatehouse_{name}_offline=true")

    assert len(outcome.failures) == (name == "plan"), outcome.output
    assert (wanted.exists(), evil.exists()) == (True, False), outcome.output


def test_a_fact_hides_no_variable_that_a_template_of_the_model_takes(plan, told, tmp_path):
    """Ansible ranks facts above the inventory. A group's only host could open the others' doors with one."""
    only = {"webs": {"gatehouse_zones": [{"name": "admin", "networks": ["{{ admins }}"]}], "admins": "198.51.100.0/28"}}
    inventory, book = told("db1", {"office": "0.0.0.0/0", "admins": "0.0.0.0/0"}, PLAN, all=MODEL, **only)
    outcome = plan(inventory, tmp_path / "plan", playbook=book)

    assert outcome.code == 0, outcome.output
    assert "203.0.113.0/24" in (tmp_path / "plan" / "web1.nft").read_text()
    assert "0.0.0.0" not in (tmp_path / "plan" / "web1.nft").read_text()


def test_a_fact_that_an_earlier_run_has_left_is_read_by_no_later_one(play, told, tmp_path):
    cache = {"ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "c")}
    inventory, book = told("web1", {"gatehouse_flows": []})
    assert play(book, inventory, env=cache).code == 0
    outcome = play("gatehouse.firewall.plan", inventory, "-e", "gatehouse_plan_offline=true", env=cache)

    assert [failure.partition(". ")[0] for failure in outcome.failures] == [
        "web1 has facts that are named like variables of ours: gatehouse_flows"
    ]
    assert recap(outcome)["web2"]["failed"] == 0


@pytest.fixture
def answering(fleet, write, tmp_path):
    """Write an inventory in which a host's Python answers every module with the same."""

    def to_file(host, answer, **variables):
        python = tmp_path / "python"
        python.write_text(ANSWER.format(json.dumps(answer)), encoding="utf-8")
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        hosts = {host: {**LOCAL, "ansible_python_interpreter": str(python)}}
        return write(tmp_path / "hosts.yml", fleet(**hosts, **variables))

    return to_file


@pytest.mark.parametrize("name", ["report", "harden"])
def test_an_answer_with_a_variable_of_ours_fails_its_host_and_sets_nothing(play, answering, tmp_path, name):
    evil = tmp_path / "evil"
    facts = {"gatehouse_report_dir": str(evil), "gatehouse_plan_dir": str(evil), "gatehouse_takeover": True}
    inventory = answering("web1", {"changed": False, "findings": [], "ansible_facts": facts})
    outcome = play(f"gatehouse.firewall.{name}", inventory, "--limit", "web1,nas", cwd=tmp_path)

    assert any(
        failure.startswith("web1 has facts that are named like variables of ours: gatehouse_plan_dir, ")
        for failure in outcome.failures
    ), outcome.output
    assert not evil.exists()


def test_no_host_chooses_what_the_controller_reads_writes_and_runs(play, fleet, write, tmp_path):
    keys = ["gatehouse_calicoctl", "gatehouse_plan", "gatehouse_plan_dir", "gatehouse_report_dir"]
    inventory = write(tmp_path / "hosts.yml", fleet(web2=dict.fromkeys(keys, str(tmp_path / "evil"))))
    outcome = play("gatehouse.firewall.plan", inventory, "-e", "gatehouse_plan_offline=true")

    (failure,) = outcome.failures
    for key in keys:
        assert f"{key} (host web2): got '{tmp_path / 'evil'}', expected it in the variables of all hosts" in failure
    assert not (tmp_path / "evil").exists()


def test_groups_that_disagree_on_a_folder_are_named(play, fleet, write, tmp_path):
    folders = {name: {"gatehouse_report_dir": str(tmp_path / name)} for name in ("webs", "dbs", "others")}
    inventory = write(tmp_path / "hosts.yml", fleet(**folders))
    outcome = play("gatehouse.firewall.report", inventory, "-e", "gatehouse_report_offline=true")
    limited = play("gatehouse.firewall.report", inventory, "-e", "gatehouse_report_offline=true", "--limit", "webs")

    assert "gatehouse_report_dir: got" in outcome.failures[0]
    assert "expected one value for the whole fleet: this is what " in outcome.failures[0]
    assert limited.code == 0, limited.output
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["webs"]


def test_inventory_names_that_are_no_file_names_are_refused_by_name(play, write, tmp_path):
    names = ["../web1", "a/b", "..", "-rf"]
    hosts = {name: {"ansible_host": f"192.0.2.{number}"} for number, name in enumerate([*names, "web2"], 1)}
    model = {"gatehouse_classes": [{"name": "web", "groups": ["webs"]}]}
    inventory = write(tmp_path / "in" / "hosts.yml", {"webs": {"hosts": hosts, "vars": model}})
    words = {"gatehouse_plan_offline": True, "gatehouse_plan_dir": str(tmp_path / "out" / "plan")}
    outcome = play("gatehouse.firewall.plan", inventory, "-e", json.dumps(words))

    (failure,) = outcome.failures
    for name in names:
        assert f"inventory_hostname: got '{name}', expected a name that a file can have" in failure
    assert "web2" not in failure
    assert not (tmp_path / "out").exists()
