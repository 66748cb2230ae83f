from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.groups import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.limits import remarks
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

# web lets office in on 80 and 443 by the flow front, and reaches db on 5432 by the flow sql.
BOTH = ({"name": "web", "classes": ["web"]}, {"name": "db", "classes": ["db"]})
SIDES = {"private": ["192.0.2.11"], "public": ["203.0.113.211"]}
EVERYBODY = {"name": "everybody", "networks": ["0.0.0.0/0", "::/0"]}
HINT = "or take its classes out of their security groups, and leave it to the hosts"
MINE = f" (flow mine); {HINT}"
ISOLATED = {"gatehouse_classes[1].isolated": True}


def flow(name="mine", senders="web", receivers="db", ports=("22/tcp",), **more):
    return {"name": name, "from": [senders], "to": [receivers], "ports": list(ports), **more}


def fleet(*flows, groups=BOTH, **put):
    model = {"gatehouse_security_groups": list(groups), "gatehouse_zones[2]": EVERYBODY, **put}
    model.update({f"gatehouse_flows[{number}]": one for number, one in enumerate(flows, 2)})
    return build(good(model))


def problems(*flows, **put):
    with pytest.raises(ModelError) as raised:
        render(fleet(*flows, **put))
    return [str(problem) for problem in raised.value.problems]


def said(*flows, **put):
    found = fleet(*flows, **put)
    return list(remarks(found, render(found)))


@pytest.mark.parametrize(
    "put",
    [
        {"hosts.db1": {"gatehouse_addresses": SIDES}},
        {"hosts.db1.gatehouse_interfaces": {"public": "eth1"}},
        {"hosts.web1.gatehouse_interfaces": {"public": "eth1"}, "hosts.web2.gatehouse_interfaces": {"public": "eth1"}},
    ],
    ids=["by the peer's addresses", "by the receiver's interface", "by the senders' interfaces"],
)
def test_a_side_that_makes_a_difference_is_an_error(put):
    assert problems(flow(side="public"), **put) == [
        f"gatehouse_flows[2].side: got 'public', expected no side: a security group can't tell one from the other{MINE}"
    ]


@pytest.mark.parametrize("side", ["public", "private"])
def test_a_side_that_makes_no_difference_is_none(side):
    with_side, without = (render(fleet(flow(**more))) for more in ({"side": side}, {}))

    assert with_side == without


def test_a_side_of_classes_in_no_group_is_nobodys_business():
    put = {"hosts.db1": {"gatehouse_addresses": SIDES}}

    assert render(fleet(flow(side="public"), groups=(), **put)) == ()


@pytest.mark.parametrize("ports", ["5000/sctp", "1-65534/sctp"])
def test_some_ports_of_sctp_are_an_error(ports):
    expected = "all ports of sctp or none (flow mine): a security group doesn't look at the ports of sctp"
    expected = f"gatehouse_flows[2].ports: got '{ports}', expected {expected}; {HINT}"

    assert problems(flow(ports=[ports, "443/tcp"])) == [expected]
    assert problems(flow(ports=[ports], senders="everybody")) == [expected]


def test_a_flow_for_some_addresses_of_the_members_is_an_error_at_either_end():
    expected = "every address of the members: a security group doesn't look at theirs (flow mine)"
    expected = f"gatehouse_flows[2].at: got '192.0.2.9', expected {expected}; {HINT}"

    assert set(problems({**flow(), "at": ["192.0.2.9"]})) == {expected}
    assert set(problems({**flow(senders="everybody"), "at": ["192.0.2.9"]})) == {expected}


def test_a_flow_for_nobody_asks_for_nothing():
    nobody = {"gatehouse_zones[3]": {"name": "nobody"}}

    assert said(flow(senders="nobody", ports=["5000/sctp"], log=True), **nobody) == []


def test_members_of_an_isolated_class_that_would_reach_each_other_are_an_error():
    found = problems(flow("in", "everybody", "db"), flow("out", "db", "everybody", ["all"]), **ISOLATED)

    expected = "peers without the hosts of db, which are isolated from each other (flow in and out)"
    assert found == [
        f"gatehouse_flows[2].from: got 'everybody', expected {expected}; a security group can't leave them out; {HINT}"
    ]


@pytest.mark.parametrize("out", ["23-80/tcp", "22/udp"])
def test_an_isolated_class_whose_flows_dont_meet_is_open_at_one_end_and_that_is_said(out):
    found = said(flow("in", "everybody", "db"), flow("out", "db", "everybody", [out]), **ISOLATED)

    holds = "holds members of db, too, so that they are isolated from each other at"
    assert found == [
        f"Security group db: everybody of the flow in {holds} egress alone.",
        f"Security group db: everybody of the flow out {holds} ingress alone.",
    ]


def test_an_isolated_class_with_narrow_peers_is_nothing_to_speak_of():
    assert said(flow("in", "office", "db"), **ISOLATED) == []


def test_a_flow_for_some_of_a_groups_classes_opens_for_the_others_and_that_is_said():
    cache = {
        "gatehouse_classes[2]": {"name": "cache", "networks": ["192.0.2.21"]},
        "gatehouse_zones[2]": EVERYBODY,
    }
    groups = [{"name": "web", "classes": ["web"]}, {"name": "stores", "classes": ["db", "cache"]}]

    assert said(groups=groups, **cache) == [
        "Security group stores: the flow sql is for db, and opens for cache, too, since they share the group."
    ]
    assert said(flow("sql2", receivers="cache", ports=["5432/tcp"]), groups=BOTH, **cache) == []


def test_a_log_is_not_written():
    assert said(flow(log=True)) == ["The flow mine asks for a log, which no security group writes; VPC flow logs do."]


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ([f"198.51.100.{number}" for number in range(1, 121, 2)], []),
        ([f"198.51.100.{number}" for number in range(1, 123, 2)], ["db has 61 ingress rules for IPv4"]),
        ([f"2001:db8:7::{number:x}" for number in range(1, 123, 2)], ["db has 61 ingress rules for IPv6"]),
    ],
)
def test_more_rules_than_aws_takes_are_a_remark_for_the_direction_and_the_family(networks, expected):
    zone = {"gatehouse_zones[3]": {"name": "many", "networks": networks}, "gatehouse_flows[1].end": "egress"}
    found = said(flow(senders="many"), **zone)

    assert [line.removeprefix("Security group ").partition(";")[0] for line in found] == expected


def test_a_rule_that_names_a_group_counts_in_both_families():
    networks = [f"2001:db8:7::{number:x}" for number in range(1, 121, 2)]
    (line,) = said(flow(senders="many"), **{"gatehouse_zones[3]": {"name": "many", "networks": networks}})

    assert line.startswith("Security group db has 61 ingress rules for IPv6")


def test_hosts_of_a_class_in_a_group_and_of_one_in_none_would_lose_flows():
    both = {"groups.dbs": ["db1", "web2"]}
    (one,) = BOTH[:1]

    expected = "db in a group, too: hosts of db+web are in web, and AWS would deny their other flows"
    assert problems(groups=[one], **both) == [
        f"gatehouse_security_groups[0].classes: got ['web'], expected {expected}; {HINT}"
    ]


def test_hosts_are_in_five_groups_at_most():
    more = [f"c{number}" for number in range(5)]
    put = {f"gatehouse_classes[{number}]": {"name": name, "groups": ["webs"]} for number, name in enumerate(more, 2)}
    groups = [*BOTH, *({"name": f"g-{name}", "classes": [name]} for name in more)]

    render(fleet(groups=groups[:-1], **{key: put[key] for key in list(put)[:-1]}))
    (found,) = problems(groups=groups, **put)
    assert "expected at most 5 groups for hosts of c0+c1+c2+c3+c4+web: AWS takes no more" in found


def test_isolated_members_that_are_of_another_class_as_well_are_kept_apart_from_these_too():
    agent = {"gatehouse_classes[2]": {"name": "agent", "groups": ["webs", "dbs"]}, "groups.dbs": ["db1", "db2"]}
    put = {**agent, **ISOLATED, "hosts.db2": {"ansible_host": "192.0.2.12"}}
    groups = [*BOTH, {"name": "agents", "classes": ["agent"]}]

    found = problems(flow("gossip", "agent", "agent"), groups=groups, **put)
    assert len(found) == 1
    assert "expected peers without the hosts of db, which are isolated from each other (flow gossip)" in found[0]
