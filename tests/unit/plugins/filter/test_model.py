from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gatehouse.firewall.plugins.filter.model import FilterModule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.manifests import manifests
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

FILTERS = FilterModule().filters()
FLEET = good(drop=["gatehouse_zones[1]"])
GROUPS, HOSTVARS = FLEET.pop("groups"), FLEET.pop("hosts")
MODEL = FLEET


def ask(name, *arguments, **keywords):
    return FILTERS[name](*arguments, **keywords)


def test_the_filters_have_the_names_that_users_rely_on():
    assert set(FILTERS) == {
        *("explain", "flow_matrix", "flow_table", "host_policy", "model_difference", "port_set"),
        *("to_iptables", "to_network_policy", "to_nftables", "to_security_group"),
    }


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        {key.removeprefix("gatehouse_"): value for key, value in MODEL.items()},
        {**MODEL, "unrelated": 5, "flows": "of somebody else"},
    ],
    ids=["as variables", "without the prefix", "among other variables"],
)
def test_a_model_is_taken_as_variables_and_without_their_prefix(model):
    assert ask("port_set", model, "web", "ingress", "office") == ["80/tcp", "443/tcp"]


def test_arguments_may_be_named():
    assert ask("port_set", MODEL, node_class="db", direction="ingress", peer="web") == ["5432/tcp"]
    assert ask("host_policy", MODEL, host="db1", groups=GROUPS, hostvars=HOSTVARS)["classes"] == ["db"]


def test_the_matrix_is_a_list_of_rows():
    assert ask("flow_matrix", MODEL) == [
        {"from": "office", "to": "web", "end": "both", "ports": ["80/tcp", "443/tcp"], "flows": ["front"], "at": []},
        {"from": "web", "to": "db", "end": "both", "ports": ["5432/tcp"], "flows": ["sql"], "at": []},
    ]


def test_the_matrix_is_written_for_people():
    assert ask("flow_table", MODEL).splitlines()[2] == "| office | web | both | 80/tcp 443/tcp | front | customers |"
    assert ask("flow_table", MODEL, "csv").splitlines()[1] == "office,web,both,80/tcp 443/tcp,front,customers"
    with pytest.raises(AnsibleFilterError, match="flow_table: form: got html, expected one of csv, markdown, mermaid"):
        ask("flow_table", MODEL, form="html")


def test_the_difference_of_two_models_is_what_the_second_opens():
    more = {"name": "more", "from": ["office"], "to": ["db"], "ports": ["5432/tcp"]}
    other = {**MODEL, "gatehouse_flows": [*MODEL["gatehouse_flows"], more]}
    (row,) = ask("model_difference", MODEL, other, GROUPS, HOSTVARS)

    assert (row["class"], row["direction"], row["ports"], row["flows"]) == ("db", "ingress", ["5432/tcp"], ["more"])
    assert row["opened"]
    assert row["closed"] == []
    with pytest.raises(AnsibleFilterError, match="model_difference: other: got str, expected a mapping"):
        ask("model_difference", MODEL, "other", GROUPS, HOSTVARS)


@pytest.mark.parametrize("host", ["web1", "web2", "db1"])
def test_a_hosts_policy_renders_to_its_ruleset_also_after_a_way_through_json(host):
    policy, expected = ask("host_policy", MODEL, host, GROUPS, HOSTVARS), build(good()).policy_of(host)

    assert ask("to_nftables", json.loads(json.dumps(policy))) == nftables.render(expected)
    assert ask("to_iptables", json.loads(json.dumps(policy))) == iptables.render(expected)


def test_a_models_policies_have_the_addresses_of_the_inventorys_hosts():
    api = {"name": "api", "pods": {"labels": {"app": "api"}, "namespace": "shop"}}
    one = {"name": "ask", "from": ["db"], "to": ["api"], "ports": ["443/tcp"]}
    model = {"classes": [*MODEL["gatehouse_classes"], api], "flows": [one]}
    (policy,) = ask("to_network_policy", model, GROUPS, HOSTVARS)

    assert policy["spec"]["ingress"] == [
        {"from": [{"ipBlock": {"cidr": "192.0.2.11/32"}}], "ports": [{"protocol": "TCP", "port": 443}]}
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("port_set", ({"gatehouse_flows": {}}, "web", "ingress", "db"), "port_set: 1 problem in the model; "),
        ("port_set", (MODEL, "wbe", "ingress", "db"), "expected a class: one of db, web; did you mean web?"),
        ("port_set", ([], "web", "ingress", "db"), "model: got list, expected a mapping of gatehouse_* variables"),
        (
            "port_set",
            (None, "web", "ingress", "db"),
            "model: got NoneType, expected a mapping of gatehouse_* variables",
        ),
        ("flow_matrix", ({"gatehouse_profile": "x"},), "flow_matrix: 1 problem in the model; nothing was changed:\n  "),
        (
            "host_policy",
            (MODEL, "web9", GROUPS, HOSTVARS),
            "host_policy: web9 is in no node class that has managed hosts",
        ),
        ("host_policy", (MODEL, "web1", {"webs": ["web1"]}, HOSTVARS), "expected an inventory group: one of webs"),
        ("host_policy", (MODEL, "web1", [], HOSTVARS), "host_policy: groups: got list, expected a mapping"),
        ("host_policy", (MODEL, ["web1"], GROUPS, HOSTVARS), "host_policy: host: got list, expected a text"),
        ("port_set", (MODEL, ["web"], "ingress", "db"), "port_set: node_class: got list, expected a text"),
        ("port_set", (MODEL, "web"), "port_set: missing a required argument: 'direction'"),
        ("flow_matrix", ({"flow": []},), "flow: got [], expected no such key, but one of assertions, "),
        ("flow_matrix", ({"flow": []},), "did you mean flows?"),
        ("to_nftables", ({"classes": ["web\n"]},), "to_nftables: 1 problem in the model; "),
        ("to_iptables", ({"classes": ["web\n"]},), "to_iptables: 1 problem in the model; "),
        ("to_nftables", ("table inet x",), "policy: got 'table inet x', expected a mapping with the keys antispoof, "),
    ],
)
def test_a_mistake_is_an_error_of_the_filter_with_every_problem(name, arguments, message):
    with pytest.raises(AnsibleFilterError) as raised:
        ask(name, *arguments)

    assert message in str(raised.value)


def test_security_groups_are_what_the_plan_writes_of_them():
    groups = [{"name": "web", "classes": ["web"]}, {"name": "db", "classes": ["db"]}]
    model = {**MODEL, "gatehouse_security_groups": groups}
    fleet = build({**model, "groups": GROUPS, "hosts": HOSTVARS})

    found = ask("to_security_group", model, groups=GROUPS, hostvars=HOSTVARS)
    assert found == manifests(fleet, Problems())["security_groups"]
    assert [group["name"] for group in found] == ["web", "db"]
    assert ask("to_security_group", MODEL, GROUPS, HOSTVARS) == []


def test_what_no_security_group_can_do_is_said_by_the_filter():
    model = {**MODEL, "gatehouse_security_groups": [{"name": "web", "classes": ["web"]}]}
    flow = {"name": "call", "from": ["web"], "to": ["db"], "ports": ["5060/sctp"]}

    with pytest.raises(AnsibleFilterError, match=r"(?s)to_security_group: 1 problem .*gatehouse_flows\[2\].ports: got"):
        ask("to_security_group", {**model, "gatehouse_flows": [*MODEL["gatehouse_flows"], flow]}, GROUPS, HOSTVARS)
