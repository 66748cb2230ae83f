from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.lockout import fail_closed, lockout
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

SSH = {"name": "admin", "from": "office", "to": "web", "ports": "22/tcp"}


def refusal(source, port=22, destination="192.0.2.1", **flow):
    interfaces = {"private": "eth0", "public": ["eth1", "eth2"]}
    put = {"gatehouse_flows[2]": {**SSH, **flow}}
    put.update({f"hosts.{host}.gatehouse_interfaces": interfaces for host in ("web1", "web2")})
    policy = build(good(put)).policy_of("web1")
    return lockout(policy, {"source": source, "destination": destination, "port": port})


@pytest.mark.parametrize(
    ("source", "port", "flow"),
    [
        ("203.0.113.7", 22, {}),
        ("2001:db8:1::7", 22, {}),
        ("203.0.113.7", 443, {}),
        ("192.0.2.11", 9, {"from": "db", "ports": "all"}),
        ("203.0.113.7", 22, {"side": "public"}),
    ],
)
def test_a_controller_that_a_flow_lets_in_is_not_locked_out(source, port, flow):
    assert refusal(source, port, **flow) == ""


@pytest.mark.parametrize(
    ("source", "port", "flow"),
    [
        ("198.51.100.1", 22, {}),
        ("203.0.113.7", 2222, {}),
        ("2001:db8:2::7", 22, {}),
        ("203.0.113.7", 22, {"end": "egress", "from": "web", "to": "office"}),
        ("203.0.113.7", 22, {"ports": "22/udp"}),
        ("203.0.113.7", 22, {"to": "db"}),
    ],
)
def test_a_controller_that_no_flow_lets_in_is_told_its_address_and_port(source, port, flow):
    said = refusal(source, port, **flow)

    assert f"it reaches the host from {source} at port {port}/tcp, and no flow to web allows that" in said


def test_what_is_no_address_is_an_error():
    with pytest.raises(ValueError, match="'nowhere' does not appear to be an IPv4 or IPv6 address"):
        refusal("nowhere")


def test_a_controller_that_comes_by_ipv4_over_a_socket_of_both_families_is_known():
    assert refusal("::ffff:203.0.113.7", destination="::ffff:192.0.2.1") == ""


def test_a_refusal_names_the_flows_that_almost_allow_it():
    assert "That port is open by flow2 (from office), but not to this address" in refusal("198.51.100.1", name="flow2")


@pytest.mark.parametrize(
    ("port", "flows"), [(22, ["admin 22/tcp"]), (443, ["front 443/tcp"]), (9, ["front 80/tcp 443/tcp", "admin 22/tcp"])]
)
def test_where_a_ruleset_cannot_be_loaded_only_management_is_left_or_all_that_may_be(port, flows):
    policy = fail_closed(build(good({"gatehouse_flows[2]": SSH})).policy_of("web1"), port)

    assert sorted(f"{rule.flow} {rule.ports}" for rule in policy.ingress) == sorted(flows)
    assert policy.egress == ()
    assert not any(map(policy.deny.rejects, ("ingress", "egress")))


def test_a_host_that_observes_cuts_nobody_off_and_has_nothing_to_fall_back_to():
    policy = build(good({"hosts.web1.gatehouse_mode": "observe"})).policy_of("web1")
    enforcing = build(good()).policy_of("web1")
    elsewhere = {"source": "198.51.100.1", "destination": "192.0.2.1", "port": 22}

    assert (lockout(policy, elsewhere), bool(lockout(enforcing, elsewhere))) == ("", True)
    assert (fail_closed(policy, 22), fail_closed(enforcing, 22) is None) == (None, False)


def test_a_host_that_observes_one_direction_is_judged_by_the_other():
    incoming, outgoing = (
        build(good({"hosts.web1.gatehouse_mode": {way: "observe"}})).policy_of("web1") for way in ("ingress", "egress")
    )
    elsewhere = {"source": "198.51.100.1", "destination": "192.0.2.1", "port": 22}

    assert (lockout(incoming, elsewhere), bool(lockout(outgoing, elsewhere))) == ("", True)
    assert [fail_closed(policy, 22).observe for policy in (incoming, outgoing)] == [("ingress",), ("egress",)]


def test_a_refusal_without_any_flow_at_that_port_says_from_where_to_add_one():
    assert "Add a flow for it, from a zone that has 198.51.100.1, or set" in refusal("198.51.100.1", to="db")


def by_another_way(mode, comes_by="eth1", goes_back="eth0", source="203.0.113.7"):
    put = {"gatehouse_flows[2]": SSH}
    for host in ("web1", "web2"):
        put[f"hosts.{host}.gatehouse_interfaces"] = {"private": "eth0", "public": ["eth1", "eth2"]}
        put[f"hosts.{host}.gatehouse_antispoof"] = mode
    policy = build(good(put)).policy_of("web1")
    ways = {"comes_by": comes_by, "goes_back": goes_back}
    return policy, lockout(policy, {"source": source, "destination": "192.0.2.1", "port": 22, **ways})


@pytest.mark.parametrize("mode", ["sides", "strict"])
def test_a_controller_whose_source_is_routed_by_the_other_side_is_told_the_interfaces(mode):
    policy, said = by_another_way(mode)

    assert f"from 203.0.113.7 by eth1, packets to it leave by eth0, and gatehouse_antispoof: {mode} takes that" in said
    assert "set gatehouse_allow_self_lockout: true" in said
    assert fail_closed(policy, 22).antispoof == "off"


@pytest.mark.parametrize(
    ("mode", "comes_by", "goes_back"),
    [
        ("off", "eth1", "eth0"),
        ("sides", "eth1", "eth2"),
        ("sides", "eth1", "wg0"),
        ("sides", "docker0", "eth0"),
        ("sides", "", "eth0"),
        ("sides", "eth1", ""),
        ("strict", "eth1", "eth1"),
        ("strict", "eth1", ""),
    ],
)
def test_a_controller_that_comes_the_way_it_is_routed_or_by_an_unknown_one_is_not(mode, comes_by, goes_back):
    assert by_another_way(mode, comes_by, goes_back)[1] == ""


def test_under_strict_the_same_side_is_not_enough():
    assert "packets to it leave by eth2" in by_another_way("strict", "eth1", "eth2")[1]
