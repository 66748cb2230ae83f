"""What counts where a variable stands in several places: the inventory, plays, roles, tasks, facts and files."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

HOST = "gatehouse.firewall.host"
OFFICE = "203.0.113.0/24"
SSH = {"name": "ssh", "from": ["office"], "to": ["web"], "ports": ["22/tcp"]}
SQL = {"name": "sql", "from": ["web"], "to": ["db"], "ports": ["5432/tcp"]}
BASE = {
    "gatehouse_classes": [{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}],
    "gatehouse_zones": [{"name": "office", "networks": [OFFICE]}],
}
INVENTORIES = "the inventory's"


@pytest.fixture
def inventory(fleet, write, tmp_path):
    """A fleet with a flow in the variables of all, and one in those of a group."""
    content = fleet(all={**BASE, "gatehouse_flows": [SSH]}, dbs={"gatehouse_flows": [SQL]})
    return write(tmp_path / "inventory" / "hosts.yml", content)


@pytest.fixture
def playbook(write, tmp_path):
    """Write a play of tasks; a text among them stands for the plan."""

    def to_file(*tasks, **play):
        plan = {"ansible.builtin.import_role": {"name": HOST, "tasks_from": "plan"}}
        of_play = {"tasks": [plan if task == "plan" else task for task in tasks]} if tasks else {}
        return write(tmp_path / "play.yml", [{"hosts": "all", "gather_facts": False, **of_play, **play}])

    return to_file


def planning(**variables):
    return {"ansible.builtin.import_role": {"name": HOST, "tasks_from": "plan"}, "vars": variables}


def flows(files, host="web1"):
    return set(re.findall(r"^#: (?:in|e)gress .* flow (\S+)", files[host], re.MULTILINE))


ABOVE = {
    "of the play": ({"vars": {"gatehouse_flows": [SQL]}}, ["plan"]),
    "of the task": ({}, [planning(gatehouse_flows=[SQL])]),
    "of a block": ({}, [{"block": [planning()], "vars": {"gatehouse_flows": [SQL]}}]),
    "of a file of the play": ({"vars_files": ["model.yml"]}, ["plan"]),
    "of an included file": ({}, [{"ansible.builtin.include_vars": "model.yml"}, "plan"]),
    "of the play, by a template": ({"vars": {"gatehouse_flows": "{{ own_flows }}", "own_flows": [SQL]}}, ["plan"]),
}


@pytest.mark.parametrize("place", ABOVE)
def test_what_is_set_above_the_inventory_replaces_it(planned, inventory, playbook, write, tmp_path, place):
    """A file's value can't be told from the inventory's own where they are equal, and so isn't equal here."""
    write(tmp_path / "model.yml", {"gatehouse_flows": [{**SQL, "why": "from a file"}]})
    of_play, tasks = ABOVE[place]
    files = planned(inventory, tmp_path / "plan", playbook=playbook(*tasks, **of_play))

    assert flows(files) == {"sql"}


@pytest.fixture
def role(write, tmp_path):
    """Write somebody's role that plans, with files of variables."""

    def to_files(name="site", tasks=None, **files):
        write(tmp_path / "roles" / name / "tasks" / "main.yml", tasks or [planning()])
        for folder, content in files.items():
            write(tmp_path / "roles" / name / folder / "main.yml", content)

    return to_files


@pytest.mark.parametrize(
    "case",
    [
        ({"vars": {"gatehouse_flows": [SQL]}}, {}, {"sql"}),
        ({}, {"gatehouse_flows": [SQL]}, {"sql"}),
        ({}, {"vars": {"gatehouse_flows": [SQL]}}, {"sql"}),
        ({"defaults": {"gatehouse_flows": []}}, {}, {"ssh", "sql"}),
        ({"defaults": {"gatehouse_flows": [SQL]}}, {}, {"ssh", "sql"}),
        ({"defaults": {"gatehouse_echo_request": False}}, {}, {"ssh", "sql"}),
    ],
)
def test_a_roles_variables_replace_the_inventory_and_its_defaults_do_not(
    planned, inventory, playbook, role, tmp_path, case
):
    files, item, expected = case
    role(**files)
    book = playbook(roles=[{"role": "site", **item}])
    found = planned(inventory, tmp_path / "plan", playbook=book)
    limited = planned(inventory, tmp_path / "limited", "--limit", "web1", playbook=book)

    assert limited == {"web1": found["web1"]}
    assert flows(found) == expected
    assert ("echo-request" in found["web1"]) == ("gatehouse_echo_request" not in files.get("defaults", {}))


def test_the_defaults_of_a_role_that_is_included_count_where_the_inventory_says_nothing(
    planned, fleet, write, playbook, role, tmp_path
):
    role(defaults={"gatehouse_flows": [SQL]})
    bare = write(tmp_path / "inventory" / "hosts.yml", fleet(all=BASE))
    found = planned(bare, tmp_path / "plan", playbook=playbook({"ansible.builtin.include_role": {"name": "site"}}))

    assert flows(found) == {"sql"}


def test_a_default_hides_nothing_from_hosts_for_which_the_inventory_says_nothing(
    planned, fleet, write, playbook, role, tmp_path
):
    """Ansible shows the role's default to web1, whose groups have no flow, and that of its group to db1."""
    role(defaults={"gatehouse_flows": []})
    where = write(tmp_path / "inventory" / "hosts.yml", fleet(all=BASE, dbs={"gatehouse_flows": [SQL]}))
    book = playbook(roles=["site"])
    found = planned(where, tmp_path / "plan", playbook=book)

    assert flows(found) == flows(found, "db1") == {"sql"}
    assert planned(where, tmp_path / "limited", "--limit", "web1", playbook=book) == {"web1": found["web1"]}


def problems(outcome):
    assert outcome.code != 0, outcome.output
    (message,) = outcome.failures
    assert "Traceback" not in outcome.output
    return message.split("\n  ")[1:]


@pytest.mark.parametrize("cacheable", [False, True])
@pytest.mark.parametrize("hosts", ["all", "web2"])
def test_a_fact_is_no_part_of_a_model(plan, inventory, write, tmp_path, cacheable, hosts):
    fact = {"gatehouse_echo_request": "{{ inventory_hostname != 'web2' }}", "cacheable": cacheable}
    plays = [
        {"hosts": hosts, "gather_facts": False, "tasks": [{"ansible.builtin.set_fact": fact}]},
        {"hosts": "all", "gather_facts": False, "tasks": [planning()]},
    ]
    (problem,) = problems(plan(inventory, tmp_path / "plan", playbook=write(tmp_path / "play.yml", plays)))

    assert problem.startswith(f"gatehouse_echo_request (a fact of {'db1' if hosts == 'all' else 'web2'}): got ")
    assert problem.endswith(
        "expected it in the inventory, in a play's or role's vars or on the command line; a fact is one host's own"
    )


SIDES = {
    "gatehouse_interfaces": {"public": "eth1"},
    "gatehouse_addresses": {"private": ["10.9.9.9"]},
    "gatehouse_antispoof": False,
}
OUTSIDE = {
    "play": ({"vars": SIDES}, ["plan"], "of a play, role or task"),
    "task": ({}, [planning(**SIDES)], "of a play, role or task"),
    "vars_files": ({"vars_files": ["sides.yml"]}, ["plan"], "of a play, role or task"),
    "include_vars": (
        {},
        [{"ansible.builtin.include_vars": "sides.yml", "when": "inventory_hostname == 'web2'"}, "plan"],
        "include_vars for web2",
    ),
    "set_fact": ({}, [{"ansible.builtin.set_fact": SIDES}, "plan"], "a fact of db1"),
    "role vars": ({"roles": [{"role": "site", "vars": SIDES}]}, [], "of a play, role or task"),
    "role params": ({"roles": [{"role": "site", **SIDES}]}, [], "of a play, role or task"),
    "role defaults": ({"roles": ["with_defaults"]}, [], "in a role's defaults"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_a_hosts_own_variables_belong_into_the_inventory(plan, inventory, playbook, role, tmp_path, case):
    of_play, tasks, place = OUTSIDE[case]
    (tmp_path / "sides.yml").write_text(json.dumps(SIDES))
    role()
    role("with_defaults", defaults=SIDES)
    outcome = plan(inventory, tmp_path / "plan", playbook=playbook(*tasks, **of_play))

    found = [problem.partition(": got ") for problem in problems(outcome)]
    assert [where for where, *_rest in found] == [f"{key} ({place})" for key in sorted(SIDES)]
    assert all("expected it in the inventory" in rest for *_where, rest in found)


def test_on_the_command_line_they_are_every_hosts(planned, inventory, playbook, tmp_path):
    book = playbook("plan", vars={"gatehouse_interfaces": {"public": "eth9"}})
    planned(inventory, tmp_path / "plan", playbook=book, gatehouse_interfaces={"public": "eth1"})


def test_a_hosts_misspelt_variables_are_named(plan, fleet, write, tmp_path):
    wrong = {"gatehouse_interface": 1, "gatehouse_adresses": 2, "gatehouse_backends": 3, "gatehouse_rollback_timeot": 4}
    outcome = plan(write(tmp_path / "hosts.yml", fleet(web2=wrong)), tmp_path / "plan")

    assert [problem.partition("did you mean ")[2] for problem in problems(outcome)] == [
        *("gatehouse_addresses?", "gatehouse_backend?", "gatehouse_interfaces?", "gatehouse_rollback_timeout?")
    ]


ZONES = {"gatehouse_zones": [{"name": "office", "networks": ["{{ office }}"]}]}
OFFICES = {"webs": {"office": OFFICE}, "dbs": {"office": "198.51.100.0/24"}, "others": {"office": OFFICE}}
TORN = (
    "got '203.0.113.0/24', expected one value for the whole fleet: this is what nas gets, and db1 gets "
    "'198.51.100.0/24'"
)


def test_a_groups_template_must_say_the_same_for_all_its_hosts(plan, planned, fleet, write, tmp_path):
    model = {**BASE, "gatehouse_flows": [SSH], **ZONES}
    same = {group: {"office": OFFICE} for group in OFFICES}
    found = planned(write(tmp_path / "same.yml", fleet(all=model, **same)), tmp_path / "plan")
    assert OFFICE in found["web1"]

    outcome = plan(write(tmp_path / "hosts.yml", fleet(all=model, **OFFICES)), tmp_path / "plan")
    assert problems(outcome) == [f"gatehouse_zones[0].networks[0]: {TORN}"]


def test_so_must_a_plays(plan, planned, fleet, write, playbook, tmp_path):
    book = playbook("plan", vars=ZONES)
    where = write(tmp_path / "hosts.yml", fleet(all={**BASE, "gatehouse_flows": [SSH]}, **OFFICES))

    assert problems(plan(where, tmp_path / "plan", playbook=book)) == [f"gatehouse_zones[0].networks[0]: {TORN}"]
    assert OFFICE in planned(where, tmp_path / "plan", "--limit", "webs", playbook=book)["web1"]


def test_and_files_that_are_included_host_by_host(plan, inventory, playbook, write, tmp_path):
    write(tmp_path / "db1.yml", {"gatehouse_echo_request": False})
    task = {"ansible.builtin.include_vars": "db1.yml", "when": "inventory_hostname == 'db1'"}
    outcome = plan(inventory, tmp_path / "plan", playbook=playbook(task, "plan"))

    (problem,) = problems(outcome)
    assert problem.startswith("gatehouse_echo_request: got nothing, expected one value for the whole fleet: this is ")
    assert problem.endswith("what nas gets, and db1 gets False")


def test_a_loops_variable_is_the_same_for_all(planned, inventory, playbook, tmp_path):
    task = {
        "ansible.builtin.include_role": {"name": HOST, "tasks_from": "plan"},
        "vars": {"gatehouse_flows": "{{ item }}"},
        "loop": [[SQL]],
    }
    assert flows(planned(inventory, tmp_path / "plan", playbook=playbook(task))) == {"sql"}


def test_an_inventory_without_a_managed_host_is_an_error(plan, fleet, write, tmp_path):
    hint = "is this the inventory (-i) that is meant, and are its group_vars beside it?"
    nothing = plan(write(tmp_path / "hosts.yml", fleet(all={"other": 1})), tmp_path / "plan")
    networks = [{"name": "lan", "networks": ["192.0.2.0/24"]}]
    nobody = plan(write(tmp_path / "hosts.yml", fleet(all={"gatehouse_classes": networks})), tmp_path / "plan")

    assert problems(nothing) == [
        f"gatehouse_classes: got nothing, expected a class with a host of the inventory; {hint}"
    ]
    assert problems(nobody) == [
        f"gatehouse_classes: got {networks}, expected a class with a host of the inventory; {hint}"
    ]


def test_a_play_for_unmanaged_hosts_alone_is_warned_of(plan, inventory, tmp_path):
    outcome = plan(inventory, tmp_path / "plan", "--limit", "nas")

    assert outcome.code == 0, outcome.output
    assert "In no node class, and left as they are: nas" in outcome.output


IPTABLES = ["ipset", "rules.v4", "rules.v6"]


@pytest.mark.parametrize(
    "case",
    [
        ({}, {}, ["plan"], {"web1": ["nft"], "web2": IPTABLES}),
        ({"gatehouse_backend": "iptables"}, {}, ["plan"], {"web1": IPTABLES, "web2": IPTABLES}),
        ({}, {"vars": {"gatehouse_backend": "iptables"}}, ["plan"], {"web1": IPTABLES, "web2": IPTABLES}),
        ({}, {}, [{"ansible.builtin.include_vars": "files.yml"}, "plan"], {"web1": ["nft"], "web2": ["nft"]}),
        ({}, {}, [planning(gatehouse_backend="nftables")], {"web1": ["nft"], "web2": ["nft"]}),
        (
            {},
            {"vars": {"gatehouse_backend": "{{ 'iptables' if inventory_hostname == 'web1' else 'nftables' }}"}},
            ["plan"],
            {"web1": IPTABLES, "web2": ["nft"]},
        ),
        (
            {},
            {},
            [{"set_fact": {"gatehouse_backend": "iptables"}, "when": "inventory_hostname == 'web1'"}, "plan"],
            {"web1": IPTABLES, "web2": IPTABLES, "db1": ["nft"]},
        ),
    ],
)
def test_the_backend_that_is_set_above_the_inventory_is_rendered_and_planned(
    plan, fleet, write, playbook, tmp_path, case
):
    extra, of_play, tasks, endings = case
    backends = {"web1": "nftables", "db1": "nftables", "web2": "iptables"}
    hosts = {host: {"gatehouse_backend": backend} for host, backend in backends.items()}
    write(tmp_path / "files.yml", {"gatehouse_backend": "auto"})
    book = playbook(*tasks, **of_play)
    outcome = plan(write(tmp_path / "hosts.yml", fleet(**hosts)), tmp_path / "plan", playbook=book, **extra)

    assert outcome.code == 0, outcome.output
    files = sorted(path.name for path in (tmp_path / "plan").iterdir())
    for host, expected in endings.items():
        assert [name.partition(".")[2] for name in files if name.startswith(f"{host}.")] == expected


def test_a_role_is_rendered_what_it_asks_for(play, fleet, write, tmp_path):
    tasks = [
        {"gatehouse.firewall.compile": {}, "run_once": True, "register": "found"},
        {"ansible.builtin.debug": {"msg": "{{ found.iptables_rulesets | list }}"}, "run_once": True},
    ]
    book = write(
        tmp_path / "play.yml",
        [{"hosts": "db1", "gather_facts": False, "vars": {"gatehouse_backend": "iptables"}, "tasks": tasks}],
    )
    model = {"all": {**BASE, "gatehouse_backend": "nftables"}}
    outcome = play(book, write(tmp_path / "hosts.yml", fleet(**model)))

    assert re.search(r'"db",\s+"web"', outcome.output), outcome.output


CLASSES = {"gatehouse_classes": [{"name": "k8s_node", "groups": ["webs"]}, {"name": "nomad_client", "groups": ["dbs"]}]}


@pytest.mark.parametrize("first", ["k8s_node", "nomad_client"])
def test_roles_may_be_for_some_hosts_of_a_play_only(play, fleet, write, tmp_path, first):
    groups = {"k8s_node": "webs", "nomad_client": "dbs"}
    roles = [
        {"role": f"gatehouse.firewall.{name}", "when": f"'{groups[name]}' in group_names"}
        for name in sorted(groups, key=lambda name: name != first)
    ]
    book = write(tmp_path / "play.yml", [{"hosts": "web1:db1", "gather_facts": False, "roles": roles}])
    outcome = play(book, write(tmp_path / "hosts.yml", fleet(all=CLASSES)))

    assert outcome.failures == []
    assert [line.split()[0] for line in outcome.output.splitlines() if "unreachable=1" in line] == ["db1", "web1"]


@pytest.fixture
def vaulted(program, environment, tmp_path):
    """Encrypt a text as ansible-vault does."""
    (tmp_path / "password").write_text("secret")

    def encrypt(text):
        command = [
            program("ansible-vault"),
            "encrypt_string",
            "--vault-password-file",
            str(tmp_path / "password"),
            text,
        ]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    return encrypt


def test_vaulted_values_are_what_is_in_them(planned, fleet, vaulted, tmp_path):
    secrets = {"<web1>": "192.0.2.71", "<web2>": "192.0.2.72", "<zone>": "198.51.100.0/24", "<own>": "198.51.101.0/24"}
    model = {
        **BASE,
        "own": "<own>",
        "gatehouse_flows": [SSH, SQL],
        "gatehouse_zones": [{"name": "office", "networks": ["<zone>", "{{ own }}"]}],
    }
    hosts = {"web1": {"ansible_host": "<web1>"}, "web2": {"gatehouse_addresses": {"private": ["<web2>"]}}}
    text = json.dumps(fleet(all=model, **hosts))
    for name, secret in secrets.items():
        tag, *lines = vaulted(secret).splitlines()
        text = text.replace(
            f'"{name}"', f"{tag.split()[0]} {json.dumps(''.join(f'{line.strip()}{chr(10)}' for line in lines))}"
        )
    (tmp_path / "hosts.yml").write_text(text)
    arguments = ["--vault-password-file", str(tmp_path / "password")]
    found = planned(tmp_path / "hosts.yml", tmp_path / "plan", *arguments)

    assert "192.0.2.71," in found["db1"]
    assert "192.0.2.72," in found["db1"]
    assert "198.51.100.0-198.51.101.255" in found["web1"] or "198.51.100.0/23" in found["web1"]
