"""From flows to NetworkPolicies: what each rule says, and that nobody is never everybody."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.network_policies import render
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

CLASSES = [
    {"name": "web_api", "pods": {"labels": {"app": "api"}, "namespace": "shop"}},
    {"name": "db", "pods": {"labels": {"app": "db", "tier": "back"}, "namespace": "data"}},
    {"name": "probe", "pods": {"labels": {"app": "probe"}}},
    {"name": "node", "groups": ["nodes"]},
]
ZONES = [
    {"name": "office", "networks": ["203.0.113.0/24", "2001:db8:5::/48"]},
    {"name": "vcs", "hostnames": ["git.example.org"]},
    {"name": "external", "networks": ["0.0.0.0/0", "::/0"]},
    {"name": "empty"},
    {"name": "elsewhere", "networks": ["0.0.0.0/0"], "except": ["10.0.0.0/8", "office"]},
    {"name": "halves", "networks": ["192.0.2.0/30", "2001:db8:9::/64"], "except": ["192.0.2.0/31", "2001:db8:9::/65"]},
    {"name": "around", "zones": ["elsewhere"], "networks": ["10.1.0.0/16"]},
]
INVENTORY = {"groups": {"nodes": ["n1"]}, "hosts": {"n1": {"ansible_host": "192.0.2.1"}}}


def flow(sender, receiver, *ports, **more):
    return {"name": "one", "from": [sender], "to": [receiver], "ports": list(ports) or ["443/tcp"], **more}


def policies(*flows, classes=()):
    built = build(
        {"gatehouse_classes": classes or CLASSES, "gatehouse_zones": ZONES, "gatehouse_flows": list(flows), **INVENTORY}
    )
    return {one["metadata"]["name"]: one for one in render(built)}


def rules(one, name="gatehouse-web-api-ingress"):
    spec = policies(one)[name]["spec"]
    return spec.get("ingress", spec.get("egress"))


def test_a_flow_to_pods_is_a_policy_of_their_namespace():
    (policy,) = policies(flow("office", "web_api", why="customers", source="page 3")).values()

    assert policy == yaml.safe_load("""
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata:
          name: gatehouse-web-api-ingress
          namespace: shop
          labels: {app.kubernetes.io/managed-by: gatehouse}
          annotations: {gatehouse.firewall/class: web_api, gatehouse.firewall/flows: "one: customers [page 3]"}
        spec:
          podSelector: {matchLabels: {app: api}}
          policyTypes: [Ingress]
          ingress:
          - from: [{ipBlock: {cidr: 203.0.113.0/24}}, {ipBlock: {cidr: "2001:db8:5::/48"}}]
            ports: [{protocol: TCP, port: 443}]
    """)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("external", [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]),
        ("vcs", [{"ipBlock": {"cidr": "198.51.100.7/32"}}, {"ipBlock": {"cidr": "2001:db8::7/128"}}]),
        ("node", [{"ipBlock": {"cidr": "192.0.2.1/32"}}]),
        ("elsewhere", [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "203.0.113.0/24"]}}]),
        ("halves", [{"ipBlock": {"cidr": "192.0.2.2/31"}}, {"ipBlock": {"cidr": "2001:db8:9:0:8000::/65"}}]),
        ("probe", [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "probe"}}}]),
        (
            "db",
            [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
                    "podSelector": {"matchLabels": {"app": "db", "tier": "back"}},
                }
            ],
        ),
    ],
)
def test_a_peer_is_its_addresses_or_both_selectors_in_one(peer, expected):
    assert rules(flow(peer, "web_api"))[0]["from"] == expected
    assert rules(flow("web_api", peer), "gatehouse-web-api-egress")[0]["to"] == expected


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        (["all"], None),
        (["443/tcp"], [{"protocol": "TCP", "port": 443}]),
        (["30000-32767/udp"], [{"protocol": "UDP", "port": 30000, "endPort": 32767}]),
        (["53/tcp+udp"], [{"protocol": "TCP", "port": 53}, {"protocol": "UDP", "port": 53}]),
        (["36412/sctp"], [{"protocol": "SCTP", "port": 36412}]),
    ],
)
def test_ports_are_said_by_protocol_with_an_end_where_there_are_several_and_not_at_all_where_all_are_meant(
    ports, expected
):
    assert rules(flow("office", "web_api", *ports))[0].get("ports") == expected


@pytest.mark.parametrize("name", ["gatehouse-web-api-ingress", "gatehouse-web-api-egress"])
def test_nobody_is_no_rule_and_the_policy_still_isolates(name):
    direction = name.rpartition("-")[2]
    one = flow("empty", "web_api") if direction == "ingress" else flow("web_api", "empty")
    policy = policies(one)[name]

    assert policy["spec"][direction] == []
    assert policy["spec"]["policyTypes"] == [direction.capitalize()]


def test_a_flow_whose_last_day_is_over_opens_nothing_and_its_pods_stay_isolated():
    assert rules(flow("office", "web_api", expires=datetime.date(2026, 1, 1))) == []


def test_a_flow_between_pods_means_both_ends():
    assert list(policies(flow("web_api", "db"))) == ["gatehouse-web-api-egress", "gatehouse-db-ingress"]
    assert list(policies(flow("web_api", "db", end="egress"))) == ["gatehouse-web-api-egress"]


def test_pods_reach_a_class_at_the_addresses_that_a_flow_is_for_and_at_no_other_of_its():
    (rule,) = rules(flow("web_api", "node", at=["192.0.2.200"]), "gatehouse-web-api-egress")
    assert rule["to"] == [{"ipBlock": {"cidr": "192.0.2.200/32"}}]


def test_pods_of_any_namespace_have_no_policy_of_their_own():
    assert list(policies(flow("probe", "db"))) == ["gatehouse-db-ingress"]


def test_a_class_on_both_ends_is_its_own_peer():
    (rule,) = rules(flow("web_api", "web_api"))

    assert rule["from"][0]["podSelector"] == {"matchLabels": {"app": "api"}}


def test_pods_are_isolated_without_a_flow_where_their_class_says_so():
    isolated = {"name": "web_api", "pods": {**CLASSES[0]["pods"], "isolate": ["ingress", "egress"]}}
    found = policies(classes=[isolated, *CLASSES[1:]])

    assert {name: one["spec"] for name, one in found.items()} == {
        "gatehouse-web-api-ingress": {
            "podSelector": {"matchLabels": {"app": "api"}},
            "policyTypes": ["Ingress"],
            "ingress": [],
        },
        "gatehouse-web-api-egress": {
            "podSelector": {"matchLabels": {"app": "api"}},
            "policyTypes": ["Egress"],
            "egress": [],
        },
    }


def test_pods_that_nothing_is_said_of_have_no_policy():
    assert policies() == {}


def test_a_policy_has_the_name_that_its_class_says():
    named = {"name": "web_api", "pods": {**CLASSES[0]["pods"], "policy_names": {"ingress": "shop.front"}}}

    assert list(policies(flow("office", "web_api"), classes=[named, *CLASSES[1:]])) == ["shop.front"]


def test_kubernetes_takes_every_kind_of_rule_that_there_is():
    validate = pytest.importorskip("kubernetes_validate", reason="requirements/dev.txt has Kubernetes' schemas")
    ends = [("office", "web_api"), ("web_api", "vcs"), ("probe", "db"), ("web_api", "db"), ("db", "external")]
    flows = [
        flow(*pair, *ports, name=f"f{number}{len(ports)}")
        for number, pair in enumerate(ends)
        for ports in (["all"], ["443/tcp", "1000-2000/udp", "9/sctp"])
    ]
    named = [{**one, "name": f"flow{number}"} for number, one in enumerate(flows)]
    found = list(policies(*named, flow("empty", "web_api", name="nobody")).values())

    assert len(found) == 4
    for policy in found:
        validate.validate(policy, "1.33", strict=True)


def test_the_model_of_the_page_has_the_policies_that_the_page_says():
    page = Path(__file__).resolve().parents[5] / "docs" / "network-policies.md"
    model, *_others = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    found = render(build({**yaml.safe_load(model), "names": {"pay.example.org": ("192.0.2.80",)}}))

    assert {one["metadata"]["name"]: len(one["spec"].get("ingress", one["spec"].get("egress"))) for one in found} == {
        "gatehouse-web-ingress": 1,
        "gatehouse-web-egress": 2,
        "gatehouse-report-ingress": 0,
    }
