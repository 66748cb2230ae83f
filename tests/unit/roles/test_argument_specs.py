"""What a role's argument_specs promise is what its defaults do, for every entry point."""

import pathlib
import re

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.arguments import arguments

ROLES = sorted(path for path in (pathlib.Path(__file__).resolve().parents[3] / "roles").glob("*") if path.is_dir())


def _read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.exists() else {}


def _entry_points(role):
    return _read(role / "meta" / "argument_specs.yml").get("argument_specs", {})


def _options(entry_point):
    return entry_point.get("options", {})


def _nested_defaults(options):
    """Yield the suboptions that give a default: Ansible checks roles' suboptions, and never fills them in."""
    for option in options.values():
        for name, suboption in _options(option).items():
            if "default" in suboption:
                yield name
        yield from _nested_defaults(_options(option))


each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
each_entry_point = pytest.mark.parametrize(
    ("role", "name"),
    [pytest.param(role, name, id=f"{role.name}-{name}") for role in ROLES for name in _entry_points(role)],
)


@each_role
def test_a_role_says_what_it_takes(role):
    assert _entry_points(role)


@each_role
def test_every_default_belongs_to_an_option(role):
    named = {option for entry_point in _entry_points(role).values() for option in _options(entry_point)}

    assert set(_read(role / "defaults" / "main.yml")) - named == set()


@each_entry_point
def test_an_entry_point_has_tasks(role, name):
    assert (role / "tasks" / f"{name}.yml").is_file()


@each_entry_point
def test_an_entry_point_promises_the_defaults_that_the_role_has(role, name):
    options = _options(_entry_points(role)[name])
    defaults = _read(role / "defaults" / "main.yml")

    promised = {option: spec["default"] for option, spec in options.items() if "default" in spec}

    assert promised == {option: value for option, value in defaults.items() if option in options}


@each_entry_point
def test_no_suboption_promises_a_default(role, name):
    assert list(_nested_defaults(_options(_entry_points(role)[name]))) == []


ROOT = ROLES[0].parents[1]
NAME = re.compile(r"(?<![a-zA-Z0-9_.])gatehouse_[a-z_]+")
GROUPS = {"gatehouse_canaries", "gatehouse_stopped"}
PLAYBOOKS = sorted(ROOT.glob("playbooks/**/*.yml"))
YAML = sorted([*PLAYBOOKS, *ROOT.glob("roles/*/tasks/*.yml")])
each_file = pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(ROOT)))


@each_file
def test_every_variable_that_is_read_is_one_that_a_role_takes(path):
    """From these, misspelt variables are told."""
    words = set(NAME.findall(path.read_text(encoding="utf-8"))) - GROUPS

    assert {word for word in words if word not in arguments()} == set()


@each_file
def test_a_result_that_is_registered_is_named_like_no_variable(path):
    names = re.findall(r"^\s*register: (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert [name for name in names if not name.startswith("_gatehouse_")] == []


@each_file
def test_a_word_for_yes_is_read_as_the_argument_spec_reads_it(path):
    """The filter bool takes "y" for no, and so does it any word that it doesn't know."""
    assert "| bool" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_a_playbook_enters_a_role_by_the_name_of_an_entry_point(path):
    """With the file's ending, Ansible finds no argument spec, and says nothing."""
    tasks = [task for play in _read(path) for task in play.get("tasks", [])]
    entered = [task[key] for task in tasks for key in task if key.endswith(("import_role", "include_role"))]

    for role in entered:
        specs = _entry_points(ROOT / "roles" / role["name"].rpartition(".")[2])
        assert role.get("tasks_from", "main") in specs


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_variable_is_of_one_kind_wherever_it_is_taken(role):
    for entry_point in _entry_points(role).values():
        for name, spec in _options(entry_point).items():
            assert (spec["type"], tuple(spec.get("choices", ()))) == (arguments()[name].kind, arguments()[name].choices)


FRONT_DOORS = [
    role for role in ROLES if "name: gatehouse.firewall.host\n" in (role / "tasks" / "main.yml").read_text("utf-8")
]


@pytest.mark.parametrize("role", FRONT_DOORS, ids=lambda role: role.name)
def test_a_front_door_takes_what_the_role_behind_it_takes(role):
    """The defaults are those of the role behind it."""
    options = _options(_entry_points(role.parent / "host")["main"])
    behind = {name: {key: spec[key] for key in spec if key != "default"} for name, spec in options.items()}
    del behind["gatehouse_node_class"]

    assert _options(_entry_points(role)["main"]) == behind
