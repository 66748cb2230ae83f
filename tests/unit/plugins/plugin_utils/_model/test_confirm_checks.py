from __future__ import annotations

import re

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.confirm_checks import (
    Check,
    checks_at,
    note_too_long,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where

WHERE = Where("confirm_checks")


def read(value, timeout=30):
    """Return the checks and what is wrong with them."""
    problems = Problems()
    checks = checks_at(WHERE, value, problems)
    note_too_long(WHERE, checks, timeout, problems)
    return checks, [str(problem) for problem in problems.found]


def test_a_check_is_a_command_or_a_mapping_with_one():
    value = ["curl -fs http://localhost/health", {"command": "pg_isready", "name": "the database", "timeout": "5"}]

    assert read(value) == (
        (
            Check("'curl -fs http://localhost/health'", "curl -fs http://localhost/health", 10),
            Check("the database", "pg_isready", 5),
        ),
        [],
    )
    assert read([]) == read(None) == ((), [])


def test_all_that_is_wrong_is_said_at_once():
    value = ["", 7, {"name": "a"}, {"command": "true", "nam": 3}, {"command": "true", "timeout": 0}, {"command": []}]

    assert read(value)[1] == [
        "confirm_checks[0].command: got '', expected a command for the host's shell",
        "confirm_checks[1]: got 7, expected a mapping with the keys command, name, timeout",
        "confirm_checks[2].command: got nothing, expected a command for the host's shell",
        "confirm_checks[3].nam: got 3, expected no such key, but one of command, name, timeout; did you mean name?",
        "confirm_checks[4].timeout: got 0, expected a whole number between 1 and 600",
        "confirm_checks[5].command: got [], expected a command for the host's shell",
    ]
    assert read("true")[1] == ["confirm_checks: got 'true', expected a list"]


@pytest.mark.parametrize(
    ("seconds", "timeout", "said"),
    [
        ([10, 10], 30, []),
        ([], 5, []),
        ([10, 11], 30, ["got 21, expected at most 20 s .* of 30, 10 .*; set shorter timeouts, or .* of 31"]),
        ([1], 5, ["got 1, expected at most 0 s for all checks .*, or a rollback_timeout of 11"]),
        ([590], 600, []),
        ([591], 600, ["got 591, expected at most 590 s .*; set shorter timeouts"]),
    ],
)
def test_checks_have_to_fit_into_the_time_of_the_rollback(seconds, timeout, said):
    found = read([{"command": "true", "timeout": one} for one in seconds], timeout)[1]
    assert len(found) == len(said)
    assert all(re.fullmatch(f"confirm_checks: {words}", line) for words, line in zip(said, found)), found
