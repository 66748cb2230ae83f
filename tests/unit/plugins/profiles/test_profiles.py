"""Shipped profiles against the rows of their sources, which the files beside this one have by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import port_set
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import network_text
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import TODAY, read

NAMES = ("circleci_server_3", "eks", "iks")
EXPECTED = {name: yaml.safe_load(Path(__file__).with_name(f"{name}.yml").read_text(encoding="utf-8")) for name in NAMES}
each_case = pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name} {case['options']}")
        for name, expected in EXPECTED.items()
        for case in expected["cases"]
    ],
)


def model(name, options):
    classes = [{"name": one, "groups": [one]} for one in EXPECTED[name]["classes"]]
    return read(profile=name, options=options, classes=classes)


@each_case
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_class_lets_through_what_its_rows_say_to_every_peer_and_nothing_else(name, case, direction):
    built = model(name, case["options"])
    expected = EXPECTED[name]
    for node_class in expected["classes"]:
        rows = case["expected"].get(node_class, {}).get(direction, {})
        for peer in (*expected["classes"], *expected["zones"]):
            found = port_set(built, node_class, direction, peer, TODAY).texts()
            assert found == rows.get(peer, []), f"{direction} of {node_class}, peer {peer}"


@pytest.mark.parametrize(
    ("name", "node_class", "options"),
    [
        ("eks", "eks_node", {}),
        ("iks", "iks_worker", {}),
        ("circleci_server_3", "k8s_node", {}),
        ("circleci_server_3", "nomad_client", {"carry_containers": False}),
    ],
)
def test_pods_and_containers_that_are_left_alone_are_so_on_purpose(name, node_class, options):
    carries = model(name, options).classes[node_class].carries

    assert carries is not None
    assert not carries
    assert carries.is_said


@pytest.mark.parametrize("name", NAMES)
def test_the_expectations_name_every_class_and_zone_of_the_profile(name):
    built = model(name, {})

    assert set(built.classes) == set(EXPECTED[name]["classes"])
    assert set(built.zones) == set(EXPECTED[name]["zones"])


@pytest.mark.parametrize("name", NAMES)
def test_every_flow_has_a_reason_and_a_source(name):
    assert [flow.name for flow in model(name, {}).flows.values() if not flow.why or not flow.source] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "circleci_server_3",
            {
                "k8s_node": ["30000-32767/tcp", "30000-32767/udp"],
                "nomad_client": ["64535-65535/tcp"],
                "external_vm": ["54782/tcp"],
            },
        ),
        ("eks", {"eks_node": ["30000-32767/tcp", "30000-32767/udp"]}),
        ("iks", {"iks_worker": ["30000-32767/tcp", "30000-32767/udp"]}),
    ],
)
def test_ports_that_a_host_redirects_are_judged_before_dnat(name, expected):
    classes = model(name, {}).classes.values()

    assert {one.name: one.pre_dnat.ports.texts() for one in classes if one.pre_dnat} == expected


@pytest.mark.parametrize("node_class", ["nomad_client", "external_vm"])
def test_what_never_talks_to_its_own_kind_is_isolated_in_the_older_version_as_well(node_class):
    assert model("circleci_server_3", {}).classes[node_class].isolated


def test_the_places_that_workers_of_ibm_reach_have_the_addresses_of_the_pages_tables():
    zones = model("iks", {}).zones

    found = {name: [*map(network_text, zones[name].networks.networks)] for name in EXPECTED["iks"]["addresses"]}
    assert found == EXPECTED["iks"]["addresses"]
