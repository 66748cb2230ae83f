"""What stands once for the fleet: a file for each that enforces it, where there is something for it."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes import network_policies as network_policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.manifests import (
    manifest_files,
    manifests,
    security_group_remarks,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError, Problems
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good


def files_of(fleet):
    problems = Problems()
    found = manifests(fleet, problems)
    problems.raise_if_any()
    return manifest_files(found)


EKS = {
    "gatehouse_profile": "eks",
    "gatehouse_classes": [
        {"name": "eks_node", "groups": ["webs"]},
        {"name": "eks_control_plane", "networks": ["192.0.2.128/28"]},
    ],
    "gatehouse_zones": [],
    "gatehouse_services": [],
    "gatehouse_flows": [],
}
CALLS = {"name": "calls", "from": ["eks_node"], "to": ["eks_control_plane"], "ports": ["5060/sctp"]}


def test_security_groups_are_one_document_each_in_the_models_order():
    fleet = build(good({**EKS, "gatehouse_options": {"variant": "separate_minimum"}}))
    files = files_of(fleet)

    assert list(files) == ["security_groups.yml"]
    assert files["security_groups.yml"].count("---\n") == 2
    names = [group["name"] for group in yaml.safe_load_all(files["security_groups.yml"])]
    assert names == ["eks-control-plane", "eks-node"]
    assert security_group_remarks(fleet) == []


def test_a_model_without_security_groups_has_no_file_for_the_fleet():
    assert files_of(build(good())) == {}
    assert security_group_remarks(build(good())) == []


def test_a_profiles_groups_that_cant_express_the_model_are_left_out_of_the_plan_and_that_is_said():
    fleet = build(good({**EKS, "gatehouse_flows": [CALLS]}))

    assert files_of(fleet) == {}
    (remark,) = security_group_remarks(fleet)
    assert remark.startswith("security_groups.yml is not written, since the profile's groups can't express the model: ")
    assert "gatehouse_flows[0].ports: got '5060/sctp'" in remark


def test_the_users_own_groups_that_cant_express_the_model_are_an_error():
    own = {"gatehouse_security_groups": [{"name": "eks-cluster", "classes": ["eks_node"]}]}

    with pytest.raises(ModelError, match="5060/sctp"):
        files_of(build(good({**EKS, **own, "gatehouse_flows": [CALLS]})))


def pods(**more):
    return {"gatehouse_classes[2]": {"name": "api", "pods": {"labels": {"app": "api"}, **more}}}


def test_a_model_without_pods_of_its_own_has_no_file_for_the_fleet():
    assert files_of(build(good())) == {}
    assert files_of(build(good(pods()))) == {}


def test_policies_are_one_file_of_a_document_each():
    fleet = build(good(pods(namespace="shop", isolate=["ingress", "egress"])))
    text = files_of(fleet)["network_policy.yml"]

    assert list(yaml.safe_load_all(text)) == network_policy.render(fleet)
    assert text.count("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n") == 2
    assert "&id" not in text


def test_a_plan_without_policies_says_so_in_place_of_an_older_plans():
    assert files_of(build(good(pods(namespace="shop")))) == {"network_policy.yml": "# gatehouse.firewall: no object\n"}
