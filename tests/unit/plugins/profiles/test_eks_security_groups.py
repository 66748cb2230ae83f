"""The security groups of each variant of EKS against the source, whose rows the file beside this one has by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.groups import render
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

CASES = yaml.safe_load(Path(__file__).with_name("eks_security_groups.yml").read_text(encoding="utf-8"))
MODEL = {
    "gatehouse_profile": "eks",
    "gatehouse_classes": [
        {"name": "eks_node", "groups": ["nodes"]},
        {"name": "eks_control_plane", "networks": ["192.0.2.128/28"]},
    ],
    "gatehouse_zones": [
        {"name": "api_clients", "networks": ["203.0.113.0/28"]},
        {"name": "eks_api", "networks": ["198.51.100.0/24", "2001:db8:5::/48"]},
        {"name": "registries", "networks": ["198.51.100.7"]},
    ],
    "groups": {"nodes": ["node1"]},
    "hosts": {"node1": {"ansible_host": "192.0.2.11"}},
}


def matrix(rules):
    found = {}
    for rule in rules:
        found.setdefault(rule.peer, []).append(rule.ports)
    return {peer: sorted(ports) for peer, ports in found.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["options"]))
def test_each_group_has_the_rules_of_the_source_and_no_other(case):
    groups = render(build({**MODEL, "gatehouse_options": case["options"]}))

    found = {group.name: {"ingress": matrix(group.ingress), "egress": matrix(group.egress)} for group in groups}
    assert found == {
        name: {way: {peer: sorted(ports) for peer, ports in rules.items()} for way, rules in directions.items()}
        for name, directions in case["groups"].items()
    }


def test_every_rule_names_a_flow_and_a_reason():
    for case in CASES:
        for group in render(build({**MODEL, "gatehouse_options": case["options"]})):
            assert all(rule.flows and rule.reasons for rule in (*group.ingress, *group.egress))


def test_without_the_users_zones_a_group_has_no_rule_for_them():
    options = {"variant": "cluster_minimum"}
    (group,) = render(build({**MODEL, "gatehouse_zones": [], "gatehouse_options": options}))

    assert {rule.peer for rule in (*group.ingress, *group.egress)} == {"eks-cluster"}
