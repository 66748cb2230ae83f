from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.name_refresh import Refresh, read_refresh
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import network_text
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where


def read(value):
    problems = Problems()
    return read_refresh(Where("gatehouse_refresh"), value, problems), [str(problem) for problem in problems.found]


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        (None, (60, 3600, 256)),
        ({}, (60, 3600, 256)),
        ({"min_ttl": 5}, (5, 3600, 256)),
        ({"max_ttl": "300"}, (60, 300, 256)),
        ({"min_ttl": 7200}, (7200, 7200, 256)),
        ({"min_ttl": 1, "max_ttl": 86400}, (1, 86400, 256)),
        ({"max_addresses": "1"}, (60, 3600, 1)),
        ({"max_addresses": 4096}, (60, 3600, 4096)),
    ],
)
def test_what_is_not_said_is_the_default(value, bounds):
    found, problems = read(value)

    assert problems == []
    assert (found.min_ttl, found.max_ttl, found.max_addresses) == bounds
    assert found.refused == Refresh().refused


def test_what_is_refused_replaces_the_default():
    assert [*map(network_text, read({"refused": ["127.0.0.0/8", "::1"]})[0].refused.networks)] == ["127.0.0.0/8", "::1"]
    assert not read({"refused": []})[0].refused


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (5, "gatehouse_refresh: got 5, expected a mapping with the keys max_addresses, max_ttl, min_ttl, refused"),
        ({"min_ttl": 0}, "gatehouse_refresh.min_ttl: got 0, expected a whole number between 1 and 86400"),
        ({"min_ttl": True}, "gatehouse_refresh.min_ttl: got True, expected a whole number between 1 and 86400"),
        ({"max_ttl": 86401}, "gatehouse_refresh.max_ttl: got 86401, expected a whole number between 1 and 86400"),
        ({"max_ttl": "1h"}, "gatehouse_refresh.max_ttl: got '1h', expected a whole number between 1 and 86400"),
        ({"min_ttl": 9, "max_ttl": 8}, "gatehouse_refresh.min_ttl: got 9, expected at most max_ttl, which is 8"),
        ({"ttl": 9}, "gatehouse_refresh.ttl: got 9, expected no such key, but one of max_addresses, max_ttl,"),
        ({"max_addresses": 0}, "gatehouse_refresh.max_addresses: got 0, expected a whole number between 1 and 4096"),
        ({"max_addresses": 4097}, "gatehouse_refresh.max_addresses: got 4097, expected a whole number between 1 and"),
        ({"refused": ["lo"]}, "gatehouse_refresh.refused[0]: got 'lo', expected an address or a network"),
    ],
)
def test_a_mistake_is_told_by_its_key(value, problem):
    assert [text[: len(problem)] for text in read(value)[1]] == [problem]
