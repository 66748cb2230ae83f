"""The readers' own corners; what they say of whole models stands in test_bad_models.py and test_unsafe_texts.py."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.readers import (
    Item,
    interfaces_at,
    rows,
    sides_at,
)

HERE = Where("here")


def read(value, ask, keys=("key",)):
    """Ask an item for a value; return the answer and the problems."""
    problems = Problems()
    item = Item(HERE, value, keys, problems)
    return ask(item), [str(problem) for problem in problems.found]


@pytest.mark.parametrize(("value", "found"), [(None, []), ([], []), (["a", None], ["a", None]), (("a",), ["a"])])
def test_a_list_has_its_items_and_nothing_has_none(value, found):
    problems = Problems()

    assert [item for _place, item in rows(HERE, value, problems)] == found
    assert problems.found == []


def test_each_item_of_a_list_knows_its_place():
    assert [str(place) for place, _item in rows(HERE, ["a", "b"], Problems())] == ["here[0]", "here[1]"]


@pytest.mark.parametrize("value", ["text", 5, 0, False, {}, {"a": 1}])
def test_what_is_no_list_is_refused(value):
    problems = Problems()

    assert list(rows(HERE, value, problems)) == []
    assert [problem.expected for problem in problems.found] == ["a list"]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (None, None),
        ("2027-01-31", datetime.date(2027, 1, 31)),
        (datetime.date(2027, 1, 31), datetime.date(2027, 1, 31)),
    ],
)
def test_a_day_is_read_as_text_and_as_yamls_own_date(written, read_as):
    assert read({"key": written}, lambda item: item.date("key")) == (read_as, [])


def test_a_point_in_time_is_no_day():
    found, problems = read({"key": datetime.datetime(2027, 1, 31, 12, 0)}, lambda item: item.date("key"))

    assert found is None
    assert problems == ["here.key: got 2027-01-31 12:00:00, expected a day such as 2027-01-31"]


@pytest.mark.parametrize(
    "name", ["a", "git.example.org", "git.example.org.", "x_1.example", "9.example", "a" * 63, "xn--bcher-kva.example"]
)
def test_a_host_name_is_taken(name):
    assert read({"key": [name]}, lambda item: item.host_names("key")) == ((name,), [])


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "-a", "a-", "a-.b", "a b", "*.a", "a" * 64, "a." * 127 + "a", "ü.example", "a\n", 5]
)
def test_what_is_no_host_name_is_refused(name):
    found, problems = read({"key": [name]}, lambda item: item.host_names("key"))

    assert found == ()
    assert len(problems) == 1


def test_a_text_is_taken_up_to_500_characters_of_any_script():
    text = "Überwachung, 監視 # it's; fine" + "x" * 400

    assert read({"key": text}, lambda item: item.text("key")) == (text, [])
    assert read({}, lambda item: item.text("key")) == ("", [])


def test_a_key_counts_as_written_with_any_value_but_null():
    item = Item(HERE, {"key": [], "other": None}, ("key", "other"), Problems())

    assert (item.has("key"), item.has("other"), item.has("missing")) == (True, False, False)
    assert item.keys() == ("key", "other")


def test_interfaces_may_stand_without_a_list():
    problems = Problems()

    assert interfaces_at(HERE, {"public": "eth1", "private": ["eth0", "br-lan.5", "a:1", "b@c"]}, problems) == {
        "public": ("eth1",),
        "private": ("eth0", "br-lan.5", "a:1", "b@c"),
    }
    assert interfaces_at(HERE, None, problems) == {}
    assert problems.found == []


def test_a_side_knows_its_place():
    assert [(side, str(place), value) for side, place, value in sides_at(HERE, {"public": 1}, Problems())] == [
        ("public", "here.public", 1)
    ]
