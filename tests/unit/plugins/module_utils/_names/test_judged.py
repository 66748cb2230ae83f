from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Refresh
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.judged import hold, judge, next_question

BOUNDS = Refresh(10, 100, ("127.0.0.0/8", "::1"), max_addresses=3)
NOW = 1000.0


def v4(*numbers):
    return tuple(f"198.51.100.{number}" for number in numbers)


def v6(*numbers):
    return tuple(f"2001:db8::{number}" for number in numbers)


def answered(*addresses, untold=()):
    return judge(BOUNDS, Answer(addresses, 20, dict.fromkeys(untold, "timed out")))


def test_an_answer_counts_but_for_what_is_refused():
    judged = answered(*v4(1), "127.0.0.1", *v6(1), "::1")

    assert (judged.addresses, judged.untold) == ((*v4(1), *v6(1)), ())
    assert judged.error == "nobody's address: 127.0.0.1, ::1"


@pytest.mark.parametrize(("many", "few", "family"), [(v4, v6, 4), (v6, v4, 6)])
def test_a_family_with_more_addresses_than_count_is_not_taken_and_the_other_is(many, few, family):
    judged = answered(*many(1, 2, 3, 4), *few(1, 2, 3))

    assert (judged.addresses, judged.untold) == (few(1, 2, 3), (family,))
    assert judged.error == f"got 4 IPv{family} addresses, expected at most 3 (max_addresses)"


def test_an_address_that_is_answered_twice_counts_once():
    assert answered(*v4(1, 1, 2, 2, 3, 3)).addresses == v4(1, 2, 3)


def test_an_address_counts_until_max_ttl_after_it_was_seen_last():
    seen = {**dict.fromkeys(v4(1), NOW - 99), **dict.fromkeys(v4(2), NOW - 100), **dict.fromkeys(v6(1), NOW - 1)}

    held = hold(BOUNDS, answered(*v4(3)), seen, NOW)
    assert held.seen == {v4(3)[0]: NOW, v4(1)[0]: NOW - 99, v6(1)[0]: NOW - 1}
    assert held.crowded == ()


def test_what_is_answered_again_is_as_good_as_new():
    assert hold(BOUNDS, answered(*v4(1)), dict.fromkeys(v4(1), NOW - 99), NOW).seen == {v4(1)[0]: NOW}


@pytest.mark.parametrize("family", [v4, v6])
def test_of_more_addresses_than_count_those_seen_last_do(family):
    seen = {one: NOW - age for one, age in zip(family(1, 2, 3), (30, 20, 10))}

    held = hold(BOUNDS, answered(*family(4, 5)), seen, NOW)
    assert list(held.seen) == [*family(4, 5), *family(3)]
    assert held.crowded == ((4,) if family is v4 else (6,))


def test_a_family_of_which_an_answer_tells_nothing_keeps_all_however_old():
    held = hold(BOUNDS, answered(*v4(2), untold=[6]), {**dict.fromkeys(v4(1), 0.0), **dict.fromkeys(v6(1), 0.0)}, NOW)

    assert held.seen == {v4(2)[0]: NOW, v6(1)[0]: 0.0}


def test_what_has_come_to_be_refused_is_not_kept():
    assert list(hold(BOUNDS, answered(*v4(1)), {"127.0.0.1": NOW - 1}, NOW).seen) == [*v4(1)]


def test_a_clock_that_was_set_back_keeps_nothing_longer():
    held = hold(BOUNDS, answered(*v4(2)), dict.fromkeys(v4(1), NOW + 5000), NOW)

    assert held.seen[v4(1)[0]] == NOW


@pytest.mark.parametrize(
    ("ttl", "seen", "due"),
    [
        (20, {}, 20),
        (1, {}, 10),
        (5000, {}, 100),
        (50, {v4(9)[0]: NOW - 60}, 40),
        (50, {v4(9)[0]: NOW - 10}, 50),
        (50, {v4(1)[0]: NOW - 60}, 50),
    ],
    ids=["its time", "the least", "the most", "an earlier one's end", "not so soon", "seen again"],
)
def test_a_name_is_asked_for_again_when_the_first_of_its_addresses_counts_no_longer(ttl, seen, due):
    judged = answered(*v4(1))

    assert next_question(BOUNDS, judged, hold(BOUNDS, judged, seen, NOW), ttl, NOW) == NOW + due


def test_a_family_that_is_kept_for_want_of_an_answer_is_no_reason_to_ask_at_once():
    judged = answered(*v4(1), untold=[6])

    assert next_question(BOUNDS, judged, hold(BOUNDS, judged, dict.fromkeys(v6(1), 0.0), NOW), 20, NOW) == NOW + 20
