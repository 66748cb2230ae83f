"""The NetworkPolicies of Keptn's job-executor-service, each variant as packets that keptn_jes.yml has by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.network_policies import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.verdict import Packet, Pod, verdict
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, problems_of, read

TABLE = yaml.safe_load(Path(__file__).with_name("keptn_jes.yml").read_text(encoding="utf-8"))
NAMES = {"auth.example.org": ("198.51.100.20", "2001:db8:20::20"), "keptn.example.org": ("198.51.100.30",)}
each_case = pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])


def document(**options):
    return {
        "gatehouse_profile": "keptn_jes",
        "gatehouse_options": {"namespace": "keptn-jes", **options},
        "names": NAMES,
    }


def end(name):
    row = TABLE["ends"][name]
    if isinstance(row, str):
        return row
    return Pod(row["labels"], row["namespace"], {"kubernetes.io/metadata.name": row["namespace"]})


def packet(text):
    source, target, port = text.split()
    number, _slash, protocol = port.partition("/")
    return Packet(end(source), end(target), protocol, int(number))


def policies(case):
    return render(build(document(**case["options"], **case.get("detected", {}))))


@each_case
def test_a_variant_has_the_policies_of_its_switches(case):
    assert [one["metadata"]["name"] for one in policies(case)] == case["policies"]


@each_case
def test_a_variant_lets_through_what_its_table_says(case):
    objects = policies(case)
    found = {text: verdict(objects, packet(text)) for text in (*case["allow"], *case["deny"])}

    assert found == {**dict.fromkeys(case["allow"], True), **dict.fromkeys(case["deny"], False)}


@each_case
def test_kubernetes_takes_the_policies_of_a_variant(case):
    validate = pytest.importorskip("kubernetes_validate", reason="requirements/dev.txt has Kubernetes' schemas")

    for policy in policies(case):
        validate.validate(policy, "1.33", strict=True)


def test_the_rules_of_all_options_are_those_of_the_chart():
    (_ingress, egress) = policies(TABLE["cases"][-1])

    assert egress["spec"] == yaml.safe_load("""
        podSelector:
          matchLabels: {app.kubernetes.io/name: job-executor-service, app.kubernetes.io/instance: job-executor-service}
        policyTypes: [Egress]
        egress:
        - to:
          - namespaceSelector: {}
            podSelector: {matchLabels: {app.kubernetes.io/name: api-gateway-nginx, app.kubernetes.io/instance: keptn}}
        - to: [{ipBlock: {cidr: 192.0.2.0/28}}]
          ports: [{protocol: TCP, port: 8443}]
        - to: [{ipBlock: {cidr: 198.51.100.20/32}}, {ipBlock: {cidr: "2001:db8:20::20/128"}}]
        - to: [{ipBlock: {cidr: 198.51.100.30/32}}]
        - to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
          ports: [{protocol: UDP, port: 53}]
    """)


def test_pods_of_a_release_by_another_name_are_said_by_their_labels_alone():
    labels = {"app.kubernetes.io/name": "job-executor-service", "app.kubernetes.io/instance": "mine"}
    mine = {"name": "job_executor", "pods": {"labels": labels}}
    (policy,) = render(build({**document(ingress=True), "gatehouse_classes": [mine]}))

    assert policy["metadata"]["name"] == "jes-ingress-network-policy"
    assert policy["metadata"]["namespace"] == "keptn-jes"
    assert policy["spec"] == {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": []}


def test_a_name_server_that_is_no_pod_is_said_by_its_address():
    dns = {"name": "kube_dns", "networks": ["192.0.2.53"]}
    (policy,) = render(build({**document(egress=True), "gatehouse_classes": [dns]}))

    assert policy["spec"]["egress"][-1]["to"] == [{"ipBlock": {"cidr": "192.0.2.53/32"}}]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"namespace": None}, "gatehouse_options.namespace: got nothing, expected a value; there is no default:"),
        (
            {"egress": True, "auth_mode": "oauth"},
            "gatehouse_zones: got nothing, expected networks or hostnames for the zone oauth_provider; profile",
        ),
        (
            {"egress": True, "control_plane_host": "gone.example.org"},
            "zones[2].hostnames[0] (profile keptn_jes): got 'gone.example.org', expected a host name that resolves",
        ),
        ({"egress": True, "api_server_port": 6443}, "gatehouse_options.api_server_port: got 6443, expected api_server"),
    ],
)
def test_what_would_leave_a_variant_half_open_or_half_closed_is_named(options, problem):
    problems = [str(one) for one in problems_of(document(**options))]

    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_every_flow_has_a_reason_and_a_source():
    options = {**TABLE["cases"][-1]["options"], "namespace": "keptn-jes"}
    found = read(profile="keptn_jes", options=options).flows.values()

    assert len(found) == 5
    assert [flow.name for flow in found if not flow.why or not flow.source] == []
