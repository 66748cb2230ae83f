from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.denied import Denied, Log, read_denied, to_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good, problems_of

RATE = "expected lines in a unit of time (second, minute, hour, day) such as 10/minute"
TO = "expected kernel, or nflog:5 for the group 5 of NFLOG (0 to 65535)"


def read(value):
    problems = Problems()
    return read_denied(Where("gatehouse_denied"), value, problems), [str(problem) for problem in problems.found]


@pytest.mark.parametrize(
    ("value", "expected", "words"),
    [
        (None, Denied(True, None), ""),
        ({}, Denied(True, None), ""),
        ({"keep": "false"}, Denied(False, None), "not kept"),
        ({"log": None}, Denied(True, None), ""),
        ({"log": {}}, Denied(True, Log("10/minute", None)), "logged 10/minute to kernel"),
        ({"log": {"rate": "3/hour"}}, Denied(True, Log("3/hour", None)), "logged 3/hour to kernel"),
        ({"log": {"to": "nflog:0"}}, Denied(True, Log("10/minute", 0)), "logged 10/minute to nflog:0"),
        (
            {"keep": False, "log": {"rate": "10000/second", "to": "nflog:65535"}},
            Denied(False, Log("10000/second", 65535)),
            "not kept, logged 10000/second to nflog:65535",
        ),
    ],
)
def test_what_is_not_said_is_the_default(value, expected, words):
    found, problems = read(value)

    assert (found, str(found), problems) == (expected, words, [])
    assert read(to_data(found)) == (expected, [])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no", "gatehouse_denied: got 'no', expected a mapping with the keys keep, log"),
        (
            {"kep": True},
            "gatehouse_denied.kep: got True, expected no such key, but one of keep, log; did you mean keep?",
        ),
        ({"keep": "maybe"}, "gatehouse_denied.keep: got 'maybe', expected true or false"),
        ({"log": True}, "gatehouse_denied.log: got True, expected a mapping with the keys rate, to"),
        *(
            (
                {"log": {"rate": rate}},
                f"gatehouse_denied.log.rate: got {rate!r}, {RATE}",
            )
            for rate in ("10", 10, "10/week", "0/minute", "10001/second", "10/minute ", '1/minute" accept')
        ),
        *(
            (
                {"log": {"to": to}},
                f"gatehouse_denied.log.to: got {to!r}, {TO}",
            )
            for to in ("syslog", "nflog", "nflog:65536", "nflog:5 accept", 5)
        ),
    ],
)
def test_what_can_not_be_said_is_a_problem_at_its_place(value, problem):
    assert read(value)[1] == [problem]


def test_it_is_a_variable_of_a_host():
    fleet = build(good({"hosts.web1.gatehouse_denied": {"keep": False}}))
    (problem,) = problems_of(good({"hosts.web1.gatehouse_denied": []}))

    assert (fleet.policy_of("web1").denied.keep, fleet.policy_of("web2").denied.keep) == (False, True)
    assert str(problem).startswith("gatehouse_denied (host web1): got []")


def test_known_are_the_addresses_of_all_classes_and_zones_but_those_of_everybody():
    put = {
        "gatehouse_zones[2]": {"name": "internet", "networks": ["0.0.0.0/1", "198.18.0.0/15"]},
        "gatehouse_zones[3]": {"name": "unused", "networks": ["198.51.100.0/24"]},
    }
    fleet = build(good(put))

    expected = ["192.0.2.1", "192.0.2.2", "192.0.2.11", "198.51.100.0/24", "203.0.113.0/24", "2001:db8:1::/48"]
    assert fleet.policy_of("web1").known.texts() == fleet.policy_of("db1").known.texts() == expected
