from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.templates import difference, distinct
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Where


class Vaulted:
    """What reads as a text and is none, as Ansible's vaulted values do."""

    def __str__(self):
        return "192.0.2.1"


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
