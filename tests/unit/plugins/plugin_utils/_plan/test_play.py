"""What a play asks of a fleet; what it gets by Ansible stands in tests/playbooks."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.play import (
    UNJUDGED,
    canaries,
    one_policy_each,
    warnings_about,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good


def test_hosts_share_what_does_not_differ():
    fleet = build(good())

    assert one_policy_each(fleet) == (dict(fleet.policies), {"web1": "web", "web2": "web", "db1": "db"})


def test_hosts_with_other_interfaces_have_policies_of_their_own_where_a_side_matters():
    put = {
        "gatehouse_flows[0].side": "public",
        "hosts.web1.gatehouse_interfaces": {"public": ["eth1", "eth2"], "private": "eth0"},
        "hosts.web2.gatehouse_interfaces": {"public": "eth1"},
    }
    policies, hosts = one_policy_each(build(good(put)))

    assert hosts == {"web1": "web private=eth0 public=eth1,eth2", "web2": "web public=eth1", "db1": "db"}
    assert policies[hosts["web1"]].interfaces == {"private": ("eth0",), "public": ("eth1", "eth2")}
    assert policies[hosts["web2"]].interfaces == {"public": ("eth1",)}


@pytest.mark.parametrize(
    ("expires", "hosts", "warnings"),
    [
        ("2026-11-21", ["web1", "db1"], []),
        ("2026-11-20", [], ["Closed, because their last day is over: sql"]),
        (None, ["web1", "nas", "dns"], ["In no node class, and left as they are: dns, nas"]),
    ],
)
def test_a_user_is_told_of_closed_flows_and_of_hosts_in_no_class(expires, hosts, warnings):
    fleet = build(good({"gatehouse_flows[1].expires": expires}))

    assert list(warnings_about(fleet, hosts)) == warnings


def test_hosts_that_observe_are_named_by_what_they_observe_and_have_policies_of_their_own():
    put = {
        "hosts.web1.gatehouse_mode": {"egress": "observe"},
        "hosts.web2.gatehouse_mode": {"ingress": "observe"},
        "hosts.db1.gatehouse_mode": "observe",
        "hosts.db1.gatehouse_denied": {"log": {}},
    }
    fleet = build(good(put))

    assert sorted(warnings_about(fleet, ["web1", "web2", "db1"])) == [
        "Only observing (gatehouse_mode), nothing is blocked there: db1",
        "Only observing (gatehouse_mode), nothing that comes in there is blocked: web2",
        "Only observing (gatehouse_mode), nothing that goes out there is blocked: web1",
    ]
    assert one_policy_each(fleet)[1] == {
        "web1": "web observe egress",
        "web2": "web observe ingress",
        "db1": "db denied=logged 10/minute to kernel observe",
    }


OVERLAPPING = {
    "gatehouse_classes": [{"name": name, "groups": [name]} for name in ("web", "db", "fleet")],
    "gatehouse_flows": [],
    "groups": {"web": ["h1", "h2"], "db": ["h2", "h3"], "fleet": ["h1", "h2", "h3", "h4"]},
    "hosts": {f"h{number}": {"ansible_host": f"192.0.2.{number}"} for number in range(1, 5)},
}


@pytest.mark.parametrize(
    ("put", "hosts", "first"),
    [
        ({}, ["h4", "h1", "h2", "h3"], ["h2"]),
        ({}, ["h4", "h1", "h3"], ["h1", "h3"]),
        (
            {"h4": {"ansible_host": "192.0.2.4", "gatehouse_backend": "iptables"}},
            ["h1", "h2", "h3", "h4"],
            ["h2", "h4"],
        ),
        ({}, ["h4"], ["h4"]),
        ({}, ["stranger"], []),
    ],
)
def test_few_hosts_go_first_that_have_every_class_and_every_backend(put, hosts, first):
    fleet = build({**OVERLAPPING, "hosts": OVERLAPPING["hosts"] | put})

    assert canaries(fleet, hosts, lambda host: host.backend) == first


def test_no_host_goes_first_whose_classes_and_backend_others_have_that_do():
    groups = {"web": ["h1", "h2"], "db": ["h3"]}
    fleet = build(
        {
            **OVERLAPPING,
            "gatehouse_classes": [{"name": name, "groups": [name]} for name in groups],
            "groups": groups,
            "hosts": {
                "h1": {"ansible_host": "192.0.2.1", "gatehouse_backend": "nftables"},
                "h2": {"ansible_host": "192.0.2.2", "gatehouse_backend": "iptables"},
                "h3": {"ansible_host": "192.0.2.3", "gatehouse_backend": "nftables"},
            },
        }
    )

    assert canaries(fleet, ["h1", "h2", "h3"], lambda host: host.backend) == ["h2", "h3"]


LEFT_ALONE = (
    "What these classes' hosts forward for pods, containers or virtual machines is not judged, as carries: {} of the "
    "class says"
)


@pytest.mark.parametrize(
    ("carries", "hosts", "warnings"),
    [
        ({}, ["web1", "web2", "db1"], [f"{LEFT_ALONE}: web"]),
        ({}, ["db1"], []),
        ({"interfaces": ["docker0"]}, ["web1", "db1"], [f"{UNJUDGED}: web1"]),
        (None, ["web1", "db1"], []),
    ],
)
def test_a_user_is_told_of_forwarded_traffic_that_is_not_judged(carries, hosts, warnings):
    put = {} if carries is None else {"gatehouse_classes[0].carries": carries}

    assert list(warnings_about(build(good(put)), hosts)) == warnings
