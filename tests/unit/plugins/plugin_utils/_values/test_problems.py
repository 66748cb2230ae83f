from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import (
    GatehouseError,
    ModelError,
    Problem,
    Problems,
    Where,
    near_miss,
    one_of,
    quoted,
)

FLOWS = Where("gatehouse_flows")


def test_a_place_grows_as_its_author_wrote_it():
    assert str(FLOWS.at(3).key("ports").at(1)) == "gatehouse_flows[3].ports[1]"
    assert str(Where("", "profile circleci_server_4").key("flows").at(0)) == "flows[0] (profile circleci_server_4)"
    assert str(Where("ansible_host", "host web1")) == "ansible_host (host web1)"


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem(FLOWS, "5", "a list"), "gatehouse_flows: got 5, expected a list"),
        (Problem(FLOWS, "5", "a list", "put it in one"), "gatehouse_flows: got 5, expected a list; put it in one"),
    ],
)
def test_a_problem_says_where_what_was_got_and_what_was_expected(problem, line):
    assert str(problem) == line


def test_problems_are_raised_together_and_only_if_there_are_any():
    problems = Problems()
    problems.raise_if_any()
    problems.add(FLOWS.at(1), "x", "a mapping")
    problems.add(FLOWS.at(0), None, "a mapping", "write one")

    with pytest.raises(ModelError) as raised:
        problems.raise_if_any()

    assert str(raised.value).splitlines() == [
        "2 problems in the model; nothing was changed:",
        "  gatehouse_flows[0]: got nothing, expected a mapping; write one",
        "  gatehouse_flows[1]: got 'x', expected a mapping",
    ]


def test_one_problem_is_not_called_problems():
    assert str(ModelError([Problem(FLOWS, "5", "a list")])).startswith("1 problem in the model; ")


def test_a_problem_that_was_found_twice_is_said_once():
    assert len(ModelError([Problem(FLOWS, "5", "a list")] * 2).problems) == 1


def test_problems_stand_in_reading_order_with_numbers_counted_as_numbers():
    places = [FLOWS.at(10), FLOWS.at(9).key("ports").at(11), FLOWS.at(9).key("ports").at(2), Where("gatehouse_classes")]
    error = ModelError(Problem(place, "x", "y") for place in places)

    assert [str(problem.where) for problem in error.problems] == [
        "gatehouse_classes",
        "gatehouse_flows[9].ports[2]",
        "gatehouse_flows[9].ports[11]",
        "gatehouse_flows[10]",
    ]


def test_a_model_error_is_of_the_collections_family():
    assert issubclass(ModelError, GatehouseError)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        ("", "''"),
        ("web", "'web'"),
        ("it's", '"it\'s"'),
        ("a\nb", "'a\\nb'"),
        ("a\u202eb", "'a\\u202eb'"),
        (["a\x1bb"], "['a\\x1bb']"),
        (True, "True"),
        (0, "0"),
        ({"a": None}, "{'a': None}"),
        ("n" * 98, f"'{'n' * 98}'"),
        ("n" * 99, f"'{'n' * 96}..."),
    ],
)
def test_a_value_is_quoted_on_one_line_of_at_most_100_characters(value, text):
    assert quoted(value) == text


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("ofice", ["office", "vcs"], "did you mean office?"),
        ("office", [], ""),
        ("internet", ["office", "vcs"], ""),
        ("circleci", ["circleci_server_4", "eks"], "did you mean circleci_server_4?"),
        ("cir", ["circleci_server_4"], ""),
        (None, ["office"], ""),
        (5, ["office"], ""),
        (["office"], ["x"], ""),
    ],
)
def test_a_near_miss_is_named_where_there_is_one(name, known, hint):
    assert near_miss(name, known) == hint


def test_the_known_names_are_listed_in_order():
    assert one_of(["vcs", "office"]) == "one of office, vcs"
    assert one_of([]) == "nothing (none is declared)"
