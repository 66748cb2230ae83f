"""Flows of pods: hosts never open for them, and people are told where that isn't what they mean."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.nftables import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.pod_flows import pod_remarks
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import port_set
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.useless_flows import remarks
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, build, good, read

API = {"name": "api", "pods": {"labels": {"app": "api"}, "namespace": "shop"}}
ANYWHERE = {"name": "cache", "pods": {"labels": {"app": "cache"}}}


def flow(senders, receivers, **more):
    return {"name": "mine", "from": senders, "to": receivers, "ports": ["8443/tcp"], **more}


def fleet(*flows, zones=(), today=TODAY):
    put = {"gatehouse_classes[2]": API, "gatehouse_classes[3]": ANYWHERE}
    put.update({f"gatehouse_flows[{number}]": one for number, one in enumerate(flows, 2)})
    put.update({f"gatehouse_zones[{number}]": one for number, one in enumerate(zones, 2)})
    return build(good(put), today)


def rulesets(built):
    return {host: render(built.policy_of(host)) for host in built.sets}


@pytest.mark.parametrize("ends", [(["web"], ["api"]), (["api"], ["web"]), (["cache"], ["web"]), (["api"], ["office"])])
def test_no_host_opens_anything_for_pods(ends):
    assert rulesets(fleet(flow(*ends))) == rulesets(build(good()))


def test_what_a_flow_of_pods_and_others_is_for_the_others_hosts_open():
    expected = rulesets(build(good({"gatehouse_flows[2]": flow(["office"], ["web"])})))

    assert rulesets(fleet(flow(["office", "api"], ["web"], end="ingress"))) == expected


def test_nobody_is_told_where_no_flow_has_pods_and_a_host_at_its_ends():
    built = fleet(flow(["api"], ["office"]), flow(["api"], ["cache"]) | {"name": "other"})

    assert [*pod_remarks(built), *remarks(built)] == []


@pytest.mark.parametrize(
    ("one", "name"),
    [(flow(["web"], ["api"]), "web"), (flow(["api"], ["db"]), "db"), (flow(["db", "office"], ["api"]), "db")],
)
def test_a_host_that_cannot_tell_pods_is_named(one, name):
    built = fleet(one)

    (remark,) = pod_remarks(built)
    assert remark == (
        f"gatehouse_flows[2]: the flow mine opens nothing at {name}: a host can't tell pods by their addresses, so "
        f"that it counts for api alone; let {name} reach the pods' networks, as a zone, where it has to"
    )
    assert list(remarks(built)) == []


def test_a_flow_that_is_for_the_pods_end_alone_is_what_it_says():
    assert list(pod_remarks(fleet(flow(["web"], ["api"], end="ingress")))) == []


def test_a_flow_of_pods_whose_peer_is_nobody_opens_nothing():
    built = fleet(flow(["empty"], ["api"]), zones=[{"name": "empty"}])

    assert list(pod_remarks(built)) == ["gatehouse_flows[2]: the flow mine opens nothing for api: empty is empty"]


def test_a_flow_whose_last_day_is_over_is_not_remarked_on_once_more():
    one = flow(["web"], ["api"], expires=datetime.date(2026, 1, 1))

    assert list(pod_remarks(fleet(one))) == []


def test_a_matrix_has_pods_by_their_names():
    model = read(
        classes=[API], zones=[{"name": "office", "networks": ["203.0.113.0/24"]}], flows=[flow(["office"], ["api"])]
    )

    assert port_set(model, "api", "ingress", "office", TODAY).texts() == ["8443/tcp"]
