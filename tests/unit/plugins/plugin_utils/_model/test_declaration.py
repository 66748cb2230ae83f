from __future__ import annotations

import itertools

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.arguments import arguments
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import (
    MODEL_KEYS,
    Source,
    declare,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.profile import Profile
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems

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


def test_lists_with_names_of_their_own_add_up_each_row_with_its_place():
    found, problems = declared(
        Source("", {"gatehouse_flows__sql": [SQL], "gatehouse_flows": [SSH], "gatehouse_zones__a_b": [{"name": "a"}]}),
        Source("group dbs", {"gatehouse_flows__sql": [SQL], "gatehouse_assertions__sql": [{"deny": "web"}]}),
    )

    assert problems == []
    assert [(str(row.where), row.value) for row in found.user.flows] == [
        ("gatehouse_flows[0]", SSH),
        ("gatehouse_flows__sql[0]", SQL),
        ("gatehouse_flows__sql[0] (group dbs)", SQL),
    ]
    assert [str(row.where) for row in found.user.zones] == ["gatehouse_zones__a_b[0]"]
    assert [str(row.where) for row in found.assertions] == ["gatehouse_assertions__sql[0] (group dbs)"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("gatehouse_flow__sql", "gatehouse_flows"),
        ("gatehouse_flows__", "gatehouse_flows"),
        ("gatehouse_flows__sql-main", "gatehouse_flows"),
        ("gatehouse_zone__office", "gatehouse_zones"),
    ],
)
def test_a_list_whose_name_is_almost_one_is_an_error(key, hint):
    _found, problems = declared(Source("", {key: []}))

    assert problems == [f"{key}: got [], expected a variable of the model; did you mean {hint}?"]


@pytest.mark.parametrize("key", ["gatehouse_options__sql", "gatehouse_profile__sql"])
def test_what_is_no_list_has_no_named_ones(key):
    _found, problems = declared(Source("", {key: []}))

    assert len(problems) == 1
