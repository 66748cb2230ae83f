from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.summary import (
    Outcome,
    by_classes,
    complaint,
    lists,
    not_changed,
    outcome,
    progress,
    table,
    would_change,
)

CONFIRMED = {"changed": True, "confirmed": True}
ROLLED_BACK = {"failed": True, "confirmed": False}


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (None, ("waiting",)),
        ({"changed": False}, ("unchanged",)),
        ({"changed": False, "skipped": True}, ("unchanged",)),
        ({"changed": True}, ("changed",)),
        (CONFIRMED, ("changed", "confirmed")),
        ({**CONFIRMED, "new_connection": True}, ("changed", "confirmed")),
        ({**CONFIRMED, "new_connection": False}, ("changed", "confirmed", "old_connection")),
        (ROLLED_BACK, ("rolled_back",)),
        ({**ROLLED_BACK, "gone_back": True}, ("rolled_back",)),
        ({**ROLLED_BACK, "gone_back": False}, ("failed",)),
        ({"failed": True}, ("failed",)),
        ({"unreachable": True, "changed": False}, ("unreachable",)),
    ],
)
def test_a_hosts_result_has_one_meaning(result, what):
    assert outcome("web1", "web", result).what == what


def summed(**results):
    outcomes = [outcome(host, host[:-1], result) for host, result in results.items()]
    return outcomes, by_classes(outcomes, {"web": 3, "db": 2})


def test_a_run_is_summed_up_by_classes():
    outcomes, numbers = summed(web1=CONFIRMED, web2={"changed": False}, db1=None)

    assert table(numbers) == [
        "classes  hosts  flows  unchanged  changed  confirmed  waiting",
        "web          2      3          1        1          1        0",
        "db           1      2          0        0          0        1",
    ]
    assert lists(outcomes) == ["Not tried yet: db1"]


def test_of_many_sets_of_classes_the_largest_are_shown_and_the_rest_is_summed_up():
    outcomes = [
        Outcome(f"host{number}.{copy}", f"class{number}+web", ("unchanged",))
        for number in range(23)
        for copy in range(number + 1)
    ]

    rows = table(by_classes(outcomes, {"class22+web": 7}))
    assert [row.split()[:2] for row in (rows[1], rows[20])] == [["class22+web", "23"], ["class3+web", "4"]]
    assert [row.split() for row in rows[21:]] == [["3", "more", "6", "6", "0", "0"], ["all", "276", "276", "0", "0"]]


def test_a_host_that_was_not_confirmed_over_a_new_connection_is_named():
    outcomes, numbers = summed(web1={**CONFIRMED, "new_connection": False})

    assert numbers["web"]["confirmed"] == 1
    assert lists(outcomes) == ["Confirmed, but not over a new connection (it may be refused): web1"]


def test_why_hosts_changed_is_told():
    why = {**CONFIRMED, "reasons": ["Its rules were changed by hand"]}
    outcomes, _numbers = summed(web1=why, web2={"changed": False}, db1={**why, "confirmed": False})

    assert lists(outcomes) == ["Its rules were changed by hand: web1, db1"]


def test_a_dry_run_says_what_would_change():
    _outcomes, numbers = summed(web1={"changed": True})

    assert table(numbers, dry_run=True)[0] == "classes  hosts  flows  unchanged  would change"


def test_a_run_says_how_far_it_is_while_hosts_wait():
    _outcomes, numbers = summed(web1=CONFIRMED, web2=None)
    assert progress(numbers, 12.4) == "1 of 2 hosts after 12 s"
    _outcomes, numbers = summed(web1=CONFIRMED)
    assert progress(numbers, 12.4) == ""


def test_columns_that_say_nothing_are_left_out():
    _outcomes, numbers = summed(web1=CONFIRMED)

    assert table(numbers)[0] == "classes  hosts  flows  unchanged  changed  confirmed"


def test_hosts_that_need_somebody_are_named():
    outcomes, _numbers = summed(web1=ROLLED_BACK, web2={"unreachable": True}, db1={"failed": True})

    assert lists(outcomes) == ["Not reached: web2", "Gone back to their previous ruleset: web1", "Failed: db1"]


def test_only_hosts_that_could_not_be_changed_stop_a_run():
    outcomes, _numbers = summed(
        web1=ROLLED_BACK, web2={"unreachable": True}, db1={"failed": True}, db2=None, db3=CONFIRMED
    )

    assert not_changed(outcomes) == ["web1", "db1"]


def test_a_long_list_is_cut():
    outcomes, _numbers = summed(**{f"web{number}": None for number in range(25)})

    assert lists(outcomes)[0].endswith("web19 and 5 more")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({"web1": CONFIRMED, "web2": None}, ""),
        ({"web1": CONFIRMED, "web2": {"changed": False}}, ""),
        (
            {"web1": ROLLED_BACK, "web2": None},
            "1 of 2 hosts could not be changed. Stopped here: what was not tried yet is as it was",
        ),
        ({"web1": ROLLED_BACK, "web2": {"failed": True}}, "2 of 2 hosts could not be changed"),
        ({"web1": {"unreachable": True}, "web2": None}, ""),
        ({"web1": {"unreachable": True}, "web2": CONFIRMED}, "1 of 2 hosts were not reached"),
    ],
)
def test_a_run_goes_on_and_ends_well_or_says_why_not(results, message):
    assert complaint(summed(**results)[1]) == message


def test_a_dry_run_says_how_many_hosts_would_change_if_any_would():
    _outcomes, numbers = summed(web1={"changed": True}, web2={"changed": False}, db1={"changed": True})
    _outcomes, unchanged = summed(web1={"changed": False})

    assert (would_change(numbers), would_change(unchanged)) == ("2 of 3 hosts would change", "")
