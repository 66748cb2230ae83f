"""What Calico's objects are called where a host has several classes."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.names import LONGEST_LABEL, Names
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where


def slug(*several):
    problems = Problems()
    found = Names(problems).slug_of_several("class", several, Where("x"))
    assert problems.found == []
    return found


def test_names_of_classes_stand_together_so_that_no_class_by_itself_is_called_so():
    assert slug("db", "web_node") == "db--web-node"
    assert slug("db-web") != slug("db", "web")
    assert slug("db") == "db"


def test_a_name_that_is_too_long_is_cut_off_and_still_one_of_its_own():
    long, other = (slug(*(f"class_number_{number}" for number in some)) for some in (range(8), range(1, 9)))

    assert len(long) == len(other) == LONGEST_LABEL
    assert long.startswith("class-number-0--class-number-1--class-number-2--")
    assert long != other != slug(*(f"class_number_{number}" for number in range(1, 10)))
