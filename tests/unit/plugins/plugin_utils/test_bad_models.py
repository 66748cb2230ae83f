"""Each mistake in a model is said once: where, what was got, what was expected. Nothing else happens."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import DATA, build, good, read_data

FILES = sorted(path.relative_to(DATA).as_posix() for path in DATA.glob("bad_models/*.yml"))
ROWS = [row for name in FILES for row in read_data(name)["models"]]


def spoilt(row):
    return good(row.get("put"), row.get("drop", ()), row.get("profiled", False))


def said(problem):
    return {"at": str(problem.where), "got": problem.got, "expected": problem.expected, "hint": problem.hint}


def title(count):
    return f"{count} problem{'' if count == 1 else 's'} in the model; nothing was changed:"


def line(problem):
    text = f"  {problem['at']}: got {problem['got']}, expected {problem['expected']}"
    return f"{text}; {problem['hint']}" if problem["hint"] else text


def test_the_models_that_get_spoilt_are_good():
    build(good())
    build(good(profiled=True))


def test_each_kind_has_a_name_of_its_own():
    assert len({row["kind"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["kind"])
def test_each_mistake_has_one_message_with_its_place(row):
    with pytest.raises(ModelError) as raised:
        build(spoilt(row))

    expected = [{"hint": "", **problem} for problem in row["problems"]]
    assert [said(problem) for problem in raised.value.problems] == expected
    assert str(raised.value).split("\n") == [title(len(expected)), *(line(problem) for problem in expected)]
