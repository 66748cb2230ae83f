"""Felix' failsafes: which management flows they can be made of, and what a run says of those that are left alone."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.objects import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.remarks import calico_remarks
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

SSH = {"name": "ssh", "from": ["office"], "to": ["web"], "ports": ["22/tcp"]}
MANAGE = {"classes": ["web"], "interfaces": "all", "failsafes": "manage", "management": ["ssh"]}


def fleet(calico, **changes):
    return build(good({"gatehouse_flows[2]": {**SSH, **changes}, "gatehouse_calico": calico}))


def rendered(**changes):
    problems = Problems()
    objects = render(fleet(MANAGE, **changes), problems)
    return objects, [str(problem) for problem in problems.found]


def test_failsafes_are_the_ports_of_the_management_flows_for_those_who_may():
    objects, problems = rendered()
    felix = [one["spec"] for one in objects if one["kind"] == "FelixConfiguration"]

    port = {"protocol": "tcp", "port": 22}
    assert problems == []
    assert [one["failsafeInboundHostPorts"] for one in felix] == [
        [{**port, "net": "203.0.113.0/24"}, {**port, "net": "2001:db8:1::/48"}]
    ] * 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ports": ["22-23/tcp"]}, "flows with single ports: a failsafe has no range"),
        ({"ports": ["22/sctp"]}, "flows of tcp and udp ports"),
        ({"at": ["192.0.2.1"]}, "flows for every address of the hosts: a failsafe is at all of them"),
    ],
)
def test_a_flow_that_no_failsafe_can_be_is_refused(changes, expected):
    assert set(rendered(**changes)[1]) == {f"gatehouse_calico.management: got 'ssh', expected {expected}"}


def test_a_flow_for_one_side_is_refused_as_a_failsafe_which_counts_on_every_interface():
    interfaces = {"private": "eth0", "public": "eth1"}
    sides = {f"hosts.web{number}.gatehouse_interfaces": interfaces for number in (1, 2)}
    flow, calico = {**SSH, "side": "private"}, {**MANAGE, "interfaces": "sides"}
    problems = Problems()
    render(build(good({"gatehouse_flows[2]": flow, "gatehouse_calico": calico, **sides})), problems)

    expected = "flows for every interface of the hosts: a failsafe counts on all of them"
    assert {str(one) for one in problems.found} == {f"gatehouse_calico.management: got 'ssh', expected {expected}"}


@pytest.mark.parametrize(("changes", "said"), [({}, False), ({"at": ["192.0.2.1"]}, True)])
def test_a_failsafe_that_is_wider_than_the_flow_to_everybody_is_said(changes, said):
    everybody = {"name": "everybody", "networks": ["0.0.0.0/0", "::/0"]}
    flow = {**SSH, "from": ["everybody"], **changes}
    calico = {"classes": ["web"], "interfaces": "all"}
    document = good({"gatehouse_zones[2]": everybody, "gatehouse_flows[2]": flow, "gatehouse_calico": calico})
    opened = [line for line in calico_remarks(build(document)) if "open from everybody" in line]

    assert [("22/tcp" in line) for line in opened] == [said]


@pytest.mark.parametrize(
    ("mode", "calico", "said"),
    [
        ("enforce", {}, False),
        ({"egress": "observe"}, {}, True),
        ("observe", {}, True),
        ({"egress": "observe"}, {"mode": "observe"}, False),
    ],
)
def test_a_host_that_observes_by_itself_alone_is_said_to_be_enforced(mode, calico, said):
    put = {"gatehouse_calico": {"classes": ["web"], "interfaces": "all", **calico}, "hosts.web1.gatehouse_mode": mode}
    lines = [one for one in calico_remarks(build(good({"gatehouse_flows[2]": SSH, **put}))) if "gatehouse_mode" in one]

    expected = "Calico enforces both directions, whatever gatehouse_mode says, on web1"
    assert [line.partition(":")[0] for line in lines] == [expected] * said


def test_a_flow_at_one_address_is_said_to_be_judged_after_dnat():
    lines = list(calico_remarks(fleet({"classes": ["web"], "interfaces": "all"}, at=["192.0.2.1"])))

    assert "Calico judges the flow ssh by the address that a packet has after DNAT, if the host redirects it" in lines


def test_a_host_that_is_to_refuse_what_comes_in_is_said_not_to_where_calico_judges():
    refusing = {"gatehouse_calico": {"classes": ["web"]}, "hosts.web2.gatehouse_deny": {"ingress": "reject"}}
    said = "Calico drops what it denies, whatever gatehouse_deny.ingress says on web2"

    assert said in calico_remarks(build(good(refusing)))
    assert said not in calico_remarks(build(good({**refusing, "gatehouse_calico": {"classes": ["db"]}})))


CARRIES = {"interfaces": ["docker0", "br-*"], "networks": ["192.0.2.128/25"], "except": ["203.0.113.1"]}
NO_CARRIES = (
    "gatehouse_classes[0].carries: got ['docker0', 'br-*', '192.0.2.128/25'], expected nothing, since Calico enforces "
    "this class (gatehouse_calico.classes): a policy that judges what a host forwards (applyOnForward) has Calico deny "
    "all other forwarding, that of pods among it; carries: {} of the class leaves what it forwards alone, and so does "
    "carry_containers: false of a profile"
)


@pytest.mark.parametrize(("carries", "expected"), [(CARRIES, [NO_CARRIES]), ({}, []), (None, [])])
def test_a_class_that_calico_enforces_carries_nothing(carries, expected):
    problems = Problems()
    put = {} if carries is None else {"gatehouse_classes[0].carries": carries}
    objects = render(build(good({"gatehouse_calico": {"classes": ["web"], "interfaces": "all"}, **put})), problems)

    assert [str(one) for one in problems.found] == expected
    assert not [one["metadata"]["name"] for one in objects if "carries" in one["metadata"]["name"]]


def test_a_class_that_the_host_enforces_may_carry_beside_one_that_calico_enforces():
    calico = {"classes": ["db"], "interfaces": "all"}
    problems = Problems()
    render(build(good({"gatehouse_calico": calico, "gatehouse_classes[0].carries": CARRIES})), problems)

    assert problems.found == []
