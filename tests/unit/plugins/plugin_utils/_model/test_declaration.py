from __future__ import annotations

import datetime
import itertools

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.arguments import arguments
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import (
    MODEL_KEYS,
    DeclaredVariables,
    Source,
    declare,
    difference,
    distinct,
    note_hidden,
    plain,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.profile import Profile
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where

SSH = {"name": "ssh", "from": "web", "to": "db", "ports": "22/tcp"}
SQL = {"name": "sql", "from": "web", "to": "db", "ports": "5432/tcp"}


def declared(*sources):
    problems = Problems()
    found = declare(sources, lambda _where, name, _problems: [Profile(name, {})], problems)
    return found, [str(problem) for problem in problems.found]


def test_lists_of_several_sources_merge_and_remember_where_they_stood():
    found, problems = declared(
        Source("", {"gatehouse_flows": [SSH]}),
        Source("group dbs", {"gatehouse_flows": [SQL], "gatehouse_zones": [{"name": "office"}]}),
        Source("host db1", {"gatehouse_flows": []}),
    )

    assert problems == []
    assert [(str(row.where), row.value) for row in found.user.flows] == [
        ("gatehouse_flows[0]", SSH),
        ("gatehouse_flows[0] (group dbs)", SQL),
    ]
    assert [str(row.where) for row in found.user.zones] == ["gatehouse_zones[0] (group dbs)"]
    assert list(found.user.classes) == list(found.user.services) == []


def test_the_order_of_the_sources_changes_no_row():
    sources = [Source(f"group {name}", {"gatehouse_flows": [{**SSH, "name": name}]}) for name in "abc"]

    outcomes = {
        frozenset((str(row.where), row.value["name"]) for row in declared(*order)[0].user.flows)
        for order in itertools.permutations(sources)
    }

    assert len(outcomes) == 1


@pytest.mark.parametrize(
    ("key", "attribute"),
    [("gatehouse_options", "options"), ("gatehouse_echo_request", "echo_request"), ("gatehouse_dhcp", "dhcp")],
)
def test_a_single_value_may_be_said_twice_and_must_not_be_said_in_two_ways(key, attribute):
    agreed, none = declared(Source("", {}), Source("group a", {key: False}), Source("group b", {key: False}))
    _torn, problems = declared(Source("group a", {key: False}), Source("group b", {key: True}))

    assert none == []
    assert (getattr(agreed, attribute).value, str(getattr(agreed, attribute).where)) == (False, f"{key} (group a)")
    assert problems == [
        f"{key} (group b): got True, expected one value for the whole fleet; {key} (group a) says False"
    ]


def test_what_nobody_sets_is_nothing_at_the_variables_own_place():
    found, problems = declared(Source("", {"gatehouse_options": None, "gatehouse_profile": None}))

    assert problems == []
    assert (found.options.value, str(found.options.where)) == (None, "gatehouse_options")
    assert found.profiles == []


@pytest.mark.parametrize(
    ("written", "names"), [("one", ["one"]), (["one", "two"], ["one", "two"]), ([], []), (None, [])]
)
def test_one_profile_or_several_are_loaded_in_order(written, names):
    found, problems = declared(Source("", {"gatehouse_profile": written}))

    assert problems == []
    assert [profile.name for profile in found.profiles] == names


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"one": True}, "gatehouse_profile: got {'one': True}, expected a list"),
        (5, "gatehouse_profile: got 5, expected a list"),
        (["one", 5], "gatehouse_profile[1]: got 5, expected the name of a profile"),
    ],
)
def test_what_is_no_profile_is_refused(written, problem):
    assert declared(Source("", {"gatehouse_profile": written}))[1] == [problem]


def test_what_two_files_of_a_group_say_in_different_ways_is_named_with_both():
    problems = Problems()
    files = {
        "group_vars/all/a.yml": {"gatehouse_flows": [SSH], "gatehouse_profile": "eks"},
        "group_vars/all/b.yml": {"gatehouse_flows": [], "gatehouse_zones": []},
        "group_vars/all/c.yml": {"gatehouse_profile": "eks", "gatehouse_zones": None, "motd": 1},
    }
    note_hidden(files, problems)

    assert [str(problem) for problem in problems.found] == [
        (
            "gatehouse_flows (group_vars/all/b.yml): got [], expected it in one file of the group: "
            "group_vars/all/a.yml has it, too, and Ansible takes only one of them"
        )
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("gatehouse_flow", "gatehouse_flows"),
        ("gatehouse_flws", "gatehouse_flows"),
        ("gatehouse_profiles", "gatehouse_profile"),
        ("gatehouse_class", "gatehouse_classes"),
        ("gatehouse_zone", "gatehouse_zones"),
        ("gatehouse_service", "gatehouse_services"),
        ("gatehouse_option", "gatehouse_options"),
        ("gatehouse_echo_requests", "gatehouse_echo_request"),
        ("gatehouse_interface", "gatehouse_interfaces"),
        ("gatehouse_adresses", "gatehouse_addresses"),
        ("gatehouse_backends", "gatehouse_backend"),
        ("gatehouse_rollback_timeouts", "gatehouse_rollback_timeout"),
        ("gatehouse_allow_selflockout", "gatehouse_allow_self_lockout"),
        ("gatehouse_take_over", "gatehouse_takeover"),
        ("gatehouse_reheares", "gatehouse_rehearse"),
        ("gatehouse_verify_maxx", "gatehouse_verify_max"),
        ("gatehouse_unused_day", "gatehouse_unused_days"),
        ("gatehouse_host", "gatehouse_hosts"),
    ],
)
def test_a_misspelt_variable_is_named_with_its_group(key, meant):
    _found, problems = declared(Source("group webs", {key: 5}))

    assert problems == [f"{key} (group webs): got 5, expected a variable of the model; did you mean {meant}?"]


@pytest.mark.parametrize(
    "key",
    [
        *sorted(arguments().keys() - {*MODEL_KEYS}),
        *("_gatehouse_report", "_gatehouse_compiled"),
        *("gatehouse_addresses", "gatehouse_interfaces", "gatehouse_backend", "gatehouse_mode"),
        *("flows", "zones", "ansible_host", "my_gatehouse_flow"),
    ],
)
def test_other_variables_are_left_alone(key):
    assert declared(Source("", {key: 5}))[1] == []


HOSTS = {
    "web1": {"ansible_host": "192.0.2.1", "ansible_default_ipv4": {"address": "10.0.0.1"}, "other": 1},
    "web2": {"gatehouse_addresses": {"private": ["192.0.2.2"]}, "gatehouse_interfaces": {"public": "eth1"}},
}


def test_only_declared_variables_of_a_host_are_read_and_only_when_asked_for():
    asked = []

    def read(name):
        asked.append(name)
        return HOSTS[name]

    variables = DeclaredVariables(read, HOSTS)

    assert variables["web1"] == {"ansible_host": "192.0.2.1"}
    assert asked == ["web1"]
    assert set(variables["web2"]) == {"gatehouse_addresses", "gatehouse_interfaces"}


def test_a_host_that_the_inventory_lacks_has_no_variables():
    variables = DeclaredVariables(lambda _name: {"ansible_host": "127.0.0.1"}, ["web1", "web2", "web1"])

    assert list(variables) == ["web1", "web2"]
    assert len(variables) == 2
    assert "localhost" not in variables
    assert variables.get("localhost", {}) == {}


class Text(str):
    """A text as Ansible tags it."""

    __slots__ = ()


def test_ansibles_own_types_become_plain_ones():
    value = plain({Text("a"): (Text("b"), [Text("c"), 1, None, True]), 5: 1.5})

    assert value == {"a": ["b", ["c", 1, None, True]], "5": 1.5}
    assert [type(item) for item in (*value, value["a"][0], value["a"][1][0])] == [str] * 4


class Vaulted:
    """What reads as a text and is none, as Ansible's vaulted values do."""

    def __str__(self):
        return "192.0.2.1"


@pytest.mark.parametrize("number", [7, 1.5])
def test_a_number_of_ansibles_becomes_one_that_yaml_can_write(number):
    tagged = type("Tagged", (type(number),), {})(number)

    assert yaml.safe_dump(plain({"order": tagged})) == f"order: {number}\n"


@pytest.mark.parametrize("kept", [None, True, 5, 1.5, datetime.date(2027, 1, 31), "text"])
def test_what_is_neither_a_collection_nor_a_plain_scalar_is_its_text(kept):
    assert plain({"a": [Vaulted()], "b": Vaulted(), "c": kept}) == {"a": ["192.0.2.1"], "b": "192.0.2.1", "c": kept}
    assert plain(kept) is kept


TEMPLATED = {"gatehouse_zones": [{"name": "office", "networks": ["{{ office }}"]}]}


def asked(templates, variables):
    """Return the hosts for which templates have to be asked, of all that have these variables."""
    return [host for host, _variables in distinct(templates, variables, variables.__getitem__)]


@pytest.mark.parametrize(
    ("templates", "hosts"),
    [
        (TEMPLATED, ["a", "c"]),
        ({"gatehouse_flows": "{% if site == 1 %}[]{% endif %}"}, ["a", "b"]),
        ({"gatehouse_flows": "{{ outer }}"}, ["a", "c"]),
        ({"gatehouse_flows": "{{ lookup('vars', 'off' ~ 'ice') }}"}, ["a", "b", "c", "d"]),
        ({"gatehouse_flows": "{{ looked_up }}"}, ["a", "b", "c", "d"]),
        ({"gatehouse_flows": "{{ groups | length }} {{ missing }}"}, ["a"]),
        ({}, []),
    ],
)
def test_a_template_is_asked_once_for_all_hosts_that_are_the_same_to_it(templates, hosts):
    shared = {"outer": ["{{ office }}"], "looked_up": "{{ lookup('vars', 'office') }}"}
    variables = {
        "a": {**shared, "office": "192.0.2.1", "site": 1, "groups": {"a": 1}},
        "b": {**shared, "office": "192.0.2.1", "site": 2, "groups": {"b": 1}},
        "c": {**shared, "office": Vaulted, "site": 1, "groups": {}},
        "d": {**shared, "office": Vaulted, "site": 2, "groups": {}},
    }

    assert asked(templates, variables) == hosts


def test_nobodys_variables_are_read_where_there_is_no_template():
    assert list(distinct({}, ["a"], {}.__getitem__)) == []


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ([{"a": 1, "b": [1, 2]}], [{"a": 1, "b": [1, 3]}], ("key[0].b[1]", 2, 3)),
        ([1], [1, 2], ("key", [1], [1, 2])),
        ({"a": 1}, {"b": 1}, ("key", {"a": 1}, {"b": 1})),
        ([{"a": 1}], [5], ("key[0]", {"a": 1}, 5)),
        (5, 5, ("key", 5, 5)),
        ([5], [5], ("key", [5], [5])),
    ],
)
def test_the_first_place_in_which_two_values_differ_is_found(one, other, found):
    where, mine, others = difference(Where("key"), one, other)

    assert (str(where), mine, others) == found
