"""What a role's argument_specs promise is what its defaults do, for every entry point."""

import pathlib

import pytest
import yaml

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


ENGINES = ("host", "network_policy")  # they do what they say themselves
FRONT_DOORS = [role for role in ROLES if role.name not in ENGINES]


@pytest.mark.parametrize("role", FRONT_DOORS, ids=lambda role: role.name)
def test_a_front_door_takes_what_the_role_behind_it_takes(role):
    """The defaults are those of the role behind it."""
    options = _options(_entry_points(role.parent / "host")["main"])
    behind = {name: {key: spec[key] for key in spec if key != "default"} for name, spec in options.items()}
    del behind["gatehouse_node_class"]

    assert _options(_entry_points(role)["main"]) == behind
