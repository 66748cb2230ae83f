"""In what a cluster's policies differ from a model's, said by flow."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.audit import KINDS, compare
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.network_policies import render
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

NAME = "shop/gatehouse-api-egress"
MODEL = {
    "gatehouse_classes": [
        {"name": "api", "pods": {"labels": {"app": "api"}, "namespace": "shop"}},
        {"name": "dns", "pods": {"labels": {"k8s-app": "kube-dns"}}},
    ],
    "gatehouse_zones": [{"name": "vcs", "networks": ["198.51.100.7"]}],
    "gatehouse_flows": [
        {"name": "clone", "from": ["api"], "to": ["vcs"], "ports": ["443/tcp"], "why": "sources"},
        {"name": "names", "from": ["api"], "to": ["dns"], "ports": ["53/udp"], "source": "page 1"},
    ],
}
WANTED = render(build(MODEL))
TO = {"podSelector": {"matchLabels": {"app": "x"}}}


def stored(**changes):
    """Return the policy as a cluster has it, with values put at paths such as ``spec.egress``."""
    policy = copy.deepcopy(WANTED[0])
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = policy
        for key in parents:
            inner = inner[int(key) if key.isdigit() else key]
        inner[int(last) if last.isdigit() else last] = value
    return policy


def another(name, label="Helm", namespace="shop", **spec):
    metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": label}}
    return {"metadata": metadata, "spec": {"podSelector": {}, "policyTypes": ["Egress"], **spec}}


def findings(*live):
    return [(one.kind, one.text, one.flow) for one in compare(WANTED, live).findings]


def test_a_cluster_that_has_what_the_model_says_has_no_findings():
    assert findings(stored()) == []


def test_a_protocol_that_is_left_out_is_tcp():
    assert findings(stored(spec__egress__0__ports=[{"port": 443}])) == []


def test_a_policy_that_is_gone_is_named():
    assert findings() == [("policy_gone", f"{NAME}: not there, so that nothing of ours restricts egress", "")]


def test_an_address_that_has_changed_is_told_by_its_flow():
    blocks = [{"ipBlock": {"cidr": "198.51.100.9/32"}}]

    assert findings(stored(spec__egress__0__to=blocks)) == [
        (
            "address_changed",
            f"{NAME}, flow clone: the model has 198.51.100.7/32 on 443/tcp, the cluster 198.51.100.9/32 on 443/tcp",
            "clone",
        )
    ]


def test_an_address_that_is_missing_is_told_by_its_flow():
    (found,) = findings(stored(spec__egress__0__to=[{"ipBlock": {"cidr": "203.0.113.1/32"}}]))
    assert found[2] == "clone"

    more = [{"ipBlock": {"cidr": "198.51.100.7/32"}}, {"ipBlock": {"cidr": "203.0.113.1/32"}}]
    assert findings(stored(spec__egress__0__to=more)) == [
        (
            "address_changed",
            f"{NAME}, flow clone: the model has nothing instead, the cluster 203.0.113.1/32 on 443/tcp",
            "clone",
        )
    ]


def test_a_rule_that_opens_everything_is_told_as_what_it_is():
    opened = [*WANTED[0]["spec"]["egress"], {}]

    assert findings(stored(spec__egress=opened)) == [
        ("rule_added", f"{NAME}: everybody on every port is open, and not by the model", "")
    ]


def test_a_rule_that_is_gone_is_told_by_its_flow():
    rules = WANTED[0]["spec"]["egress"]

    assert findings(stored(spec__egress=rules[:1])) == [
        (
            "rule_removed",
            f"{NAME}, flow names: pods k8s-app=kube-dns in any namespace on 53/udp is not open",
            "names",
        )
    ]


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (TO, "pods app=x of the same namespace"),
        ({"namespaceSelector": {"matchLabels": {"a": "b"}}}, "all pods in namespaces a=b"),
        ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, "10.0.0.0/8 except 10.1.0.0/16"),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
            'pods {"key": "a", "operator": "Exists"} of the same namespace',
        ),
    ],
)
def test_a_peer_that_was_added_by_hand_is_told_in_words(peer, words):
    opened = [*WANTED[0]["spec"]["egress"], {"to": [peer], "ports": [{"port": 1, "endPort": 9, "protocol": "UDP"}]}]

    assert findings(stored(spec__egress=opened)) == [
        ("rule_added", f"{NAME}: {words} on 1-9/udp is open, and not by the model", "")
    ]


@pytest.mark.parametrize(
    "changes", [{"spec__podSelector": {}}, {"spec__policyTypes": ["Ingress", "Egress"]}], ids=["pods", "types"]
)
def test_a_policy_that_is_for_others_than_the_models_is_told(changes):
    kinds = [kind for kind, _text, _flow in findings(stored(**changes))]

    assert kinds == ["selector_changed"]


def test_what_is_ours_and_in_nobodys_model_is_surplus_and_what_is_others_is_not():
    found = compare(WANTED, [stored(), another("old", label="gatehouse"), another("backup")])

    assert [one["metadata"]["name"] for one in found.surplus] == ["old"]
    assert [one["metadata"]["name"] for one in found.ours] == ["gatehouse-api-egress", "old"]
    assert [one.kind for one in found.findings] == ["policy_surplus"]
    assert found.foreign == ()


def test_a_policy_of_others_by_a_name_of_ours_is_foreign():
    found = compare(WANTED, [another("gatehouse-api-egress")])

    assert [one["metadata"]["name"] for one in found.foreign] == ["gatehouse-api-egress"]
    assert "policy_foreign" in [one.kind for one in found.findings]


@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        (another("open", egress=[{}]), ["another_policy"]),
        (another("closed", egress=[]), []),
        (another("ingress", policyTypes=["Ingress"], ingress=[{}]), []),
        (another("elsewhere", namespace="other", egress=[{}]), []),
        (another("of_others", podSelector={"matchLabels": {"app": "db"}}, egress=[{}]), []),
    ],
    ids=lambda one: one["metadata"]["name"] if isinstance(one, dict) else "",
)
def test_a_policy_of_others_that_opens_more_for_the_same_pods_is_told(other, kinds):
    assert [kind for kind, _text, _flow in findings(stored(), other)] == kinds


def test_every_kind_of_finding_is_documented():
    page = (Path(__file__).resolve().parents[5] / "docs" / "network-policies.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.partition("| kind |")[2].splitlines() if line.startswith("| `")]

    assert {kind.strip(" `") for row in rows for kind in row.split(",")} == set(KINDS)
