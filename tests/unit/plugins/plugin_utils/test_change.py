"""What another model opens and closes, held to verdict() over every packet of small fleets."""

from __future__ import annotations

from itertools import product

from ansible_collections.gatehouse.firewall.plugins.plugin_utils.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.change import changes
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.compile import DIRECTIONS, Fleet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.ports import PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.reach import OTHER
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.verdict import Packet, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.test_reach import PORTS, V4, V6, fleets
from ansible_collections.gatehouse.firewall.tests.unit.plugins.properties import examples
from hypothesis import given
from hypothesis import strategies as some

WITHOUT_PORTS = "every protocol without ports"


def rows(before, after):
    return [one.as_data() for one in changes(before, after)]


def test_the_same_model_changes_nothing():
    assert changes(build(good()), build(good())) == []


def test_a_flow_more_opens_both_ends_and_the_other_way_round_closes_them():
    one = {"name": "more", "from": ["web"], "to": ["db"], "ports": ["9000-9001/tcp"]}
    fewer, more = build(good()), build(good({"gatehouse_flows[2]": one}))
    opened, closed = rows(fewer, more), rows(more, fewer)

    assert [(row["class"], row["direction"], row["side"], row["ports"], row["flows"]) for row in opened] == [
        ("web", "egress", "", ["9000-9001/tcp"], ["more"]),
        ("db", "ingress", "", ["9000-9001/tcp"], ["more"]),
    ]
    assert all(row["opened"] and not row["closed"] for row in opened)
    assert [row["closed"] for row in closed] == [row["opened"] for row in opened]
    assert [row["opened"] for row in closed] == [[], []]


def test_a_flow_that_opens_nothing_more_is_no_change():
    sql = good()["gatehouse_flows"][1]
    again = {**sql, "name": "again", "why": "twice"}

    assert changes(build(good()), build(good({"gatehouse_flows[2]": again}))) == []


def test_a_change_for_one_side_says_which():
    before, after = build(good()), build(good({"gatehouse_flows[1].side": "private"}))
    found = rows(before, after)

    assert {row["side"] for row in found} == {"public"}
    assert all(row["closed"] and not row["opened"] for row in found)


def test_everything_is_called_all():
    everything = {"name": "everything", "from": ["web"], "to": ["db"], "ports": ["all"]}
    before, after = build(good(drop=["gatehouse_flows[1]"])), build(good({"gatehouse_flows[1]": everything}))

    assert {tuple(row["ports"]) for row in rows(before, after)} == {("all",)}


def test_a_class_that_is_new_is_opened_by_its_flows():
    after = build(good())
    before = Fleet({"web": after.policies["web"]}, {}, {})

    assert {row["class"] for row in rows(before, after)} == {"db"}


def test_what_opens_at_some_addresses_of_a_host_says_which():
    shop = {"name": "shop", "from": ["office"], "to": ["db"], "ports": ["443/tcp"], "at": ["192.0.2.200"]}
    (found,) = rows(build(good()), build(good({"gatehouse_flows[2]": shop})))

    assert (found["at"], found["direction"], found["opened"]) == (
        ["192.0.2.200"],
        "ingress",
        ["203.0.113.0/24", "2001:db8:1::/48"],
    )


def holds(texts, port):
    if texts == ("all",):
        return True
    if port.protocol == OTHER:
        return WITHOUT_PORTS in texts
    return any(PortSet.parse(text).holds(port.protocol, port.number) for text in texts if text != WITHOUT_PORTS)


def passes(policy, direction, peer, own, port):
    ends = (peer, own) if direction == "ingress" else (own, peer)
    return verdict(policy, Packet(direction, *ends, port.protocol, port.number)).allowed


@examples(40)
@given(fleets(), fleets(), some.tuples(some.sampled_from(V4), some.sampled_from(V6)))
def test_changes_are_where_verdicts_differ_and_nowhere_else(before, after, own_addresses):
    found = changes(before, after)
    for name, direction, own in product(before.policies, DIRECTIONS, own_addresses):
        rows_here = [one for one in found if (one.node_class, one.direction) == (name, direction) and own in one.at]
        for port in PORTS:
            opened, closed = (
                AddressSet.union(getattr(one, key) for one in rows_here if holds(one.ports, port))
                for key in ("opened", "closed")
            )
            for peer in V4 if own.version == 4 else V6:
                old, new = (passes(fleet.policies[name], direction, peer, own, port) for fleet in (before, after))
                assert (peer in opened, peer in closed) == (new and not old, old and not new)
