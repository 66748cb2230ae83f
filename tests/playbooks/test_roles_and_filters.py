"""What other people's playbooks use: the roles of the node classes, and the filters."""

from __future__ import annotations

import pytest
import yaml


@pytest.fixture(scope="module")
def inventory(fleet, write, tmp_path_factory):
    return write(tmp_path_factory.mktemp("inventory") / "hosts.yml", fleet())


@pytest.fixture
def play_of(play, inventory, write, tmp_path):
    """Run one play."""
    return lambda content: play(write(tmp_path / "play.yml", [{"gather_facts": False, **content}]), inventory)


@pytest.mark.parametrize(
    ("host", "role", "message"),
    [
        ("web1", "nomad_client", "web1 is web, expected nomad_client"),
        ("db1", "external_vm", "db1 is db, expected external_vm"),
        ("nas", "k8s_node", "nas is in no node class, expected k8s_node"),
    ],
)
def test_a_front_door_stays_shut_for_a_host_of_another_class(play_of, host, role, message):
    outcome = play_of({"hosts": host, "roles": [f"gatehouse.firewall.{role}"]})

    assert outcome.code != 0
    assert f"{message}: gatehouse_classes says which inventory groups are of that class" in outcome.output
    assert "UNREACHABLE" not in outcome.output


def test_a_front_door_opens_for_a_host_whose_class_is_another(play_of, inventory):
    classes = yaml.safe_load(inventory.read_text())["all"]["vars"]["gatehouse_classes"]
    same = [*classes, {"name": "eks_node", "same_as": "web"}]
    outcome = play_of({"hosts": "web1", "vars": {"gatehouse_classes": same}, "roles": ["gatehouse.firewall.eks_node"]})

    assert "expected eks_node" not in outcome.output
    assert "UNREACHABLE" in outcome.output


def test_a_front_door_opens_for_a_host_that_has_the_class_beside_another(play_of, inventory):
    classes = yaml.safe_load(inventory.read_text())["all"]["vars"]["gatehouse_classes"]
    (web,) = [one for one in classes if one["name"] == "web"]
    both = [*classes, {"name": "nomad_client", "groups": web["groups"]}]
    role = ["gatehouse.firewall.nomad_client"]
    outcome = play_of({"hosts": "web1", "vars": {"gatehouse_classes": both}, "roles": role})

    assert "expected nomad_client" not in outcome.output
    assert "UNREACHABLE" in outcome.output


RULESET = "the plan's"
TESTS = {
    "model | gatehouse.firewall.port_set('web', 'ingress', 'office')": ["443/tcp"],
    "model | gatehouse.firewall.port_set(node_class='db', direction='egress', peer='web')": [],
    "model | gatehouse.firewall.flow_matrix": [
        {"from": "office", "to": "web", "end": "both", "ports": ["443/tcp"], "flows": ["site"], "at": []}
    ],
    "(model | gatehouse.firewall.host_policy('web1', groups, hostvars)).ingress[0].addresses": ["203.0.113.0/24"],
    "model | gatehouse.firewall.host_policy('web1', groups, hostvars) | gatehouse.firewall.to_nftables": RULESET,
}


@pytest.fixture(scope="module")
def answers(play, planned, inventory, write, tmp_path_factory):
    """Ask every filter in one play; the rulesets of a plan are what to_nftables must return."""
    folder = tmp_path_factory.mktemp("filters")
    model = yaml.safe_load(inventory.read_text())["all"]["vars"]
    expected = planned(inventory, folder / "plan")["web1"]
    asserts = [
        {
            "name": question,
            "ansible.builtin.assert": {"that": f"({question}) == expected"},
            "vars": {"expected": expected if answer == RULESET else answer},
        }
        for question, answer in TESTS.items()
    ]
    plays = [{"hosts": "nas", "gather_facts": False, "vars": {"model": model}, "tasks": asserts}]
    return play(write(folder / "play.yml", plays), inventory)


def test_the_filters_answer_in_anybodys_playbook(answers):
    assert answers.code == 0, answers.output


def test_a_filters_mistake_is_said_in_the_models_words(play_of):
    task = {
        "ansible.builtin.debug": {"msg": "{{ {'flows': [{}]} | gatehouse.firewall.port_set('a', 'ingress', 'b') }}"}
    }
    outcome = play_of({"hosts": "nas", "tasks": [task]})

    assert outcome.code != 0
    assert "gatehouse_flows[0].from: got nothing, expected a list of at least one node class or zone" in outcome.output
