from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

# web (192.0.2.1 and .2) lets office (203.0.113.0/24, 2001:db8:1::/48) in on 80 and 443, and reaches db (192.0.2.11)
# on 5432 alone.
HOLDS = [
    {"deny": "office", "to": "db", "port": "all"},
    {
        "deny": ["office", "198.51.100.0/24"],
        "to": ["db", "db1"],
        "port": ["5432/tcp", "22/tcp"],
        "why": "no customers there",
    },
    {"deny": "0.0.0.0/0", "to": "web", "port": "22/tcp"},
    {"deny": "everybody", "to": "db", "port": "5432/tcp"},
    {"allow": "web", "to": "db", "port": "5432/tcp"},
    {"allow": "web1", "to": "db1", "port": "5432/tcp"},
    {"allow": "office", "to": "web2", "port": "443/tcp"},
    {"allow": "203.0.113.9", "to": "web", "port": "443/tcp"},
    {"deny": "web", "to": "web", "port": "all"},
]
EVERYBODY = {"name": "everybody", "networks": ["0.0.0.0/0", "::/0"]}


def model(*assertions):
    ours = {"name": "ours", "networks": ["192.0.2.11"]}
    zones = {"gatehouse_zones[1]": EVERYBODY, "gatehouse_zones[2]": ours}
    return good({**zones, "gatehouse_assertions": list(assertions)})


def problems(*assertions):
    with pytest.raises(ModelError) as raised:
        build(model(*assertions))
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize("assertion", HOLDS, ids=str)
def test_an_assertion_that_holds_is_no_problem(assertion):
    build(model(assertion))


def test_a_packet_shows_that_an_assertion_does_not_hold_and_the_reason_is_told():
    found = problems(*HOLDS, {"deny": "office", "to": "web", "port": "1-1000/tcp"})

    words = "expected that no packet passes there; input of web1: the flow front allows it (office): customers"
    assert found == [f"gatehouse_assertions[9]: got '203.0.113.1 -> 192.0.2.1, 80/tcp: passes', {words}"]


def test_what_the_assertion_is_for_is_told_to_whoever_breaks_it():
    (found,) = problems({"deny": "office", "to": "web", "port": "80/tcp", "why": "the office has a door of its own"})

    assert "expected that no packet passes there (the office has a door of its own); input of web1: the flow" in found


def test_the_one_port_in_65535_that_is_open_is_found():
    (found,) = problems({"deny": "web", "to": "db", "port": "all"})

    assert found.startswith("gatehouse_assertions[0]: got '192.0.2.1 -> 192.0.2.11, 5432/tcp: passes'")


def test_the_one_address_that_is_not_let_in_is_found():
    (found,) = problems({"allow": "203.0.112.0/23", "to": "web1", "port": "443/tcp"})

    assert found.startswith("gatehouse_assertions[0]: got '203.0.112.1 -> 192.0.2.1, 443/tcp: denied'")
    assert "expected that every packet passes there; input of web1: no flow allows it" in found


def test_a_zone_is_who_of_it_is_in_no_class():
    build(model({"deny": "everybody", "to": "db", "port": "5432/tcp"}))

    (found,) = problems({"deny": "0.0.0.0/0", "to": "db", "port": "5432/tcp"})
    assert "192.0.2.1 -> 192.0.2.11, 5432/tcp: passes" in found


@pytest.mark.parametrize(
    ("assertion", "problem"),
    [
        (5, "gatehouse_assertions[0]: got 5, expected a mapping with the keys allow, deny, if_any, port, to, why"),
        (
            {"deny": "office", "to": "198.51.100.1", "port": "1/tcp"},
            "gatehouse_assertions[0]: got 'office and 198.51.100.1', expected a host of the fleet at one end: nothing",
        ),
        (
            {"allow": "2001:db8:1::1", "to": "db", "port": "1/tcp"},
            "gatehouse_assertions[0]: got '2001:db8:1::1 and db', expected a host of the fleet at one end: nothing",
        ),
        (
            {"deny": "ours", "to": "db", "port": "1/tcp"},
            "gatehouse_assertions[0].deny: got 'ours', expected a zone with an address that is in no node class; or",
        ),
        ({"to": "db", "port": "1/tcp"}, "gatehouse_assertions[0]: got nothing, expected either deny or allow"),
        (
            {"deny": "web", "allow": "db", "to": "db", "port": "1/tcp"},
            "gatehouse_assertions[0]: got nothing, expected either",
        ),
        (
            {"deny": "web", "to": "db"},
            "gatehouse_assertions[0].port: got nothing, expected ports such as 2376/tcp, or all",
        ),
        ({"deny": "web", "port": "1/tcp"}, "gatehouse_assertions[0].to: got nothing, expected a host of the inventory"),
        (
            {"deny": "wbe", "to": "db", "port": "1/tcp"},
            "gatehouse_assertions[0].deny: got 'wbe', expected a host of the",
        ),
        (
            {"deny": ["web", 7], "to": "db", "port": "1/tcp"},
            "gatehouse_assertions[0].deny[1]: got 7, expected a host of",
        ),
        (
            {"deny": [], "to": "db", "port": "1/tcp"},
            "gatehouse_assertions[0].deny: got [], expected at least one end",
        ),
        (
            {"allow": "web", "to": [], "port": "1/tcp"},
            "gatehouse_assertions[0].to: got [], expected at least one end",
        ),
        (
            {"deny": "web", "to": "db", "ports": "1/tcp"},
            "gatehouse_assertions[0].port: got nothing, expected ports such as",
        ),
    ],
    ids=str,
)
def test_a_mistake_in_an_assertion_is_told_by_its_key(assertion, problem):
    assert problems(assertion)[0].startswith(problem)


NOBODY_TODAY = {"gatehouse_classes[2]": {"name": "spot", "groups": ["spots"], "may_be_empty": True}}


@pytest.mark.parametrize(
    "assertion",
    [
        {"deny": "spot", "to": "db", "port": "all"},
        {"deny": "web", "to": ["spot", "web"], "port": "all"},
        {"allow": "spot", "to": "db", "port": "22/tcp", "if_any": True},
        {"allow": ["web", "spot"], "to": "db", "port": "5432/tcp", "if_any": True},
    ],
    ids=str,
)
def test_of_a_class_that_is_nobody_today_a_deny_holds_and_an_allow_that_says_so(assertion):
    build(good({**NOBODY_TODAY, "gatehouse_assertions": [assertion]}))


def test_an_allow_about_a_class_that_is_nobody_today_does_not_hold_by_itself():
    put = {**NOBODY_TODAY, "gatehouse_assertions": [{"allow": ["spot", "web"], "to": "db", "port": "5432/tcp"}]}
    with pytest.raises(ModelError) as raised:
        build(good(put))
    expected = "a class with at least one host or network; if_any: true where it may be empty"
    assert [str(problem) for problem in raised.value.problems] == [
        f"gatehouse_assertions[0].allow[0]: got 'spot', expected {expected}"
    ]


def test_if_any_is_for_an_allow():
    assert problems({"deny": "web", "to": "web", "port": "all", "if_any": True}) == [
        "gatehouse_assertions[0].if_any: got True, expected no if_any: a deny of an empty class always holds"
    ]
