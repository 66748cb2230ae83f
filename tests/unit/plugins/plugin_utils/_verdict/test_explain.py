from __future__ import annotations

import json

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError, Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import ask, classes_of, explained
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.explain import as_data
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import NAMES, build, good

MODEL = {
    "gatehouse_flows[0].source": "page 9",
    "gatehouse_zones[0].hostnames": ["git.example.org"],
    "hosts.bastion": {"ansible_host": "203.0.113.77"},
}


def ends(put=None, profiled=False):
    document = good({**MODEL, **(put or {})} if not profiled else put, profiled=profiled)
    inventory = Inventory(document.get("groups", {}), document.get("hosts", {}))
    return Ends(build(document), inventory, lambda name: NAMES.get(name, ()))


def explanation(sender, receiver, port, **more):
    return explained(ends(**more), sender, receiver, port, Problems())


def lines(sender=None, receiver=None, port=None, **more):
    return list(ask(ends(**more), sender, receiver, port, Problems()).lines)


def test_what_passes_is_explained_at_each_end_that_somebody_manages():
    assert lines("web1", "db", "5432/tcp") == [
        "web1 -> db, 5432/tcp (192.0.2.1 -> 192.0.2.11): allowed",
        "  output of web1 (web) allows it: the flow sql allows it (db): what the web servers show [gatehouse_flows[1]]",
        "  input of db1 (db) allows it: the flow sql allows it (web): what the web servers show [gatehouse_flows[1]]",
    ]
    assert lines("203.0.113.9", "web1", "443/tcp") == [
        "203.0.113.9 -> web1, 443/tcp (203.0.113.9 -> 192.0.2.1): allowed",
        "  input of web1 (web) allows it: the flow front allows it (office): customers [gatehouse_flows[0], page 9]",
    ]


def test_the_nearest_flow_is_told_where_another_peer_or_another_port_would_pass():
    assert (
        "no flow allows it; the flow front allows this port, but from office, and 198.51.100.1 is not among them"
        in (lines("198.51.100.1", "web1", "443/tcp")[1])
    )
    assert (
        "no flow allows it; the flow front is from office, and 203.0.113.9 is among them, but on 80/tcp 443/tcp"
        in (lines("203.0.113.9", "web1", "22/tcp")[1])
    )
    assert lines("198.51.100.1", "db1", "22/tcp")[1].endswith("denies it: no flow allows it")


@pytest.mark.parametrize(
    "sender", ["bastion", "203.0.113.0/24", "office", "git.example.org", "203.0.113.77", "2001:db8:1::1"]
)
def test_an_end_may_be_a_host_a_zone_a_network_a_host_name_or_an_address(sender):
    both = {"hosts.web1.gatehouse_addresses": {"private": ["192.0.2.1", "2001:db8:9::1"]}}
    found = explanation(sender, "web", "443/tcp", put=both)

    assert found.answers
    assert found.allowed


def test_parts_of_an_end_that_fare_differently_have_an_answer_each():
    found = explanation("203.0.112.0/23", "web1", "443/tcp")

    assert not found.allowed
    assert [(answer.allowed, [str(network) for network in answer.senders.networks]) for answer in found.answers] == [
        (True, ["203.0.113.0/24"]),
        (False, ["203.0.112.0/24"]),
    ]


def test_node_ports_are_decided_before_dnat():
    found = explanation("198.51.100.9", "web1", "30080/tcp", profiled=True)

    assert [(stage.name, stage.host, stage.allowed) for stage in found.answers[0].stages] == [
        ("pre-DNAT", "web1", False)
    ]


def test_isolation_is_the_reason_where_it_is():
    found = explanation("web1", "web2", "443/tcp", put={"gatehouse_classes[0].isolated": True})

    reason = "hosts of web are isolated from each other"
    assert [stage.reason for stage in found.answers[0].stages] == [f"{reason}; the program is refused at once", reason]


@pytest.mark.parametrize(
    ("put", "told"),
    [
        ({}, ["; the program is refused at once", ""]),
        ({"hosts.web1.gatehouse_deny": {"egress": "drop"}}, ["", ""]),
        (
            {"hosts.db1.gatehouse_deny": {"ingress": "reject"}},
            ["; the program is refused at once", "; the sender is refused by ICMP"],
        ),
        (
            {"hosts.web1.gatehouse_mode": "observe"},
            ["; this host only observes, and lets it through", ""],
        ),
    ],
)
def test_a_denial_says_what_the_sender_hears_of_it(put, told):
    stages = explanation("web1", "db1", "22/tcp", put=put).answers[0].stages

    ends = ["refused at once", "refused by ICMP", "lets it through"]
    assert [any(stage.reason.endswith(end) for end in ends) for stage in stages] == [bool(words) for words in told]
    assert all(stage.reason.endswith(words) for stage, words in zip(stages, told, strict=True))


def test_what_is_denied_before_dnat_is_said_to_be_refused_by_nobody():
    put = {
        "gatehouse_classes[0].pre_dnat": {"ports": ["30000-32767/tcp"]},
        "hosts.web1.gatehouse_deny": {"ingress": "reject"},
    }
    (stage,) = explanation("198.51.100.9", "web1", "30000/tcp", put=put).answers[0].stages

    assert (stage.name, stage.allowed) == ("pre-DNAT", False)
    assert "refused" not in stage.reason


def test_between_those_whom_nobody_manages_nothing_is_known():
    assert lines("198.51.100.1", "198.51.100.2", "22/tcp") == [
        "198.51.100.1 -> 198.51.100.2, 22/tcp: no packet that a host of the model would judge can go between these"
    ]
    assert not explanation("198.51.100.1", "198.51.100.2", "22/tcp").allowed


@pytest.mark.parametrize(("sender", "receiver"), [("2001:db8:1::1", "web1"), ("web1", "web1")])
def test_ends_without_a_family_in_common_and_a_host_and_itself_reach_nobody(sender, receiver):
    found = explanation(sender, receiver, "443/tcp")

    assert (found.answers, found.allowed) == ((), False)


def test_an_explanation_is_data_as_well():
    data = as_data(explanation("web1", "db", "5432/tcp"))

    assert json.loads(json.dumps(data)) == data
    assert (data["allowed"], data["answers"][0]["stages"][1]["host"]) == (True, "db1")


def test_who_reaches_a_host_and_whom_it_reaches_are_lists_of_flows():
    assert lines(receiver="web1") == [
        "web1, as web, lets in:",
        "  80/tcp 443/tcp from office, flow front: customers",
        "  80/tcp 443/tcp from office, flow front: customers",
    ]
    assert lines(sender="web") == [
        "web, as web, may reach, as far as it decides:",
        "  5432/tcp to db, flow sql: what the web servers show",
    ]
    assert lines(receiver="web1", port="22/tcp") == ["web1, as web, lets in:", "  nothing"]
    assert lines(receiver="web1", sender="db1") == ["web1, as web, lets in:", "  nothing"]
    assert lines(receiver="198.51.100.1") == ["198.51.100.1: the model does not manage it, or a part of it"]


def test_a_question_about_what_is_not_there_is_told_by_its_part():
    with pytest.raises(ModelError) as raised:
        explanation("wbe1", "", "70000/tcp")
    assert [str(problem).partition(", expected")[0] for problem in raised.value.problems] == [
        "from: got 'wbe1'",
        "port: got '70000/tcp'",
        "to: got ''",
    ]
    with pytest.raises(ModelError, match="expected one port such as 2376/tcp"):
        explanation("web", "db", "1-9/tcp")
    with pytest.raises(ModelError, match="an end with addresses: it has none"):
        explanation("nobody", "web", "1/tcp", put={"gatehouse_zones[1]": {"name": "nobody"}})


SHOP = {
    "gatehouse_zones[2]": {"name": "world", "networks": ["0.0.0.0/0"]},
    "gatehouse_flows[2]": {
        "name": "shop",
        "from": ["world"],
        "to": ["db"],
        "ports": ["443/tcp"],
        "at": ["192.0.2.200"],
    },
}


def test_an_address_that_flows_alone_name_is_the_classs_and_answers_for_itself():
    assert lines("198.51.100.1", "192.0.2.200", "443/tcp", put=SHOP) == [
        "198.51.100.1 -> 192.0.2.200, 443/tcp (198.51.100.1 -> 192.0.2.200): allowed",
        "  input of any host (db) allows it: the flow shop allows it (world) [gatehouse_flows[2]]",
    ]
    assert lines("198.51.100.1", "db1", "443/tcp", put=SHOP)[1].endswith(
        "denies it: no flow allows it; the flow shop allows this port, but at 192.0.2.200 alone"
    )
    both = explanation("198.51.100.1", "db", "443/tcp", put=SHOP)
    assert [(answer.receivers.texts(), answer.allowed) for answer in both.answers] == [
        (["192.0.2.200"], True),
        (["192.0.2.11"], False),
    ]


def test_what_is_open_at_an_address_says_so_and_is_no_answer_for_another():
    assert lines(receiver="192.0.2.200", put=SHOP) == [
        "192.0.2.200, as db, lets in:",
        "  5432/tcp from web, flow sql: what the web servers show",
        "  443/tcp at 192.0.2.200 from world, flow shop",
    ]
    assert "shop" not in "".join(lines(receiver="db1", put=SHOP))


def test_who_sends_to_such_an_address_is_let_out_to_it_and_to_nobody_else():
    put = {**SHOP, "gatehouse_flows[2].from": ["web"]}
    assert lines("web1", "192.0.2.200", "443/tcp", put=put)[0].endswith("allowed")
    assert lines("web1", "db1", "443/tcp", put=put)[0].endswith("denied")


@pytest.mark.parametrize(("mode", "words"), [("off", ""), ("sides", "by one side"), ("strict", "by an interface")])
def test_what_comes_in_is_said_to_pass_but_for_spoofed_sources(mode, words):
    sided = {"gatehouse_antispoof": mode, "gatehouse_interfaces": {"private": "eth0", "public": "eth1"}}
    put = {f"hosts.web1.{key}": value for key, value in sided.items()}
    caveat = f"; but not {words}" if words else ""

    (comes_in,) = [line for line in lines("203.0.113.9", "web1", "443/tcp", put=put) if "input of web1" in line]
    (goes_out,) = [line for line in lines("web1", "db", "5432/tcp", put=put) if "output of web1" in line]
    assert ("gatehouse_antispoof" in comes_in, caveat in comes_in) == (mode != "off", True)
    assert "gatehouse_antispoof" not in goes_out


@pytest.mark.parametrize(
    ("mode", "observed"),
    [("enforce", []), ({"egress": "observe"}, ["output"]), ({"ingress": "observe"}, ["input"])],
)
def test_a_denial_says_where_the_host_only_observes_it(mode, observed):
    put = {"hosts.web1.gatehouse_mode": mode}
    asked = [*lines("203.0.113.9", "web1", "9/tcp", put=put), *lines("web1", "db", "9/tcp", put=put)]

    told = [line for line in asked if "of web1" in line and "only observes, and lets it through" in line]
    assert [name for name in ("input", "output") if any(f"{name} of web1" in line for line in told)] == observed


def test_a_host_has_each_class_by_its_groups():
    put = {"groups.dbs": ["db1", "web2"], "gatehouse_classes[0].groups": ["webs", "more"], "groups.more": ["web2"]}
    found = ends(put)

    assert classes_of(found, "web2", Problems()).lines == (
        "web2 is db, by the group dbs",
        "web2 is web, by the groups webs, more",
    )
    with pytest.raises(ModelError, match=r"host: got 'web22', expected a host of the inventory; did you mean web2\?"):
        classes_of(found, "web22", Problems())
