"""Mistakes through Ansible: every problem at once, nothing written, no host asked. The kinds are the unit tests'."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).resolve().parents[1] / "unit" / "plugins" / "plugin_utils" / "data"
# Groups are Ansible's here, with all and ungrouped among them; names would ask a real resolver; and misspelt variables
# are looked for where an inventory sets them.
ELSEWHERE = re.compile(r"inventory group|resolves|whose addresses change|a variable of the model")


def content(name):
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


def rows():
    for path in sorted((DATA / "bad_models").glob("*.yml")):
        for row in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            paths = [*row.get("put", {}), *row.get("drop", [])]
            elsewhere = any(ELSEWHERE.search(problem["expected"]) for problem in row["problems"])
            if not elsewhere and all(path.startswith("gatehouse_") for path in paths):
                yield row


def spoilt(row):
    """Return the variables of a good model with the row's mistake in it."""
    base = content("profiled_model.yml" if row.get("profiled") else "good_model.yml")
    model = {key: value for key, value in copy.deepcopy(base).items() if key.startswith("gatehouse_")}
    for path, value in row.get("put", {}).items():
        parent, key = find(model, path)
        if isinstance(parent, list) and key == len(parent):
            parent.append(value)
        else:
            parent[key] = value
    for path in row.get("drop", []):
        parent, key = find(model, path)
        del parent[key]
    return model


def find(inner, path):
    steps = [int(index) if index else key for index, key in re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)]
    for step in steps[:-1]:
        inner = inner[step]
    return inner, steps[-1]


def lines(problems):
    for problem in problems:
        hint = f"; {problem['hint']}" if problem.get("hint") else ""
        yield f"{problem['at']}: got {problem['got']}, expected {problem['expected']}{hint}"


@pytest.fixture(scope="module")
def inventory(write, tmp_path_factory):
    """The hosts of both good models; the version control host is a host too, so that nobody asks a resolver."""
    hosts = {**content("good_model.yml")["hosts"], **content("profiled_model.yml")["hosts"]}
    groups = {**content("good_model.yml")["groups"], **content("profiled_model.yml")["groups"]}
    children = {name: {"hosts": {host: hosts[host] for host in members}} for name, members in groups.items()}
    children["outside"] = {"hosts": {"git.example.org": {"ansible_host": "198.51.100.7"}}}
    return write(tmp_path_factory.mktemp("inventory") / "hosts.yml", {"all": {"children": children}})


@pytest.fixture(scope="module")
def outcome(play, write, inventory, tmp_path_factory):
    """One play that tries every bad model."""
    folder = tmp_path_factory.mktemp("bad")
    tasks = [
        {
            "name": row["kind"],
            "gatehouse.firewall.compile": {"directory": str(folder / "plan"), "hosts": ["web1", "db1"]},
            "vars": spoilt(row),
            "ignore_errors": True,
        }
        for row in rows()
    ]
    playbook = write(folder / "play.yml", [{"hosts": "web1", "gather_facts": False, "tasks": tasks}])
    return play(playbook, inventory), folder / "plan"


def test_every_kind_of_mistake_fails_with_one_message_for_each_problem(outcome):
    expected = [list(lines(row["problems"])) for row in rows()]
    said = [message.split("\n  ")[1:] for message in outcome[0].failures]

    assert len(expected) > 90
    assert said == expected


def test_a_mistake_writes_nothing_and_is_no_crash(outcome):
    found, folder = outcome

    assert not folder.exists()
    assert "Traceback" not in found.output
    assert "unexpected" not in found.output.lower()


@pytest.fixture
def bad_fleet(fleet, write, tmp_path):
    """A fleet with mistakes in a group's and in a host's variables."""
    inventory = fleet(
        webs={"gatehouse_flows": [{"name": "x y", "from": ["office"], "to": ["web"], "ports": ["0/tcp"]}]},
        dbs={"gatehouse_flow": [], "gatehouse_options": {"public": True}},
        web2={"ansible_host": "127.0.0.1"},
        db1={"gatehouse_addresses": {"private": ["192.0.2.11"], "public": ["192.0.2.0/24"]}},
    )
    return write(tmp_path / "hosts.yml", inventory)


PLACES = [
    *("gatehouse_addresses.public[0] (host db1)", "ansible_host (host web2)"),
    *("gatehouse_flow (group dbs)", "gatehouse_options.public (group dbs)"),
    *("gatehouse_flows[0].name (group webs)", "gatehouse_flows[0].ports[0] (group webs)"),
]


def test_a_plan_of_a_bad_model_fails_with_every_problem_and_leaves_the_folder_as_it_was(plan, bad_fleet, tmp_path):
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "web1.nft").write_text("of yesterday")
    outcome = plan(bad_fleet, folder)

    (message,) = outcome.failures
    assert outcome.code != 0
    assert message.startswith("6 problems in the model; nothing was changed:\n  ")
    assert sorted(line.partition(": got ")[0].strip() for line in message.split("\n")[1:]) == sorted(PLACES)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"web1.nft": "of yesterday"}


@pytest.mark.parametrize("limit", ["all", "web1"])
def test_harden_with_a_bad_model_asks_no_host(play, bad_fleet, limit):
    outcome = play("gatehouse.firewall.harden", bad_fleet, "--limit", limit)

    assert outcome.code != 0
    assert len(outcome.failures) == 1
    assert "UNREACHABLE" not in outcome.output
    assert "unreachable=1" not in outcome.output


def test_a_template_that_fails_is_named_with_its_group(plan, fleet, write, tmp_path):
    flows = [{"name": "sql", "from": ["web"], "to": ["db"], "ports": ["{{ missing_port }}/tcp"]}]
    outcome = plan(write(tmp_path / "hosts.yml", fleet(dbs={"gatehouse_flows": flows})), tmp_path / "plan")

    assert outcome.code != 0
    assert "The model (group dbs) has a template that fails: " in outcome.failures[0]
    assert "missing_port" in outcome.failures[0]
    assert not (tmp_path / "plan").exists()


def test_a_misspelt_variable_on_the_command_line_is_named(plan, fleet, write, tmp_path):
    outcome = plan(write(tmp_path / "hosts.yml", fleet()), tmp_path / "plan", gatehouse_flow=[])

    assert outcome.code != 0
    assert "did you mean gatehouse_flows?" in outcome.failures[0]
