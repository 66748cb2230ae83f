"""A policy goes into plain data and comes back the same; what isn't safe to render doesn't come back."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data, to_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

NODE_PORTS = {"ports": ["30000-32767/tcp+udp"], "addresses": ["203.0.113.200", "2001:db8:9::/64"], "side": "public"}
SIDED = {
    "gatehouse_classes[0].isolated": True,
    "gatehouse_classes[0].pre_dnat": NODE_PORTS,
    "gatehouse_flows[0].side": "public",
    "gatehouse_flows[0].log": True,
    "gatehouse_flows[0].source": "page 9",
    "gatehouse_flows[1].ports": ["all"],
    "gatehouse_echo_request": False,
    "gatehouse_dhcp": False,
    "gatehouse_refresh": {"min_ttl": 30, "max_ttl": "300", "refused": ["127.0.0.0/8", "::1"], "max_addresses": 9},
    "hosts.web1.gatehouse_interfaces": {"public": ["eth1", "wg0"], "private": "eth0"},
    "hosts.web2.gatehouse_interfaces": {"public": "eth1"},
}
POLICIES = {
    "web": build(good()).policy_of("web1"),
    "db": build(good()).policy_of("db1"),
    "sided": build(good(SIDED)).policy_of("web1"),
    "node ports": build(good({"gatehouse_classes[0].pre_dnat": {"ports": "80/tcp"}})).policy_of("web1"),
    "nobody": build(good({"gatehouse_zones[0].networks": []})).policy_of("web1"),
    "by name": build(good({"gatehouse_zones[0].hostnames": ["git.example.org"]})).policy_of("web1"),
    "profiled": build(good(profiled=True)).policy_of("db1"),
    "observing": build(good(put={"hosts.web1.gatehouse_mode": "observe"})).policy_of("web1"),
    "observing one direction": build(
        good(put={"hosts.web1.gatehouse_mode": {"ingress": "enforce", "egress": "observe"}})
    ).policy_of("web1"),
    "logging": build(good(put={"hosts.web1.gatehouse_denied": {"keep": False, "log": {"to": "nflog:5"}}})).policy_of(
        "web1"
    ),
    "profiled node ports": build(good(profiled=True)).policy_of("web1"),
}
DATA = to_data(POLICIES["sided"])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_policy_survives_the_way_through_json(policy):
    assert from_data(json.loads(json.dumps(to_data(policy)))) == policy


def test_the_data_of_a_policy_is_what_a_playbook_can_read():
    assert DATA == {
        "classes": ["web"],
        "observe": [],
        "antispoof": "off",
        "self_heal": False,
        "denied": {"keep": True, "log": None},
        "deny": {"ingress": "drop", "egress": "reject", "forward": "reject"},
        "carries": {
            "interfaces": [],
            "routed": [],
            "masqueraded": [],
            "excepted": [],
            "isolated": True,
            "is_said": False,
        },
        "known": ["192.0.2.1", "192.0.2.2", "192.0.2.11", "203.0.113.0/24", "2001:db8:1::/48"],
        "isolated": {"web": ["192.0.2.1", "192.0.2.2"]},
        "pre_dnat": [
            {
                "ports": ["30000-32767/tcp", "30000-32767/udp"],
                "addresses": ["203.0.113.200", "2001:db8:9::/64"],
                "side": "public",
            }
        ],
        "echo_request": False,
        "dhcp": False,
        "interfaces": {"private": ["eth0"], "public": ["eth1", "wg0"]},
        "refresh": {"min_ttl": 30, "max_ttl": 300, "refused": ["127.0.0.0/8", "::1"], "max_addresses": 9},
        "ingress": [
            {
                "flow": "front",
                "peer": "office",
                "side": "public",
                "why": "customers",
                "source": "page 9",
                "log": True,
                "ports": ["80/tcp", "443/tcp"],
                "addresses": ["203.0.113.0/24", "2001:db8:1::/48"],
                "names": [],
                "at": ["0.0.0.0/0", "::/0"],
            }
        ],
        "egress": [
            {
                "flow": "sql",
                "peer": "db",
                "side": "",
                "why": "what the web servers show",
                "source": "",
                "log": False,
                "ports": ["all"],
                "addresses": ["192.0.2.11"],
                "names": [],
                "at": ["0.0.0.0/0", "::/0"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (["classes"], ["web\n}"], "policy.classes[0]"),
        (["classes"], None, "policy.classes"),
        (["class"], "web", "policy.class"),
        (["echo_request"], "perhaps", "policy.echo_request"),
        (["dhcp"], "perhaps", "policy.dhcp"),
        (["isolated"], ["192.0.2.1"], "policy.isolated"),
        (["isolated"], {"web": ["192.0.2.1", "web2"]}, "policy.isolated.web[1]"),
        (["isolated"], {"nas": ["192.0.2.1"]}, "policy.isolated.nas"),
        (["pre_dnat"], {"ports": ["80/tcp"]}, "policy.pre_dnat"),
        (["pre_dnat"], [{}], "policy.pre_dnat[0].ports"),
        (["pre_dnat", 0, "ports"], ["80/tcp }"], "policy.pre_dnat[0].ports[0]"),
        (["pre_dnat", 0, "ports"], ["all"], "policy.pre_dnat[0].ports"),
        (["pre_dnat", 0, "addresses"], ["192.0.2.1", "192.0.2.2 accept"], "policy.pre_dnat[0].addresses[1]"),
        (["pre_dnat", 0, "side"], "left", "policy.pre_dnat[0].side"),
        (["pre_dnat", 0, "action"], "drop", "policy.pre_dnat[0].action"),
        (["interfaces"], ["eth0"], "policy.interfaces"),
        (["interfaces", "public"], ['eth0" accept #'], "policy.interfaces.public[0]"),
        (["ingress"], {}, "policy.ingress"),
        (["ingress", 0, "flow"], 'a" drop', "policy.ingress[0].flow"),
        (["ingress", 0, "peer"], "a.v4", "policy.ingress[0].peer"),
        (["ingress", 0, "side"], "left", "policy.ingress[0].side"),
        (["ingress", 0, "why"], "x\naccept", "policy.ingress[0].why"),
        (["ingress", 0, "source"], "x\naccept", "policy.ingress[0].source"),
        (["ingress", 0, "log"], "x", "policy.ingress[0].log"),
        (["ingress", 0, "ports"], ["80/tcp", "22"], "policy.ingress[0].ports[1]"),
        (["egress", 0, "addresses"], ["192.0.2.1; accept"], "policy.egress[0].addresses[0]"),
        (["egress", 0, "action"], "drop", "policy.egress[0].action"),
        (["forward"], [], "policy.forward"),
    ],
)
def test_what_is_no_policy_or_no_safe_one_is_refused(path, value, place):
    data = copy.deepcopy(DATA)
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value

    with pytest.raises(ModelError) as raised:
        from_data(data)

    assert [str(problem.where) for problem in raised.value.problems] == [place]


def test_data_without_a_word_on_it_judges_nothing_before_dnat():
    for data in ({**DATA, "pre_dnat": None}, {key: value for key, value in DATA.items() if key != "pre_dnat"}):
        assert from_data(data).pre_dnat == ()


@pytest.mark.parametrize("data", [None, [], "web", 5, {}])
def test_other_data_is_no_policy(data):
    with pytest.raises(ModelError):
        from_data(data)


def with_rule(direction, **changes):
    data = copy.deepcopy(DATA)
    data[direction].append({**data["ingress"][0], **changes})
    return data


@pytest.mark.parametrize(
    ("data", "places"),
    [
        (with_rule("ingress", ports=["22/tcp"]), ["policy.ingress[1].flow"]),
        (with_rule("ingress", flow="other", addresses=["198.51.100.1"]), ["policy.ingress[1].addresses"]),
        (with_rule("ingress", flow="other", side="private", addresses=["198.51.100.1"]), []),
        (with_rule("ingress", flow="other"), []),
        (with_rule("egress"), []),
        (with_rule("ingress", peer="annex", at=["192.0.2.1"]), ["policy.ingress[1].at"]),
        (with_rule("ingress", flow="other", at=["192.0.2.1"]), []),
        (with_rule("egress", flow="other", at=["192.0.2.1"]), ["policy.egress[1].addresses"]),
        (with_rule("egress", flow="other", at=["192.0.2.1"], addresses=["192.0.2.1"]), []),
        (with_rule("egress", addresses=["198.51.100.1"]), ["policy.egress[1].addresses"]),
        (with_rule("egress", peer="web", side="", addresses=["198.51.100.1"]), ["policy.egress[1].addresses"]),
    ],
)
def test_rules_that_would_share_a_set_or_a_chain_without_being_the_same_are_refused(data, places):
    found = []
    try:
        from_data(data)
    except ModelError as error:
        found = [str(problem.where) for problem in error.problems]

    assert found == places
