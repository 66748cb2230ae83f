from __future__ import annotations

import datetime

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain


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
