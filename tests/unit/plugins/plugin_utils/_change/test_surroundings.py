from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import Declared, Stage
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.surroundings import declared_of, weighed
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data

RULE = {"peer": "office", "addresses": ["203.0.113.0/24"], "at": ["0.0.0.0/0", "::/0"]}
POLICY = {
    "classes": ["web"],
    "ingress": [
        {**RULE, "flow": "front", "ports": ["443/tcp", "443/udp"]},
        {**RULE, "flow": "vip", "peer": "clients", "ports": ["80/tcp"], "at": ["203.0.113.160"]},
    ],
    "egress": [{**RULE, "flow": "names", "ports": ["53/udp"]}],
    "pre_dnat": [{"ports": ["30000-32767/tcp"], "addresses": ["203.0.113.150"]}],
    "interfaces": {"public": ["eth1"]},
}
REFUSED = {"worst": "always", "bad": "taking over", "odd": "never"}


def test_a_host_is_told_what_the_model_says_of_it_and_reads_the_same():
    data = declared_of(from_data(POLICY))

    assert data == {
        "ingress": ["80/tcp", "443/tcp", "443/udp"],
        "egress": ["53/udp"],
        "pre_dnat": [{"ports": ["30000-32767/tcp"], "addresses": ["203.0.113.150"]}],
        "at": ["203.0.113.160"],
        "interfaces": {"public": ["eth1"]},
    }
    assert Declared.read({"declared": data, "addresses": {"private": ["198.51.100.21"]}}) == Declared(
        addresses=["198.51.100.21"],
        interfaces={"public": ["eth1"]},
        ingress=[("tcp", 80, 80), ("tcp", 443, 443), ("udp", 443, 443)],
        egress=[("udp", 53, 53)],
        pre_dnat=[Stage([("tcp", 30000, 32767)], ["203.0.113.150"])],
        elsewhere=["203.0.113.160", "203.0.113.150"],
    )


def test_a_flow_of_every_port_is_every_port():
    data = {**POLICY, "egress": [{**RULE, "flow": "all", "ports": ["all"]}, *POLICY["egress"]]}

    assert declared_of(from_data(data))["egress"] == ["all"]


@pytest.mark.parametrize(
    ("carries", "isolated", "expected"),
    [
        (
            {"interfaces": ["docker0", "br-*"], "is_said": True},
            {},
            {"interfaces": ["docker0", "br-*"], "networks": [], "isolated": False},
        ),
        ({"is_said": True}, {"web": ["192.0.2.1"]}, {"interfaces": [], "networks": [], "isolated": True}),
        ({}, {}, None),
    ],
)
def test_a_host_is_told_whether_a_class_says_for_whom_it_forwards(carries, isolated, expected):
    data = declared_of(from_data({**POLICY, "carries": carries, "isolated": isolated}))

    assert data.get("carries") == expected


def found(*kinds, differs=True):
    return {"differs": differs, "concerns": [{"kind": kind, "text": f"what is {kind}", "flow": ""} for kind in kinds]}


@pytest.mark.parametrize(
    ("kind", "differs", "takeover", "refuses"),
    [
        ("worst", True, False, True),
        ("worst", False, False, False),
        ("bad", True, True, True),
        ("bad", False, True, True),
        ("odd", True, True, False),
        ("new to this controller", True, True, False),
    ],
)
def test_what_a_host_has_found_is_refused_or_warned_of(kind, differs, takeover, refuses):
    expected = ([f"what is {kind}"], []) if refuses else ([], [f"web1: what is {kind}"])

    assert weighed(found(kind, differs=differs), REFUSED, takeover, "web1") == expected


def test_what_a_takeover_would_lose_is_no_matter_without_one():
    assert weighed(found("bad"), REFUSED, takeover=False, host="web1") == ([], [])


@pytest.mark.parametrize("concerns", ["x", [1], [{"kind": 1, "text": "x"}], [{"kind": "odd"}]])
def test_an_answer_that_can_not_be_read_is_refused(concerns):
    with pytest.raises(AnswerError, match="concerns"):
        weighed({"differs": True, "concerns": concerns}, REFUSED, takeover=False, host="")


def test_a_host_that_judges_sources_is_told_whom_flows_let_in_by_one_side():
    many = [f"192.0.2.{number}" for number in range(256)]
    rules = [
        {**RULE, "flow": "site", "peer": "office", "ports": ["443/tcp"], "side": "public"},
        {**RULE, "flow": "any", "peer": "internet", "ports": ["80/tcp"], "side": "public", "addresses": ["0.0.0.0/0"]},
        {**RULE, "flow": "either", "peer": "others", "ports": ["81/tcp"], "addresses": many},
        {**RULE, "flow": "one", "peer": "db", "ports": ["82/tcp"], "side": "private", "addresses": ["2001:db8::7"]},
    ]
    data = {**POLICY, "ingress": rules, "antispoof": "strict"}

    declared = Declared.read({"declared": declared_of(from_data(data))})

    assert declared.antispoof == "strict"
    assert declared.sided_peers == [["public", "office", "203.0.113.1"], ["private", "db", "2001:db8::7"]]


def test_of_many_peers_a_host_is_told_a_thousand():
    hosts = [f"198.51.{number // 200}.{number % 200}" for number in range(0, 3000, 2)]
    rules = [{**RULE, "flow": "site", "ports": ["443/tcp"], "side": "public", "addresses": hosts}]

    assert len(declared_of(from_data({**POLICY, "ingress": rules, "antispoof": "sides"}))["sided_peers"]) == 1000
