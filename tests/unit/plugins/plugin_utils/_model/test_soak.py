from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.soak import soak_at
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where


def read(value):
    problems = Problems()
    return soak_at(Where("gatehouse_soak"), value, problems), [str(problem) for problem in problems.found]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(0, 0), ("0", 0), (90, 90), ("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), ("24h", 86400)],
)
def test_a_time_is_read_in_seconds(text, seconds):
    assert read(text) == (seconds, [])


@pytest.mark.parametrize("text", ["2 m", "-1", "25h", "two", "", True, [1], "1.5m", "999999"])
def test_what_is_no_time_is_told(text):
    (_none, (problem,)) = read(text)
    assert problem.startswith("gatehouse_soak: got ")
    assert problem.endswith(", expected seconds, or a time such as 90s, 2m or 1h, of at most a day")
