"""The shipped profile against the rows of its source, which circleci_server_4.yml has beside this file."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.sources import PROFILES
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import flow_matrix, port_set
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import (
    TODAY,
    build,
    good,
    problems_of,
    read,
)

EXPECTED = yaml.safe_load(Path(__file__).with_name("circleci_server_4.yml").read_text(encoding="utf-8"))
CONTENT = yaml.safe_load((PROFILES / "circleci_server_4.yml").read_text(encoding="utf-8"))
CLASSES = ("k8s_node", "nomad_client", "external_vm", "load_balancer")
ZONES = ("external", "ssh_admin", "dns", "vcs", "rerun_ssh", "nat_gateways", "monitoring")
OPTIONS = ("transparent_load_balancers", "vm_service_public_ip")
MODELS = {
    values: read(
        profile="circleci_server_4",
        options=dict(zip(OPTIONS, values)),
        classes=[{"name": name, "groups": [name]} for name in CLASSES],
    )
    for values in itertools.product([False, True], repeat=2)
}

each_fleet = pytest.mark.parametrize("values", MODELS, ids=lambda values: " ".join(map(str, values)))
each_class = pytest.mark.parametrize("node_class", CLASSES)
each_direction = pytest.mark.parametrize("direction", ["ingress", "egress"])


def expected_ports(values, node_class, direction):
    """Return the ports by peer that the rows have for a fleet with these values of the options."""
    parts = [EXPECTED["always"], *(EXPECTED[option][value] for option, value in zip(OPTIONS, values))]
    found = {}
    for part in parts:
        for peer, ports in part.get(node_class, {}).get(direction, {}).items():
            found.setdefault(peer, []).extend(ports)
    return found


@each_fleet
@each_class
@each_direction
def test_a_class_lets_through_what_its_rows_say_to_every_peer_and_nothing_else(values, node_class, direction):
    expected = expected_ports(values, node_class, direction)
    for peer in (*CLASSES, *ZONES):
        found = port_set(MODELS[values], node_class, direction, peer, TODAY).texts()
        assert found == expected.get(peer, []), f"{direction} of {node_class}, peer {peer}"


@each_fleet
def test_the_expectations_name_no_class_zone_or_option_that_the_profile_lacks(values):
    model = MODELS[values]

    assert (tuple(sorted(model.classes)), tuple(sorted(model.zones))) == (tuple(sorted(CLASSES)), tuple(sorted(ZONES)))
    assert set(OPTIONS) == set(EXPECTED) - {"always"}
    assert {option["name"] for option in CONTENT["options"]} == {*OPTIONS, "carry_containers"}


@pytest.mark.parametrize("carried", [True, False])
def test_clients_and_job_vms_carry_their_containers_unless_said_otherwise(carried):
    classes = [{"name": name, "groups": [name]} for name in CLASSES]
    model = read(profile="circleci_server_4", options={"carry_containers": carried}, classes=classes)

    assert {name for name, one in model.classes.items() if one.carries} == (
        {"nomad_client", "external_vm"} if carried else set()
    )
    assert MODELS[False, False].classes["nomad_client"].carries.is_by("br-4f1c")


def test_options_are_off_unless_somebody_sets_them():
    assert flow_matrix(read(profile="circleci_server_4", classes=[{"name": name, "groups": ["g"]} for name in CLASSES]),
                       datetime.date.today()) == flow_matrix(MODELS[False, False], datetime.date.today())  # fmt: skip


@each_fleet
def test_kubernetes_nodes_are_not_isolated(values):
    assert not MODELS[values].classes["k8s_node"].isolated


@each_fleet
def test_what_is_redirected_on_a_host_is_judged_before_dnat_node_ports_and_published_ports_for_reruns(values):
    found = {name: node_class.pre_dnat for name, node_class in MODELS[values].classes.items() if node_class.pre_dnat}

    assert found == {
        "k8s_node": PreDnat(PortSet.parse("30000-32767/tcp+udp")),
        "nomad_client": PreDnat(PortSet.parse("64535-65535/tcp")),
        "external_vm": PreDnat(PortSet.parse("54782/tcp")),
    }


@pytest.mark.parametrize("name", ["nomad_client", "external_vm"])
@each_fleet
def test_hosts_of_this_class_have_no_flow_to_each_other_and_are_isolated(values, name):
    assert MODELS[values].classes[name].isolated
    assert not [flow for flow in MODELS[values].flows.values() if name in flow.senders and name in flow.receivers]


@each_fleet
def test_every_zone_is_nobody_but_the_outside(values):
    zones = MODELS[values].zones

    assert {name for name, zone in zones.items() if zone.networks or zone.zones or zone.hostnames} == {
        "external",
        "rerun_ssh",
    }
    assert [str(network) for network in zones["external"].networks.networks] == ["0.0.0.0/0", "::/0"]
    assert (zones["rerun_ssh"].zones, zones["rerun_ssh"].networks.networks) == (("external",), ())


@pytest.mark.parametrize("row", CONTENT["flows"], ids=lambda row: row["name"])
def test_every_flow_has_a_reason_and_a_source(row):
    assert row["why"]
    assert row["source"]


@pytest.mark.parametrize("row", CONTENT["options"] + CONTENT["classes"] + CONTENT["zones"] + CONTENT["services"],
                         ids=lambda row: row["name"])  # fmt: skip
def test_every_option_class_zone_and_service_has_a_reason(row):
    assert row["why"]


def test_every_service_is_used():
    assert {row["name"] for row in CONTENT["services"]} == {
        name for row in CONTENT["flows"] for name in row.get("services", [])
    }


PUBLIC = {
    "gatehouse_options": {"vm_service_public_ip": True},
    "gatehouse_zones": [{"name": "nat_gateways", "networks": ["198.51.100.0/29"]}],
    "hosts.web1.gatehouse_addresses": {"private": ["10.0.0.1"], "public": ["192.0.2.1"]},
    "hosts.web2.gatehouse_addresses": {"private": ["10.0.0.2"], "public": ["192.0.2.2"]},
    "hosts.db1.gatehouse_addresses": {"private": ["10.0.0.11"], "public": ["192.0.2.11"]},
    "hosts.vm1.gatehouse_addresses": {"private": ["10.0.0.21"], "public": ["192.0.2.21"]},
}


def addresses(policy, direction, peer):
    return {
        str(network.network_address)
        for rule in policy.rules(direction)
        if rule.peer == peer
        for network in rule.addresses.networks
    }


def test_public_job_vms_are_reached_at_public_addresses_from_the_gateways_and_each_nomad_clients_own():
    policies = build(good(PUBLIC, profiled=True)).policies

    assert addresses(policies["k8s_node"], "egress", "external_vm") == {"192.0.2.21"}
    assert addresses(policies["nomad_client"], "egress", "external_vm") == {"192.0.2.21"}
    assert addresses(policies["external_vm"], "ingress", "nomad_client") == {"192.0.2.11"}
    assert addresses(policies["external_vm"], "ingress", "nat_gateways") == {"198.51.100.0"}
    assert addresses(policies["external_vm"], "ingress", "k8s_node") == set()


def test_a_node_behind_the_gateways_needs_no_public_address():
    hidden = {**PUBLIC, "hosts.web2.gatehouse_addresses": {"private": ["10.0.0.2"]}}

    assert problems_of(good(hidden, profiled=True)) == ()


def test_public_job_vms_need_their_gateways():
    with pytest.raises(ModelError, match="networks or hostnames for the zone nat_gateways"):
        build(good({**PUBLIC, "gatehouse_zones": []}, profiled=True))
