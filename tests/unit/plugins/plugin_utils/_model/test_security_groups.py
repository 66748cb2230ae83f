from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.security_groups import GroupRule, as_text
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import read

CLASSES = [{"name": "eks_node", "groups": ["nodes"]}, {"name": "eks_control_plane", "networks": ["192.0.2.0/28"]}]


def groups(**variables):
    found = read(profile="eks", classes=CLASSES, **variables).security_groups.values()
    return {group.name: group.classes for group in found}


@pytest.mark.parametrize("variant", ["cluster_recommended", "cluster_minimum"])
def test_a_variant_with_one_group_has_both_classes_in_it(variant):
    assert groups(options={"variant": variant}) == {"eks-cluster": ("eks_control_plane", "eks_node")}


@pytest.mark.parametrize("variant", ["separate_recommended", "separate_minimum"])
def test_a_variant_with_separate_groups_has_one_for_each_class(variant):
    expected = {"eks-control-plane": ("eks_control_plane",), "eks-node": ("eks_node",)}

    assert groups(options={"variant": variant}) == expected


def test_a_group_of_the_users_replaces_the_profiles_of_that_name_and_without_classes_leaves_it_out():
    own = [{"name": "eks-cluster", "classes": []}, {"name": "nodes", "classes": ["eks_node"]}]

    assert groups(security_groups=own) == {"nodes": ("eks_node",)}


def test_a_class_that_is_another_stands_for_that_one_and_only_once():
    classes = [*CLASSES, {"name": "worker", "same_as": "eks_node"}]
    own = [{"name": "eks-cluster", "classes": ["worker", "eks_node", "eks_control_plane"]}]

    found = read(profile="eks", classes=classes, security_groups=own).security_groups["eks-cluster"]
    assert found.classes == ("eks_node", "eks_control_plane")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the cluster's nodes", "the clusters nodes"),
        ("probes; webhooks (all) #7", "probes; webhooks (all) #7"),
        ("für alle → jeden", "f-r alle - jeden"),
        ("a\tb?c", "a-b-c"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 252 + "..."),
    ],
)
def test_a_description_has_only_what_aws_takes(text, expected):
    assert as_text(text) == expected


@pytest.mark.parametrize(
    ("protocol", "first", "last", "expected"),
    [
        ("tcp", 443, 443, "443/tcp"),
        ("udp", 30000, 32767, "30000-32767/udp"),
        ("132", None, None, "all/sctp"),
        ("-1", None, None, "all"),
        ("47", None, None, "all/47"),
    ],
)
def test_ports_are_written_as_in_a_model(protocol, first, last, expected):
    assert GroupRule(protocol, first, last, "cidr_ip", "192.0.2.0/24", ("one",)).ports == expected
