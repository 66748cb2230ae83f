"""One flow becomes the sender's egress and the receiver's ingress, and nothing else."""

from __future__ import annotations

import datetime
from ipaddress import ip_network

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, network_text
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good, problems_of


def rules(policy, direction):
    """Return a policy's rules as short texts."""
    return [
        f"{rule.flow} {rule.peer} {rule.ports} {' '.join(map(network_text, rule.addresses.networks))}".strip()
        for rule in policy.rules(direction)
    ]


def policies(put, today=None):
    document = good(put)
    return build(document, today).policies if today else build(document).policies


def flows(*rows):
    return {"gatehouse_flows": [{"name": f"flow{number}", "ports": "22/tcp", **row} for number, row in enumerate(rows)]}


def test_a_flow_between_classes_opens_both_ends_and_no_third():
    found = policies({**flows({"from": "web", "to": "db"}), "gatehouse_classes[2]": {"name": "other", "groups": ["o"]},
                      "groups.o": ["o1"], "hosts.o1": {"ansible_host": "192.0.2.99"}})  # fmt: skip

    assert rules(found["web"], "egress") == ["flow0 db 22/tcp 192.0.2.11"]
    assert rules(found["db"], "ingress") == ["flow0 web 22/tcp 192.0.2.1 192.0.2.2"]
    assert found["web"].ingress == found["db"].egress == found["other"].ingress == found["other"].egress == ()


def test_a_flow_with_a_zone_opens_the_classs_end():
    found = policies(flows({"from": "office", "to": "web"}, {"from": "db", "to": "vcs"}))

    assert rules(found["web"], "ingress") == ["flow0 office 22/tcp 203.0.113.0/24 2001:db8:1::/48"]
    assert rules(found["db"], "egress") == ["flow1 vcs 22/tcp 198.51.100.7 2001:db8::7"]
    assert found["web"].egress == found["db"].ingress == ()


def test_a_flow_of_many_opens_every_pair():
    found = policies(flows({"from": ["web", "office"], "to": ["web", "db"]}))

    assert rules(found["web"], "ingress") == [
        "flow0 web 22/tcp 192.0.2.1 192.0.2.2",
        "flow0 office 22/tcp 203.0.113.0/24 2001:db8:1::/48",
    ]
    assert rules(found["web"], "egress") == ["flow0 web 22/tcp 192.0.2.1 192.0.2.2", "flow0 db 22/tcp 192.0.2.11"]
    assert rules(found["db"], "ingress")[0] == "flow0 web 22/tcp 192.0.2.1 192.0.2.2"
    assert found["db"].egress == ()


def test_only_a_flow_that_names_a_class_on_both_ends_opens_it_to_itself():
    within = policies(flows({"from": "web", "to": "web"}))["web"]

    assert rules(within, "ingress") == rules(within, "egress") == ["flow0 web 22/tcp 192.0.2.1 192.0.2.2"]


@pytest.mark.parametrize(
    ("end", "at_the_sender", "at_the_receiver"),
    [("both", 1, 1), ("egress", 1, 0), ("ingress", 0, 1), (None, 1, 1)],
)
def test_a_flow_for_one_end_opens_that_end(end, at_the_sender, at_the_receiver):
    found = policies(flows({"from": "web", "to": "db", "end": end}))

    assert (len(found["web"].egress), len(found["db"].ingress)) == (at_the_sender, at_the_receiver)
    assert found["web"].ingress == found["db"].egress == ()


@pytest.mark.parametrize(
    ("side", "web", "db"),
    [
        (None, "10.0.0.1 192.0.2.1 192.0.2.2", "10.0.0.11 192.0.2.11"),
        ("private", "10.0.0.1 192.0.2.2", "10.0.0.11"),
        ("public", "192.0.2.1 192.0.2.2", "192.0.2.11"),
    ],
)
def test_a_flow_on_one_side_means_the_peers_addresses_on_it(side, web, db):
    found = policies(
        {
            **flows({"from": "web", "to": "db", "side": side}),
            "hosts.web1.gatehouse_addresses": {"private": ["10.0.0.1"], "public": ["192.0.2.1"]},
            "hosts.db1.gatehouse_addresses": {"private": ["10.0.0.11"], "public": ["192.0.2.11"]},
        }
    )

    assert rules(found["db"], "ingress") == [f"flow0 web 22/tcp {web}"]
    assert rules(found["web"], "egress") == [f"flow0 db 22/tcp {db}"]
    assert found["web"].egress[0].side == (side or "")


def test_a_flow_after_its_last_day_is_closed_and_named():
    document = good({"gatehouse_flows[1].expires": "2026-11-21"})
    last_day, day_after = (build(document, datetime.date(2026, 11, day)) for day in (21, 22))

    assert rules(last_day.policies["db"], "ingress")
    assert last_day.expired == ()
    assert day_after.policies["db"].ingress == day_after.policies["web"].egress == ()
    assert day_after.expired == ("sql",)


def test_an_empty_zone_is_nobody():
    found = policies({"gatehouse_zones[0].networks": []})

    assert rules(found["web"], "ingress") == ["front office 80/tcp 443/tcp"]
    assert not found["web"].ingress[0].addresses


def test_flows_for_everything_come_first_and_the_others_keep_their_order():
    found = policies(
        flows(
            {"from": "office", "to": "web"},
            {"from": "vcs", "to": "web", "ports": "all"},
            {"from": "db", "to": "web", "ports": "1/udp"},
        )
    )

    assert [rule.flow for rule in found["web"].ingress] == ["flow1", "flow0", "flow2"]


def test_a_rule_carries_what_its_flow_says_of_itself():
    found = policies(flows({"from": "office", "to": "web", "log": True, "why": "a reason", "source": "a document"}))
    (rule,) = found["web"].ingress

    assert (rule.log, rule.why, rule.source) == (True, "a reason", "a document")


def test_a_class_of_networks_is_a_peer_and_gets_no_policy():
    found = policies({"gatehouse_classes[1]": {"name": "db", "networks": ["192.0.2.128/25"]}})

    assert set(found) == {"web"}
    assert rules(found["web"], "egress") == ["sql db 5432/tcp 192.0.2.128/25"]


def test_a_class_that_no_flow_names_denies_everything():
    found = policies({"gatehouse_flows": []})

    assert {name: (policy.ingress, policy.egress) for name, policy in found.items()} == {
        "web": ((), ()),
        "db": ((), ()),
    }


def test_hosts_of_a_class_share_its_policy_and_the_fleet_knows_each_ones_class():
    fleet = build(good())

    assert dict(fleet.sets) == {"web1": "web", "web2": "web", "db1": "db"}
    assert fleet.policy_of("web1") is fleet.policy_of("web2") is fleet.policies["web"]


BOTH = {"groups.dbs": ["db1", "web2"]}


def test_a_host_of_two_classes_has_the_flows_of_both_and_each_of_these_once():
    put = {"gatehouse_flows[2]": {"name": "scrape", "from": ["office"], "to": ["web", "db"], "ports": "9100/tcp"}}
    fleet = build(good({**BOTH, **put}))

    both = fleet.policy_of("web2")
    assert dict(fleet.sets) == {"web1": "web", "web2": "db+web", "db1": "db"}
    assert both.classes == fleet.classes_of("web2") == ("db", "web")
    for direction in ("ingress", "egress"):
        alone = [*rules(fleet.policies["web"], direction), *rules(fleet.policies["db"], direction)]
        assert sorted(rules(both, direction)) == sorted(set(alone))


def test_a_class_as_a_peer_is_all_its_hosts_whatever_else_they_are():
    found = policies(BOTH)

    assert rules(found["web"], "egress") == ["sql db 5432/tcp 192.0.2.2 192.0.2.11"]
    assert rules(found["db"], "ingress") == ["sql web 5432/tcp 192.0.2.1 192.0.2.2"]


def test_the_order_of_classes_and_groups_makes_no_difference():
    there = good({**BOTH, "gatehouse_classes[0].isolated": True, "gatehouse_classes[1].pre_dnat": NODE_PORTS})
    back = {**there, "gatehouse_classes": there["gatehouse_classes"][::-1]}
    back["groups"] = dict(reversed([(name, hosts[::-1]) for name, hosts in there["groups"].items()]))

    assert dict(build(there).policies) == dict(build(back).policies)


def test_hosts_that_share_an_isolated_class_are_isolated_whatever_else_they_are():
    isolated = {"gatehouse_classes[0].isolated": True, "gatehouse_classes[1].isolated": True}
    fleet = build(good({**BOTH, **isolated, "gatehouse_flows": []}))

    found = {host: [*map(network_text, fleet.policy_of(host).isolated_from.networks)] for host in fleet.hosts}
    assert found == {
        "web1": ["192.0.2.1", "192.0.2.2"],
        "web2": ["192.0.2.1", "192.0.2.2", "192.0.2.11"],
        "db1": ["192.0.2.2", "192.0.2.11"],
    }
    assert list(fleet.policy_of("web2").isolated) == ["db", "web"]


def test_stages_before_dnat_that_differ_in_their_ports_alone_are_one():
    def stages(web, db):
        put = {"gatehouse_classes[0].pre_dnat": web, "gatehouse_classes[1].pre_dnat": db}
        return policies({**BOTH, **put})["db+web"].pre_dnat

    address = AddressSet.of([ip_network("203.0.113.200")])
    services = {"ports": "443/tcp", "addresses": ["203.0.113.200"]}
    assert stages(NODE_PORTS, {"ports": "443/tcp"}) == (PreDnat(PortSet.parse("443/tcp") | NODE_PORT_SET),)
    assert stages(NODE_PORTS, services) == (
        PreDnat(PortSet.parse("443/tcp"), address),
        PreDnat(NODE_PORT_SET),
    )
    assert stages(NODE_PORTS, {"ports": []}) == (PreDnat(NODE_PORT_SET),)


def test_a_class_leaves_out_the_hosts_of_the_groups_that_it_excepts():
    fleet = build(
        good(
            {
                "gatehouse_classes[0].groups": ["webs", "dbs"],
                "gatehouse_classes[0].except": ["old"],
                "groups.old": ["web2", "db1"],
            }
        )
    )

    assert dict(fleet.sets) == {"web1": "web", "db1": "db"}


def test_interfaces_are_a_hosts_own_where_a_flow_asks_for_a_side_and_nowhere_else():
    interfaces = {"hosts.web1.gatehouse_interfaces": {"public": "eth1"}}
    sided = build(good({**interfaces, "gatehouse_flows[1].side": "public"}))
    plain = build(good(interfaces))

    assert sided.policy_of("web1").interfaces == {"public": ("eth1",)}
    assert sided.policy_of("web2").interfaces == sided.policy_of("db1").interfaces == {}
    assert plain.policy_of("web1") is plain.policies["web"]


NODE_PORTS = {"ports": ["30000-32767/tcp"]}
NODE_PORT_SET = PortSet.parse("30000-32767/tcp")


@pytest.mark.parametrize(
    ("written", "pre_dnat"),
    [
        (None, ()),
        ({"ports": []}, ()),
        (NODE_PORTS, (PreDnat(PortSet.parse("30000-32767/tcp")),)),
    ],
)
def test_a_policy_says_what_its_class_judges_before_dnat_and_other_classes_nothing(written, pre_dnat):
    found = policies({"gatehouse_classes[0].pre_dnat": written})

    assert found["web"].pre_dnat == pre_dnat
    assert found["db"].pre_dnat == ()


def test_interfaces_are_a_hosts_own_where_only_what_is_judged_before_dnat_has_a_side():
    interfaces = {f"hosts.{host}.gatehouse_interfaces": {"public": f"eth{host[-1]}"} for host in ("web1", "web2")}
    sided = build(good({**interfaces, "gatehouse_classes[0].pre_dnat": {**NODE_PORTS, "side": "public"}}))
    plain = build(good({**interfaces, "gatehouse_classes[0].pre_dnat": NODE_PORTS}))

    assert sided.policies["web"].has_sides
    assert not sided.policies["db"].has_sides
    assert [sided.policy_of(host).interfaces for host in ("web1", "web2", "db1")] == [
        {"public": ("eth1",)},
        {"public": ("eth2",)},
        {},
    ]
    assert plain.policy_of("web1") is plain.policies["web"]


@pytest.mark.parametrize(
    ("web1", "web2", "lacking"),
    [
        ({}, {}, ["web1", "web2"]),
        ({"public": "eth1"}, {"private": "eth0"}, ["web2"]),
        ({"public": ["eth1"], "private": "eth0"}, {"public": "eth1"}, []),
    ],
)
def test_each_host_needs_an_interface_on_the_side_on_which_it_judges_before_dnat(web1, web2, lacking):
    document = good(
        {
            "gatehouse_classes[0].pre_dnat": {**NODE_PORTS, "side": "public"},
            "hosts.web1.gatehouse_interfaces": web1,
            "hosts.web2.gatehouse_interfaces": web2,
        }
    )

    assert [str(problem) for problem in problems_of(document)] == [
        f"gatehouse_interfaces.public (host {host}): got nothing, expected an interface name: "
        "pre_dnat of web is for the public side only"
        for host in lacking
    ]


def test_a_class_that_judges_nothing_before_dnat_needs_no_interface_for_that():
    put = {"gatehouse_classes[0].pre_dnat": {"ports": [], "side": "public"}}

    assert problems_of(good(put)) == ()
    assert not build(good(put)).policies["web"].has_sides


@pytest.mark.parametrize("echo_request", [True, False])
def test_every_class_gets_the_models_word_on_echo_requests(echo_request):
    found = policies({"gatehouse_echo_request": echo_request})

    assert {policy.echo_request for policy in found.values()} == {echo_request}


@pytest.mark.parametrize("dhcp", [True, False])
def test_every_class_gets_the_models_word_on_dhcp(dhcp):
    assert {policy.dhcp for policy in policies({"gatehouse_dhcp": dhcp}).values()} == {dhcp}


def test_every_host_is_a_dhcp_client_unless_the_model_says_otherwise():
    assert {policy.dhcp for policy in policies({}).values()} == {True}


@pytest.mark.parametrize(
    ("isolated", "texts"), [(True, ["192.0.2.1", "192.0.2.2", "198.51.100.0/24"]), (False, []), (None, [])]
)
def test_an_isolated_class_is_isolated_from_all_its_members(isolated, texts):
    found = policies({"gatehouse_classes[0].isolated": isolated, "gatehouse_classes[0].networks": ["198.51.100.0/24"]})

    assert [network_text(network) for network in found["web"].isolated_from.networks] == texts
    assert not found["db"].isolated


def lacking_interfaces(changes):
    return [str(problem.where) for problem in problems_of(good(changes))]


def test_a_host_that_says_what_is_on_one_side_has_to_say_it_of_the_side_that_a_flow_is_for():
    sided = {"gatehouse_flows[1].side": "private"}

    assert lacking_interfaces({**sided, "hosts.web1.gatehouse_interfaces": {"public": "eth1"}}) == [
        "gatehouse_interfaces.private (host web1)"
    ]
    assert lacking_interfaces({**sided, "hosts.web1.gatehouse_interfaces": {"private": "eth0"}}) == []


def test_a_sided_flow_with_a_class_of_which_some_are_only_networks_needs_interfaces():
    changes = {"gatehouse_flows[1].side": "private", "gatehouse_classes[0].networks": ["203.0.113.50"]}

    assert lacking_interfaces(changes) == ["gatehouse_interfaces.private (host db1)"]
