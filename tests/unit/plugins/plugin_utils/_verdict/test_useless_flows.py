from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.useless_flows import remarks
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

# web lets office in on 80 and 443 by the flow front, and reaches db on 5432 by the flow sql.
EVERYBODY = {"name": "everybody", "networks": ["0.0.0.0/0", "::/0"]}


def flow(senders, receivers, ports, **more):
    return {"name": "mine", "from": [senders], "to": [receivers], "ports": ports, **more}


def said(*flows, zones=(), **put):
    model = {"gatehouse_zones[1]": EVERYBODY, **put}
    model.update({f"gatehouse_zones[{number}]": zone for number, zone in enumerate(zones, 2)})
    model.update({f"gatehouse_flows[{number}]": one for number, one in enumerate(flows, 2)})
    return list(remarks(build(good(model))))


def test_a_model_whose_flows_all_open_something_has_no_remarks():
    assert said(flow("office", "web", ["22/tcp"]), zones=[{"name": "empty"}]) == []


def test_a_flow_with_nobody_at_its_other_end_opens_nothing():
    assert said(flow("empty", "web", ["22/tcp"]), zones=[{"name": "empty"}]) == [
        "gatehouse_flows[2]: the flow mine opens nothing: empty is empty"
    ]


@pytest.mark.parametrize(
    "one",
    [
        flow("office", "web", ["443/tcp"]),
        flow("office", "web", ["80/tcp", "443/tcp"]),
        flow("office", "web", ["80/tcp"], end="ingress"),
    ],
    ids=str,
)
def test_a_flow_that_another_one_holds_opens_nothing_more(one):
    assert said(one) == ["gatehouse_flows[2]: the flow mine opens nothing that front doesn't open already"]


@pytest.mark.parametrize(
    "one",
    [
        flow("office", "web", ["79-80/tcp"]),
        flow("office", "web", ["80/tcp+udp"]),
        flow("office", "web", ["all"]),
        flow("office", "db", ["80/tcp"]),
        flow("everybody", "web", ["443/tcp"]),
        flow("web", "db", ["5431-5432/tcp"]),
    ],
    ids=str,
)
def test_a_flow_that_opens_a_port_or_a_peer_more_is_one_of_its_own(one):
    assert [line for line in said(one) if "flow mine opens" in line] == []


def test_what_is_open_to_everybody_is_open_to_each():
    wide = {**flow("everybody", "web", ["1-1000/tcp"]), "name": "wide"}

    assert said(wide, flow("office", "web", ["22/tcp"])) == [
        "gatehouse_flows[0]: the flow front opens nothing that wide doesn't open already",
        "gatehouse_flows[3]: the flow mine opens nothing that wide doesn't open already",
    ]


def test_a_flow_on_everything_holds_the_protocols_without_ports_too():
    every = {**flow("office", "web", ["all"]), "name": "every"}

    assert said(every, flow("office", "web", ["all"]))[-1].endswith(
        "the flow mine opens nothing that every doesn't open already"
    )


def test_an_expired_flow_is_told_elsewhere():
    assert said(flow("empty", "web", ["22/tcp"], expires="2020-01-01"), zones=[{"name": "empty"}]) == []


def test_a_flow_at_some_addresses_is_held_by_one_at_all_of_them_and_not_the_other_way_round():
    narrow, wide = flow("office", "web", ["443/tcp"], at=["192.0.2.200"]), flow("office", "db", ["443/tcp"])
    assert said(narrow) == ["gatehouse_flows[2]: the flow mine opens nothing that front doesn't open already"]

    at_one = {**wide, "name": "narrow", "at": ["192.0.2.200"]}
    document = good({"gatehouse_flows[2]": at_one, "gatehouse_flows[3]": wide})
    assert [line for line in remarks(build(document)) if "narrow" in line] != []
    assert [line for line in remarks(build(document)) if "flow mine opens" in line] == []
