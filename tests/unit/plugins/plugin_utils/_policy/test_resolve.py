"""Names become addresses; what has none stands in test_bad_models.py."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.deny import Deny
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory, resolve
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, network_text
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import (
    build,
    good,
    problems_of,
    read,
)

ANSWERS = {
    "git.example.org": ["198.51.100.7", "2001:db8::7"],
    "web9.example.org": ["192.0.2.9"],
    "mapped.example.org": ["::ffff:192.0.2.1"],
    "loop.example.org": ["127.0.0.1"],
    "pool4.example.org": [f"198.51.100.{number}" for number in (1, 2, 3, 4)],
    "pool6.example.org": [f"2001:db8::{number}" for number in (1, 2, 3, 4)],
}
WEB = [{"name": "web", "groups": ["webs"]}]


def resolved(model, hosts=None, groups=None):
    """Resolve a model for hosts (by default all of them in the group webs)."""
    hosts = hosts or {}
    problems = Problems()
    inventory = Inventory({"webs": tuple(hosts)} if groups is None else groups, hosts)
    found = resolve(model, inventory, lambda name: ANSWERS.get(name, ()), problems)
    return found, [str(problem) for problem in problems.found]


def peers(model, name, side="", **inventory):
    found, problems = resolved(model, **inventory)
    assert problems == []
    return [network_text(network) for network in found.peers(name, side).networks]


def names(model, zone):
    found, problems = resolved(model)
    assert problems == []
    return {name: [*map(network_text, addresses.networks)] for name, addresses in found.names[zone].items()}


@pytest.mark.parametrize(
    ("variables", "both", "private", "public"),
    [
        ({"ansible_host": "192.0.2.1"}, ["192.0.2.1"], ["192.0.2.1"], ["192.0.2.1"]),
        ({"ansible_host": "2001:DB8::1"}, ["2001:db8::1"], ["2001:db8::1"], ["2001:db8::1"]),
        ({"ansible_host": "git.example.org"}, *[["198.51.100.7", "2001:db8::7"]] * 3),
        (
            {"gatehouse_addresses": {"private": ["192.0.2.1", "2001:db8::1"], "public": ["198.51.100.1"]}},
            ["192.0.2.1", "198.51.100.1", "2001:db8::1"],
            ["192.0.2.1", "2001:db8::1"],
            ["198.51.100.1"],
        ),
        (
            {"ansible_host": "10.9.9.9", "gatehouse_addresses": {"public": "198.51.100.1"}},
            ["198.51.100.1"],
            [],
            ["198.51.100.1"],
        ),
    ],
)
def test_a_host_has_the_addresses_that_its_variables_declare(variables, both, private, public):
    model, hosts = read(classes=WEB), {"web1": variables}

    assert peers(model, "web", hosts=hosts) == both
    assert peers(model, "web", "private", hosts=hosts) == private
    assert peers(model, "web", "public", hosts=hosts) == public


def test_a_host_without_an_address_of_its_own_is_looked_up_by_its_name():
    assert peers(read(classes=WEB), "web", hosts={"web9.example.org": {}}) == ["192.0.2.9"]


@pytest.mark.parametrize("name", ["mapped.example.org", "loop.example.org"])
def test_an_answer_by_which_nobody_reaches_the_host_is_a_problem(name):
    _found, problems = resolved(read(classes=WEB), {name: {}})

    assert problems[0].startswith(f"ansible_host (host {name}): got '")


def test_a_class_has_its_hosts_and_its_networks():
    model = read(classes=[{"name": "web", "groups": ["webs", "more"], "networks": ["198.51.100.0/24"]}])
    hosts = {f"web{number}": {"ansible_host": f"192.0.2.{number}"} for number in (1, 2, 3)}
    groups = {"webs": ("web2", "web1"), "more": ("web3", "web1")}

    found, problems = resolved(model, hosts, groups)

    assert problems == []
    assert [host.name for host in found.hosts["web"]] == ["web1", "web2", "web3"]
    assert peers(model, "web", hosts=hosts, groups=groups) == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.0/24"]


def test_the_order_of_hosts_and_groups_changes_nothing():
    model = read(classes=[{"name": "web", "groups": ["webs"]}, {"name": "db", "groups": ["dbs"]}])
    hosts = {"b": {"ansible_host": "192.0.2.2"}, "a": {"ansible_host": "192.0.2.1"}, "c": {"ansible_host": "192.0.2.3"}}

    outcomes = [
        resolved(model, {name: hosts[name] for name in order}, groups)[0]
        for order in itertools.permutations(hosts)
        for groups in ({"webs": order[:2], "dbs": order[2:]},)
        if order[2] == "c"
    ]

    assert len(outcomes) == 2
    assert outcomes[0] == outcomes[1]


def test_a_zone_has_its_networks_and_the_addresses_of_its_host_names():
    zones = [{"name": "vcs", "networks": ["192.0.2.0/24"], "hostnames": ["git.example.org", "web9.example.org"]}]

    assert peers(read(zones=zones), "vcs") == ["192.0.2.0/24"]
    assert names(read(zones=zones), "vcs") == {
        "git.example.org": ["198.51.100.7", "2001:db8::7"],
        "web9.example.org": ["192.0.2.9"],
    }


def test_a_host_name_that_the_inventory_has_is_not_looked_up():
    zones = [{"name": "vcs", "hostnames": ["git.example.org"]}]
    hosts = {"git.example.org": {"gatehouse_addresses": {"private": ["10.0.0.7"], "public": ["2001:db8:7::7"]}}}

    assert peers(read(zones=zones), "vcs", hosts=hosts, groups={}) == ["10.0.0.7", "2001:db8:7::7"]


def test_a_host_name_that_answers_with_a_loopback_address_is_a_problem():
    _found, problems = resolved(read(zones=[{"name": "vcs", "hostnames": ["loop.example.org"]}]))

    assert problems == [
        (
            "gatehouse_zones[0].hostnames[0]: got 'loop.example.org', expected a host name with an address that a peer "
            "can have, but it resolves to 127.0.0.1; gatehouse_refresh.refused has its network"
        )
    ]


@pytest.mark.parametrize("family", [4, 6])
def test_a_host_name_with_more_addresses_than_count_is_a_problem_that_names_the_key(family):
    zones = [{"name": "vcs", "hostnames": [f"pool{family}.example.org"]}]

    assert resolved(read(zones=zones, refresh={"max_addresses": 4}))[1] == []
    (problem,) = resolved(read(zones=zones, refresh={"max_addresses": 3}))[1]
    assert problem == (
        f"gatehouse_zones[0].hostnames[0]: got 'pool{family}.example.org', expected a host name with at most 3 "
        f"IPv{family} addresses, but it resolves to 4; gatehouse_refresh.max_addresses"
    )


def test_a_zone_holds_what_the_zones_inside_it_hold_however_deep():
    zones = [
        {"name": "all_offices", "zones": ["north", "south"]},
        {"name": "north", "networks": ["192.0.2.0/24"], "zones": ["cellar"]},
        {"name": "south", "networks": ["198.51.100.0/24"], "zones": ["cellar"]},
        {"name": "cellar", "hostnames": ["git.example.org"]},
        {"name": "nobody", "zones": ["empty"]},
        {"name": "empty"},
    ]

    assert peers(read(zones=zones), "all_offices") == ["192.0.2.0/24", "198.51.100.0/24"]
    assert names(read(zones=zones), "all_offices") == {"git.example.org": ["198.51.100.7", "2001:db8::7"]}
    assert (peers(read(zones=zones), "nobody"), names(read(zones=zones), "nobody")) == ([], {})


def test_interfaces_stand_by_side():
    variables = {"ansible_host": "192.0.2.1", "gatehouse_interfaces": {"private": "eth0", "public": ["eth1", "wg0"]}}
    found, _problems = resolved(read(classes=WEB), {"web1": variables})

    assert found.hosts["web"][0].interfaces == {"private": ("eth0",), "public": ("eth1", "wg0")}


def test_every_problem_is_found_at_once():
    model = read(
        classes=[
            {"name": "web", "groups": ["webs", "ghosts"]},
            {"name": "db", "groups": ["webs"], "except": ["gosts"]},
        ],
        zones=[{"name": "vcs", "hostnames": ["nowhere.example.org"]}],
    )

    _found, problems = resolved(model, {"web1": {"gatehouse_addresses": {"private": ["x"], "public": ["192.0.2.1"]}}})

    assert {problem.partition(":")[0] for problem in problems} == {
        "gatehouse_classes[0].groups[1]",
        "gatehouse_classes[1].except[0]",
        "gatehouse_addresses.private[0] (host web1)",
        "gatehouse_zones[0].hostnames[0]",
    }


def test_a_sender_whose_own_address_nobody_needs_may_lack_it():
    # Behind a NAT gateway, nodes have no public address of their own and reach public ones all the same.
    model = read(
        classes=[*WEB, {"name": "vm", "groups": ["vms"]}],
        flows=[{"name": "out", "from": "web", "to": "vm", "ports": "22/tcp", "side": "public", "end": "egress"}],
    )
    hosts = {
        "web1": {"gatehouse_addresses": {"private": ["10.0.0.1"]}},
        "vm1": {"gatehouse_addresses": {"private": ["10.0.0.2"], "public": ["198.51.100.2"]}},
    }

    assert resolved(model, hosts, {"webs": ["web1"], "vms": ["vm1"]})[1] == []


@pytest.mark.parametrize(
    ("mode", "observes"),
    [
        (None, ()),
        ("enforce", ()),
        ("observe", ("ingress", "egress")),
        ({"ingress": "enforce", "egress": "observe"}, ("egress",)),
        ({"egress": "observe"}, ("egress",)),
        ({"egress": "enforce", "ingress": "observe"}, ("ingress",)),
        ({"egress": "observe", "ingress": "observe"}, ("ingress", "egress")),
    ],
)
def test_a_host_observes_where_and_in_which_direction_it_is_told_to_and_its_class_does_not(mode, observes):
    fleet = build(good(put={"hosts.web1.gatehouse_mode": mode}))

    assert (fleet.policy_of("web1").observe, fleet.policy_of("web2").observe) == (observes, ())


@pytest.mark.parametrize(
    ("mode", "observes"),
    [
        (None, ("forward",)),
        ("enforce", ("forward",)),
        ("observe", ("ingress", "egress", "forward")),
        ({"ingress": "enforce", "egress": "enforce"}, ("forward",)),
        ({"egress": "observe"}, ("egress", "forward")),
        ({"forward": "observe"}, ("forward",)),
        ({"forward": "enforce"}, ()),
        ({"egress": "observe", "forward": "enforce"}, ("egress",)),
    ],
)
def test_what_a_host_carries_is_only_observed_unless_the_mode_names_it(mode, observes):
    carries = {"gatehouse_classes[0].carries": {"interfaces": ["docker0"]}}
    fleet = build(good(put={**carries, "hosts.web1.gatehouse_mode": mode}))

    assert fleet.policy_of("web1").observe == observes
    assert fleet.policy_of("web1").only_observes == (observes == ("ingress", "egress", "forward"))


def test_before_dnat_and_for_their_sources_packets_are_judged_as_what_comes_in():
    policy = build(good(put={"hosts.web1.gatehouse_mode": {"ingress": "observe"}})).policy_of("web1")

    kinds = ("ingress", "pre_dnat", "spoofed", "egress")
    assert [policy.observes(kind) for kind in kinds] == [True, True, True, False]


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        (
            {"egres": "observe"},
            ".egres (host web1): got 'observe', expected no such key, but one of egress, forward, ingress",
        ),
        ({"egress": "watch"}, ".egress (host web1): got 'watch', expected one of enforce, observe"),
        (["observe"], " (host web1): got ['observe'], expected enforce, observe, or a mapping such as {ingress: "),
        (True, " (host web1): got True, expected enforce, observe, or a mapping such as {ingress: enforce, egress: "),
    ],
)
def test_what_is_no_mode_of_a_direction_is_a_problem(mode, problem):
    (found,) = problems_of(good(put={"hosts.web1.gatehouse_mode": mode}))

    assert str(found).startswith(f"gatehouse_mode{problem}")


def test_a_mode_that_is_none_is_a_problem_with_a_near_miss():
    (problem,) = problems_of(good(put={"hosts.web1.gatehouse_mode": "obsrve"}))

    assert str(problem) == (
        "gatehouse_mode (host web1): got 'obsrve', expected one of enforce, observe; did you mean observe?"
    )


def test_a_host_denies_and_heals_itself_as_it_is_told_and_its_class_does_not():
    put = {"hosts.web1.gatehouse_deny": {"ingress": "reject"}, "hosts.web1.gatehouse_self_heal": "yes"}
    fleet = build(good(put=put))
    found = {host: (fleet.policy_of(host).deny, fleet.policy_of(host).self_heal) for host in ("web1", "web2")}

    assert found == {"web1": (Deny("reject", "reject"), True), "web2": (Deny(), False)}


def test_what_is_no_way_to_deny_and_no_yes_is_a_problem_of_the_host():
    put = {"hosts.web1.gatehouse_deny": {"egress": "drp"}, "hosts.web1.gatehouse_self_heal": "perhaps"}

    assert [str(one) for one in problems_of(good(put=put))] == [
        "gatehouse_deny.egress (host web1): got 'drp', expected one of drop, reject; did you mean drop?",
        "gatehouse_self_heal (host web1): got 'perhaps', expected true or false",
    ]


@pytest.mark.parametrize(
    ("groups", "lines"),
    [
        ({"webs": ("web1",)}, []),
        ({"webs": ()}, ["gatehouse_classes[0].groups[0]: webs: it has no host"]),
        ({}, ["gatehouse_classes[0].groups[0]: webs: the inventory has no such group"]),
        (
            {"web": ("web1",)},
            ["gatehouse_classes[0].groups[0]: webs: the inventory has no such group; did you mean web?"],
        ),
    ],
)
def test_a_class_that_may_be_empty_is_nobody_today_and_a_near_miss_is_named(groups, lines):
    model = read(classes=[{**WEB[0], "may_be_empty": True}])

    found, problems = resolved(model, {"web1": {"ansible_host": "192.0.2.1"}}, groups)
    assert problems == []
    assert list(found.empty) == lines
    assert [host.name for host in found.hosts["web"]] == ([] if lines else ["web1"])


def test_networks_that_are_empty_on_purpose_are_nobody():
    found, problems = resolved(
        read(classes=[*WEB, {"name": "db", "networks": []}]), {"web1": {"ansible_host": "192.0.2.1"}}
    )

    assert (problems, found.hosts["db"], found.peers("db", "")) == ([], (), AddressSet())
