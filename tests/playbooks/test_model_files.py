"""A model in many files, and lists with names of their own: where Ansible may have them from, and where not."""

from __future__ import annotations

import json
import re

import pytest
from ansible.release import __version__

HOST = "gatehouse.firewall.host"
BASE = {
    "gatehouse_classes": [{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}],
    "gatehouse_zones": [{"name": "office", "networks": ["203.0.113.0/24"]}],
}
SSH = {"name": "ssh", "from": ["office"], "to": ["web"], "ports": ["22/tcp"]}
SQL = {"name": "sql", "from": ["web"], "to": ["db"], "ports": ["5432/tcp"]}
FILES = {"gatehouse_model_files": ["firewall.d/"]}
LIST = {"gatehouse_flows__sql": [SQL]}
PLAN = {"ansible.builtin.import_role": {"name": HOST, "tasks_from": "plan"}}
KNOWS_MORE = tuple(map(int, __version__.split(".")[:2])) >= (2, 19)


@pytest.fixture
def site(fleet, write, tmp_path):
    """A repository with a flow in the variables of all; firewall.d is wherever a test says that files are."""

    def repository(folder, **variables):
        write(tmp_path / folder / "firewall.d" / "sql.yml", {"flows": [SQL]})
        content = fleet(all={**BASE, "gatehouse_flows": [SSH]}, **variables)
        return write(tmp_path / "inventory" / "hosts.yml", content)

    return repository


@pytest.fixture
def playbook(write, tmp_path):
    """Write a play that plans."""

    def to_file(*tasks, **more):
        play = {"hosts": "all", "gather_facts": False, "tasks": [*tasks, PLAN], **more}
        return write(tmp_path / "playbooks" / "site.yml", [play])

    return to_file


def flows(files, host="web1"):
    return set(re.findall(r"^#: (?:in|e)gress .* flow (\S+)", files[host], re.MULTILINE))


def problems(outcome):
    assert outcome.code != 0, outcome.output
    (message,) = outcome.failures
    assert "Traceback" not in outcome.output
    return message.split("\n  ")[1:]


OF_INVENTORY = {
    "hosts.yml": "inventory",
    "group_vars/webs.yml": "inventory/group_vars",
    "group_vars/webs/a.yml": "inventory/group_vars/webs",
}


@pytest.mark.parametrize("place", OF_INVENTORY)
def test_a_path_in_the_inventory_is_relative_to_the_file_that_says_it(planned, site, write, tmp_path, place):
    inventory = site(OF_INVENTORY[place], **({"webs": FILES} if place == "hosts.yml" else {}))
    if place != "hosts.yml":
        write(tmp_path / "inventory" / place, FILES)

    assert flows(planned(inventory, tmp_path / "plan")) == {"ssh", "sql"}


OF_PLAYS = {
    "the play's": ([], {"vars": FILES}, "playbooks"),
    "the task's": ([], {"tasks": [{**PLAN, "vars": FILES}]}, "playbooks"),
    "a file's": ([], {"vars_files": ["../vars/files.yml"]}, "vars"),
    "an included file's": ([{"ansible.builtin.include_vars": "../vars/files.yml"}], {}, "vars"),
    "a template's": ([], {"vars": {"gatehouse_model_files": ["{{ inventory_dir }}/firewall.d"]}}, "inventory"),
    "a template's as a whole": (
        [],
        {"vars": {"gatehouse_model_files": "{{ files }}", "files": ["firewall.d"]}},
        "playbooks",
    ),
}


@pytest.mark.parametrize("case", OF_PLAYS)
def test_a_path_in_a_play_is_relative_to_the_file_that_says_it(planned, site, playbook, write, tmp_path, case):
    tasks, of_play, folder = OF_PLAYS[case]
    write(tmp_path / "vars" / "files.yml", FILES)
    book = playbook(*tasks, **of_play)

    assert flows(planned(site(folder), tmp_path / "plan", playbook=book)) == {"ssh", "sql"}


@pytest.mark.parametrize("extra", [json.dumps(FILES), "gatehouse_model_files=firewall.d", "@elsewhere/files.yml"])
def test_a_path_on_the_command_line_is_relative_to_the_working_directory(play, site, write, tmp_path, extra):
    inventory = site("elsewhere" if extra.startswith("@") else ".")
    write(tmp_path / "elsewhere" / "files.yml", FILES)
    plan = json.dumps({"gatehouse_plan_offline": True, "gatehouse_plan_dir": str(tmp_path / "plan")})
    outcome = play("gatehouse.firewall.plan", inventory, "-e", plan, "-e", extra, cwd=tmp_path)

    assert outcome.code == 0, outcome.output
    assert "flow sql" in (tmp_path / "plan" / "web1.nft").read_text(encoding="utf-8")


def test_an_older_core_knows_no_file_of_an_inventory_in_ini(plan, site, write, tmp_path):
    site("inventory")
    write(tmp_path / "inventory" / "group_vars" / "all.yml", BASE)
    hosts = "[webs]\nweb1 ansible_host=192.0.2.1\n[dbs]\ndb1 ansible_host=192.0.2.11\n"
    ini = tmp_path / "inventory" / "hosts.ini"
    ini.write_text(f"{hosts}[all:vars]\ngatehouse_model_files=['firewall.d']\n", encoding="utf-8")
    outcome = plan(ini, tmp_path / "plan")

    if KNOWS_MORE:
        assert outcome.code == 0, outcome.output
        assert "flow sql" in (tmp_path / "plan" / "web1.nft").read_text(encoding="utf-8")
    else:
        (problem,) = problems(outcome)
        assert problem.startswith("gatehouse_model_files[0]: got 'firewall.d', expected an absolute path: ")


def test_a_mistake_in_a_file_is_said_with_its_place(plan, site, write, tmp_path):
    inventory = site("inventory", webs=FILES)
    write(tmp_path / "inventory" / "firewall.d" / "ssh.yml", {"flows": [{**SSH, "name": "scp", "from": ["ofice"]}]})

    (problem,) = problems(plan(inventory, tmp_path / "plan"))

    place = f"flows[0].from[0] (file {tmp_path}/inventory/firewall.d/ssh.yml)"
    assert problem == f"{place}: got 'ofice', expected one of db, office, web; did you mean office?"


def test_named_lists_of_the_inventory_add_up_whoever_the_run_is_about(planned, site, tmp_path):
    inventory = site(".", dbs=LIST, webs={"gatehouse_zones__lab": [{"name": "lab", "networks": ["198.51.100.0/24"]}]})
    files = planned(inventory, tmp_path / "plan")

    assert flows(files) == {"ssh", "sql"}
    assert planned(inventory, tmp_path / "limited", "--limit", "web1") == {"web1": files["web1"]}


def test_a_named_list_on_the_command_line_replaces_its_namesake_alone(planned, site, tmp_path):
    files = planned(site(".", dbs=LIST), tmp_path / "plan", gatehouse_flows__sql=[{**SQL, "name": "mysql"}])

    assert flows(files) == {"ssh", "mysql"}


def test_two_files_of_a_group_say_it_in_two_lists(plan, planned, site, write, tmp_path):
    inventory = site(".")
    write(tmp_path / "inventory" / "group_vars" / "webs" / "a.yml", {"gatehouse_flows__a": [SQL]})
    write(tmp_path / "inventory" / "group_vars" / "webs" / "b.yml", {"gatehouse_flows__b": [{**SSH, "name": "b"}]})

    assert flows(planned(inventory, tmp_path / "plan")) == {"ssh", "sql", "b"}

    write(tmp_path / "inventory" / "group_vars" / "webs" / "b.yml", {"gatehouse_flows__a": []})
    (problem,) = problems(plan(inventory, tmp_path / "other"))
    assert problem.startswith(
        "gatehouse_flows__a (group_vars/webs/b.yml): got [], expected it in one file of the group"
    )


def test_a_fact_is_no_named_list(plan, site, playbook, tmp_path):
    book = playbook({"ansible.builtin.set_fact": LIST})

    (problem,) = problems(plan(site("."), tmp_path / "plan", playbook=book))
    assert problem.startswith("gatehouse_flows__sql (a fact of db1): got ")


def test_files_are_no_hosts_choice(plan, site, tmp_path):
    (problem,) = problems(plan(site("inventory", web1=FILES), tmp_path / "plan"))

    assert problem.startswith("gatehouse_model_files (host web1): got ['firewall.d/'], expected it in the variables of")


OF_NO_ROLE = (
    "expected it in the inventory or on the command line: a ruleset must not depend on which playbook runs; a role "
    "brings a file, which gatehouse_model_files of the inventory names"
)


ROLES = {
    "of the play": {"roles": ["postgresql"]},
    "of a role of the play": {"roles": ["app"]},
    "imported": {"tasks": [{"ansible.builtin.import_role": {"name": "postgresql"}}, PLAN]},
    "included": {"tasks": [{"ansible.builtin.include_role": {"name": "postgresql", "public": True}}, PLAN]},
    "that plans": {"roles": ["planner"], "tasks": []},
}


@pytest.mark.parametrize("case", ROLES)
def test_a_role_brings_no_list_and_no_file_by_variables(plan, site, write, tmp_path, case):
    roles = tmp_path / "playbooks" / "roles"
    write(roles / "postgresql" / "defaults" / "main.yml", {"gatehouse_zones__lab": [{"name": "lab"}]})
    write(roles / "postgresql" / "vars" / "main.yml", {**LIST, **FILES})
    for role in ("app", "planner"):
        write(roles / role / "meta" / "main.yml", {"dependencies": ["postgresql"]})
    write(roles / "planner" / "tasks" / "main.yml", [PLAN])
    play = {"hosts": "all", "gather_facts": False, "tasks": [PLAN], **ROLES[case]}
    book = write(tmp_path / "playbooks" / "site.yml", [play])
    inventory = site("playbooks/roles/postgresql/vars")

    found = problems(plan(inventory, tmp_path / "plan", playbook=book))

    assert [problem.partition(": got ")[0] for problem in found] == [
        "gatehouse_zones__lab (defaults of role postgresql)",
        "gatehouse_flows__sql (vars of role postgresql)",
        "gatehouse_model_files (vars of role postgresql)",
    ]
    assert all(problem.endswith(OF_NO_ROLE) for problem in found)


def test_a_role_brings_a_file_that_the_inventory_names(planned, site, playbook, write, tmp_path):
    write(tmp_path / "playbooks" / "roles" / "postgresql" / "files" / "firewall.yml", {"flows": [SQL]})
    named = {"gatehouse_model_files": ["../playbooks/roles/postgresql/files/firewall.yml"]}
    inventory = site(".", dbs=named)
    without = planned(inventory, tmp_path / "plan")

    assert flows(without) == {"ssh", "sql"}
    assert planned(inventory, tmp_path / "with", playbook=playbook(roles=["postgresql"])) == without


def test_a_filter_reads_files_beside_the_playbook_that_names_them_where_the_core_knows_it(play, site, write, tmp_path):
    model = {**BASE, **FILES}
    peers = "model | gatehouse.firewall.port_set('web', 'egress', 'db')"
    tasks = [{"ansible.builtin.debug": {"msg": f"{{{{ {peers} }}}}"}}]
    inventory = site("playbooks")
    book = write(
        tmp_path / "playbooks" / "ask.yml",
        [{"hosts": "web1", "gather_facts": False, "vars": {"model": model}, "tasks": tasks}],
    )
    outcome = play(book, inventory)

    assert ("5432/tcp" if KNOWS_MORE else "expected an absolute path: ") in outcome.output, outcome.output
