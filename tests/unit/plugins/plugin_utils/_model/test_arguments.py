"""Which variables the roles and playbooks take, and which values."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.validation import check_type_bool, check_type_int
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.variables import CONTROLLER_KEYS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.arguments import Argument, arguments, note_wrong
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import (
    HOST_KEYS,
    MODEL_KEYS,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems

WORDS = ["true", "False", "YES", "no", "on", "Off", "y", "N", "t", "f", "1", "0", " yes ", True, False, 1, 0, 1.0]
NO_WORDS = ["ture", "", "2", 2, "enabled", "truefalse", "yn", [], "none"]


@pytest.mark.parametrize("value", WORDS + NO_WORDS)
def test_a_word_is_true_or_false_where_ansible_has_it_so(value):
    def is_one():
        try:
            check_type_bool(value)
        except TypeError:
            return False
        return True

    assert (Argument("bool").expected(value) == "") == is_one() == (value in WORDS and not isinstance(value, list))


@pytest.mark.parametrize(("value", "is_one"), [("30", True), (30, True), ("-1", True), ("ten", False), ("", False)])
def test_a_number_is_one_where_ansible_has_it_so(value, is_one):
    assert (Argument("int").expected(value) == "") == is_one
    if is_one:
        check_type_int(value)
    else:
        with pytest.raises(TypeError):
            check_type_int(value)


def test_a_choice_is_one_of_those_there_are():
    assert Argument("str", ("a", "b")).expected("a") == ""
    assert Argument("str", ("a", "b")).expected("c") == "one of a, b"


def test_every_variable_of_the_model_and_of_hosts_is_one_that_a_role_takes():
    ours = {key for key in HOST_KEYS if key.startswith("gatehouse_")}

    assert {*MODEL_KEYS, *ours, *CONTROLLER_KEYS} - arguments().keys() == set()


def test_wrong_values_are_named_with_their_place_and_templates_are_left_to_the_roles():
    problems = Problems()
    variables = {
        "gatehouse_takeover": "perhaps",
        "gatehouse_rehearse": "{{ x }}",
        "gatehouse_backend": None,
        "gatehouse_flows": "anything",
        "other": "perhaps",
    }
    note_wrong("group webs", variables, lambda value: "{{" in str(value), problems)

    assert [str(one) for one in problems.found] == [
        "gatehouse_takeover (group webs): got 'perhaps', expected true or false"
    ]


def test_each_of_the_checks_of_a_change_is_read_where_it_is_set():
    problems = Problems()
    for value in (["true", {"command": "{{ one }}", "timeout": "ten"}, 7], ["{{ checks }}"], None):
        note_wrong("host web1", {"gatehouse_confirm_checks": value}, lambda one: one == ["{{ checks }}"], problems)

    assert [str(one) for one in problems.found] == [
        "gatehouse_confirm_checks[1].timeout (host web1): got 'ten', expected a whole number between 1 and 600",
        "gatehouse_confirm_checks[2] (host web1): got 7, expected a mapping with the keys command, name, timeout",
    ]


def test_a_time_to_watch_the_canaries_is_read_where_it_is_set():
    problems = Problems()
    for value in ("2m", "{{ soak }}", None, "2 minutes"):
        note_wrong("group all", {"gatehouse_soak": value}, lambda one: "{{" in str(one), problems)

    (problem,) = map(str, problems.found)
    assert problem.startswith("gatehouse_soak (group all): got '2 minutes', expected seconds, or a time such as 90s")
