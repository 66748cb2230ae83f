"""What is known of flows' use, from what hosts have counted at each of several reports. The clock is the test's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import Count, HostState
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.usage import read_time, updated, uses
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

START = datetime(2026, 9, 1, 6, tzinfo=timezone.utc)
DAYS = 30
LOADED = "2026-08-01T00:00:00Z"
MODEL = {
    "groups": {"webs": ["web1", "web2"], "dbs": ["db1"]},
    "hosts": {
        "web1": {"gatehouse_addresses": {"private": ["192.0.2.1"]}},
        "web2": {"gatehouse_addresses": {"private": ["192.0.2.2"]}},
        "db1": {"gatehouse_addresses": {"private": ["192.0.2.11"]}},
    },
    "gatehouse_classes": [{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}],
    "gatehouse_zones": [{"name": "office", "networks": ["203.0.113.0/24"]}, {"name": "nobody"}],
    "gatehouse_flows": [
        {"name": "sql", "from": ["web"], "to": ["db"], "ports": ["5432/tcp"]},
        {"name": "front", "from": ["office"], "to": ["web"], "ports": ["443/tcp"]},
        {"name": "ghost", "from": ["nobody"], "to": ["web"], "ports": ["80/tcp"]},
        {"name": "old", "from": ["office"], "to": ["web"], "ports": ["81/tcp"], "expires": "2026-01-31"},
    ],
}


@cache
def fleet():
    return build(MODEL)


def day(number):
    return START + timedelta(days=number)


def as_text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(host, since=LOADED, **packets):
    """Return what a host says: counts of flows, in the direction in which the host has them."""
    ends = {("db1", "sql"): "ingress", ("web1", "sql"): "egress", ("web2", "sql"): "egress"}
    counts = tuple(
        Count(flow, ends.get((host, flow), "ingress"), number, 60 * number) for flow, number in packets.items()
    )
    return HostState(host, backend="nftables", usage=counts, in_force_since=since)


def after(*reports, days=DAYS):
    """Return the history after reports, each a day and what hosts said on it."""
    history = {}
    for number, *answers in reports:
        history = updated(history, {one.host: one for one in answers}, day(number), days)
    return history


def use_of(flow, history, number):
    return next(one for one in uses(fleet(), history, day(number)) if one.flow.name == flow)


def is_unused(flow, history, number):
    return use_of(flow, history, number).is_unused(DAYS, day(number))


def test_a_flow_that_is_counted_at_first_sight_was_used_by_then():
    found = use_of("front", after((0, answer("web1", front=4))), 0)

    assert (found.used, found.since, found.packets, found.hosts) == (day(0), day(0), 4, 1)


def test_a_count_that_rises_is_use_by_that_report_and_one_that_stays_is_none():
    history = after((0, answer("web1", front=4)), (3, answer("web1", front=5)), (5, answer("web1", front=5)))

    assert use_of("front", history, 5).used == day(3)
    assert use_of("front", history, 5).idle == timedelta(days=2)


@pytest.mark.parametrize(("number", "unused"), [(29, False), (30, True), (31, True)])
def test_a_flow_is_unused_once_a_host_has_watched_it_for_that_long(number, unused):
    history = after((0, answer("web1", front=0)), (number, answer("web1", front=0)))

    assert is_unused("front", history, number) == unused
    assert (use_of("front", history, number).used, use_of("front", history, number).since) == (None, day(0))


@pytest.mark.parametrize("user", ["web1", "web2"])
def test_a_flow_that_any_host_has_used_is_no_unused_one(user):
    idle = {host: answer(host, front=0) for host in ("web1", "web2")}
    used = {**idle, user: answer(user, front=1)}
    history = after((0, *idle.values()), (20, *used.values()), (49, *used.values()))

    assert not is_unused("front", history, 49)
    assert is_unused("front", after((0, *idle.values()), (20, *idle.values()), (49, *idle.values())), 49)
    assert is_unused("front", after((0, *idle.values()), (20, *used.values()), (50, *used.values())), 50)


def test_use_at_one_end_is_use():
    history = after((0, answer("db1", sql=0), answer("web1", sql=0)), (31, answer("db1", sql=0), answer("web1", sql=1)))

    assert use_of("sql", history, 31).used == day(31)
    assert not is_unused("sql", history, 31)


@pytest.mark.parametrize("anew", [{"since": as_text(day(10))}, {}], ids=["loaded again", "reset by hand"])
@pytest.mark.parametrize(("packets", "used"), [(0, 0), (2, 11)])
def test_a_count_that_began_anew_is_use_where_it_is_not_zero(anew, packets, used):
    history = after((0, answer("web1", front=4)), (11, answer("web1", front=packets, **anew)))

    assert use_of("front", history, 11).used == day(used)


def test_the_same_count_of_rules_that_were_loaded_again_is_use():
    history = after((0, answer("web1", front=4)), (11, answer("web1", front=4, since=as_text(day(10)))))

    assert use_of("front", history, 11).used == day(11)


@pytest.mark.parametrize(
    ("since", "watched"),
    [
        (as_text(day(10)), 1),  # what was counted before the load is lost
        (as_text(day(-1)), 0),  # the host's clock is wrong: it says nothing of when
        (as_text(day(12)), 0),
        ("", 0),
    ],
)
def test_time_of_which_the_counts_are_lost_was_not_watched(since, watched):
    history = after((0, answer("web1", front=0)), (11, answer("web1", front=0, since=since)))

    assert use_of("front", history, 11).idle == timedelta(days=watched)


def test_a_count_that_was_reset_by_hand_hides_what_was_before():
    history = after((0, answer("web1", front=4)), (11, answer("web1", front=0)), (12, answer("web1", front=0)))

    assert use_of("front", history, 12).idle == timedelta(days=1)


def test_weekly_loads_with_daily_reports_lose_a_day_each_and_still_find_what_is_unused():
    loads = [as_text(day(number - number % 7)) for number in range(40)]
    history = after(*((number, answer("web1", front=0, since=loads[number])) for number in range(40)))

    assert is_unused("front", history, 39)
    assert use_of("front", history, 39).idle == timedelta(days=39 - 5)


def test_a_host_that_does_not_answer_is_no_watch_and_takes_nothing_back():
    silent = HostState("web1", silence="not reached")
    history = after((0, answer("web1", front=0)), (5, answer("web1", front=1)), (40, silent))
    found = use_of("front", history, 40)

    assert (found.used, found.idle, found.blind) == (day(5), timedelta(), ("web1", "web2"))
    assert not is_unused("front", history, 40)
    assert is_unused("front", after((0, answer("web1", front=1)), (40, answer("web1", front=1))), 40)


def test_a_host_is_watched_while_it_could_not_be_asked():
    history = after(
        (0, answer("web1", front=0)), (15, HostState("web1", silence="not reached")), (31, answer("web1", front=0))
    )

    assert is_unused("front", history, 31)


def test_who_was_not_heard_is_named():
    history = after((0, answer("web1", front=0)), (31, answer("web1", front=0)))

    assert is_unused("front", history, 31)
    assert use_of("front", history, 31).blind == ("web2",)
    assert use_of("sql", history, 31).blind == ("db1", "web2")


def test_flows_that_no_host_counts_are_not_known_and_never_unused():
    history = after((0, answer("web1", front=0)), (400, answer("web1", front=0)))
    found = use_of("ghost", history, 400)

    assert (found.hosts, found.used, found.since, found.blind) == (0, None, None, ())
    assert not is_unused("ghost", history, 400)
    assert not is_unused("sql", history, 400)
    assert is_unused("front", history, 400)


def test_flows_that_are_closed_are_not_asked_about():
    assert [one.flow.name for one in uses(fleet(), {}, day(0))] == ["sql", "front", "ghost"]


def test_a_host_that_is_gone_has_used_a_flow_but_watches_none():
    gone, here = answer("web9", front=0), answer("web1", front=0)
    idle = after((0, gone), (40, gone))
    assert not is_unused("front", idle, 40)

    history = after((0, gone, here), (10, answer("web9", front=1), here), (31, here))
    assert (use_of("front", history, 31).used, use_of("front", history, 31).hosts) == (day(10), 1)
    assert not is_unused("front", history, 31)


@pytest.mark.parametrize(
    ("days", "number", "kept"), [(30, 90, True), (30, 91, False), (365, 365, True), (365, 366, False)]
)
def test_a_silent_host_is_forgotten_once_what_it_did_can_matter_no_more(days, number, kept):
    history = after((0, answer("web9", front=1)), (number, answer("web1", front=0)), days=days)

    assert ("web9" in history) == kept


def test_a_host_without_rules_of_flows_watches_nothing():
    history = after((0, answer("web1", front=0)), (40, answer("web1")))

    assert use_of("front", history, 40).idle == timedelta()
    assert use_of("front", history, 40).blind == ("web1", "web2")


def test_a_host_whose_rules_are_gone_has_used_what_it_used():
    used = [(number, answer("web1", front=number), answer("web2", front=0)) for number in range(39)]
    gone = (39, answer("web1"), answer("web2", front=0))

    assert not is_unused("front", after(*used, gone), 39)


def test_a_flow_that_a_host_has_no_more_begins_anew_when_it_is_back():
    history = after((0, answer("web1", front=0)), (10, answer("web1", sql=0)), (40, answer("web1", front=0, sql=0)))

    assert use_of("front", history, 40).since == day(40)
    assert not is_unused("front", history, 40)


def test_a_clock_that_was_set_back_takes_nothing_back():
    first = after((10, answer("web1", front=0)))
    history = updated(first, {"web1": answer("web1", front=0)}, day(9), DAYS)

    assert use_of("front", history, 9).idle == timedelta()


def test_nothing_of_a_history_is_changed_in_place():
    first = after((0, answer("web1", front=0)))
    kept = replace(first["web1"])
    updated(first, {"web1": answer("web1", front=9)}, day(1), DAYS)

    assert first == {"web1": kept}


@pytest.mark.parametrize("text", ["", "yesterday", "2026-09-01", "2026-09-01T06:00:00+00:00"])
def test_what_is_no_time_is_none(text):
    assert read_time(text) is None
    assert read_time("2026-09-01T06:00:00Z") == START
