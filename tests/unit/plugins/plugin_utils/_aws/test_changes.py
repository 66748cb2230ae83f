"""What a VPC has is written here as amazon.aws.ec2_security_group_info returns it."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.changes import (
    Change,
    changes,
    in_order,
    left_over,
    note_users,
    ours,
    read_state,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.security_groups import GroupRule, GroupRules
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError, Problems, Where

HTTPS = GroupRule("tcp", 443, 443, "group_name", "nodes", ("api",), ("the API",))
ANY = GroupRule("-1", None, None, "cidr_ipv6", "::/0", ("out",))
WANTED = GroupRules("api", "of the API", (HTTPS,), (ANY,), Where("gatehouse_security_groups[0]"))
NAMED = {"group_id": "sg-2", "user_id": "1", "description": "api: the API"}
OF_HTTPS = {
    "ip_protocol": "tcp",
    "from_port": 443,
    "to_port": 443,
    "ip_ranges": [],
    "ipv6_ranges": [],
    "prefix_list_ids": [],
    "user_id_group_pairs": [NAMED],
}
OF_ANY = {"ip_protocol": "-1", "ipv6_ranges": [{"cidr_ipv6": "::/0", "description": "out"}]}
NODES = {
    "group_name": "nodes",
    "group_id": "sg-2",
    "description": "theirs",
    "tags": {},
    "ip_permissions": [],
    "ip_permissions_egress": [],
}
API = {
    "group_name": "api",
    "group_id": "sg-1",
    "description": "older",
    "tags": {"gatehouse": "firewall", "Name": "x"},
    "ip_permissions": [OF_HTTPS],
    "ip_permissions_egress": [OF_ANY],
}


def found(*groups, adopt=()):
    problems = Problems()
    result = changes([WANTED], read_state(groups), "firewall", adopt, problems)
    problems.raise_if_any()
    return result


def test_a_group_that_is_as_it_should_be_doesnt_change():
    assert found(API, NODES) == ()


def test_a_group_that_isnt_there_is_a_change_from_nothing():
    (change,) = found(NODES)

    assert (change.group_id, change.before) == ("", ())
    assert change.after == ("egress all to ::/0 (out)", "ingress 443/tcp from nodes (api: the API)")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"ip_permissions": []},
        {"ip_permissions": [{**OF_HTTPS, "to_port": 444}]},
        {"ip_permissions": [{**OF_HTTPS, "ip_protocol": "udp"}]},
        {"ip_permissions": [{**OF_HTTPS, "ip_ranges": [{"cidr_ip": "0.0.0.0/0"}]}]},
        {"ip_permissions": [{**OF_HTTPS, "prefix_list_ids": [{"prefix_list_id": "pl-1"}]}]},
        {"ip_permissions": [{**OF_HTTPS, "user_id_group_pairs": [{"group_id": "sg-2", "description": "other"}]}]},
        {
            "ip_permissions": [
                {**OF_HTTPS, "user_id_group_pairs": [{"group_id": "sg-9", "description": "api: the API"}]}
            ]
        },
        {"ip_permissions_egress": [OF_ANY, {"ip_protocol": "47", "ip_ranges": [{"cidr_ip": "0.0.0.0/0"}]}]},
        {"ip_permissions": [], "ip_permissions_egress": [OF_ANY, OF_HTTPS]},
    ],
    ids=str,
)
def test_whatever_differs_in_the_rules_is_a_change_that_keeps_the_groups_description(spoilt):
    (change,) = found({**API, **spoilt}, NODES)

    assert (change.group_id, change.description) == ("sg-1", "older")
    assert change.before != change.after


@pytest.mark.parametrize(
    ("tags", "whose"),
    [({}, "without our tag gatehouse: firewall"), ({"gatehouse": "other"}, "tagged gatehouse: other")],
)
@pytest.mark.parametrize("name", ["api", "API"])
def test_a_group_of_that_name_that_isnt_ours_is_an_error_until_it_is_adopted(tags, whose, name):
    theirs = {**API, "tags": tags, "group_name": name}
    with pytest.raises(ModelError) as raised:
        found(theirs, NODES)

    (problem,) = raised.value.problems
    expected = f"a name that no other group of the VPC has: sg-1 has it, {whose}"
    assert (str(problem.where), problem.got) == ("gatehouse_security_groups[0].name", "'api'")
    assert problem.expected == expected
    assert problem.hint == "gatehouse_adopt_security_groups: [api] takes it over, with its rules"
    assert [change.group_id for change in found(theirs, NODES, adopt=["api"])] == ["sg-1"]


def test_ours_is_what_carries_our_tag_and_what_the_model_doesnt_have_of_it_is_left_over():
    live = read_state([NODES, API, {**API, "group_name": "old", "group_id": "sg-3"}])

    assert [group.name for group in ours(live, "firewall")] == ["api", "old"]
    assert ours(live, "") == ()
    assert left_over(live, [WANTED], "firewall") == ["old"]


def test_a_group_that_interfaces_are_in_is_named_with_them():
    problems = Problems()
    interfaces = [
        {"id": "eni-1", "groups": [{"group_id": "sg-1"}, {"group_id": "sg-2"}]},
        {"network_interface_id": "eni-2", "groups": [{"group_id": "sg-2"}]},
    ]
    note_users(read_state([API]), interfaces, problems)

    (problem,) = problems.found
    assert (str(problem.where), problem.got) == ("api", "'sg-1'")
    assert problem.expected == "a group that no network interface is in, but 1 are in it: eni-1"


def group(name, *peers):
    rules = tuple(GroupRule("tcp", 443, 443, "group_name", peer, ("api",)) for peer in peers)
    return GroupRules(name, "", rules[:1], rules[1:], Where(name))


def test_a_new_group_comes_with_its_rules_before_changed_ones_and_without_where_it_is_named_earlier():
    there = (Change(group("old", "b"), "sg-1", "", (), ()), Change(group("also", "old"), "sg-2", "", (), ()))
    new = (Change(group("a", "a", "b"), "", "", (), ()), Change(group("b", "a", "old"), "", "", (), ()))

    found = in_order((there[0], *new, there[1]))
    assert [(change.group.name, with_rules) for change, with_rules in found] == [
        ("b", False),
        ("a", True),
        ("b", True),
        ("old", True),
        ("also", True),
    ]
