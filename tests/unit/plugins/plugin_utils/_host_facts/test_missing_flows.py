from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import ip_address

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.missing_flows import missing_flows
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import Observed, Seen, denied
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

MODEL = {
    "gatehouse_classes": [
        {"name": "web", "groups": ["webs"]},
        {"name": "db", "groups": ["dbs"], "isolated": True},
        {"name": "proxy", "networks": ["192.0.2.40"]},
    ],
    "gatehouse_zones": [
        {"name": "office", "networks": ["203.0.113.0/24"]},
        {"name": "lab", "networks": ["203.0.113.96/28"]},
        {"name": "internet", "networks": ["0.0.0.0/0", "::/0"]},
    ],
    "gatehouse_flows": [{"name": "pages", "from": ["internet"], "to": ["web"], "ports": ["443/tcp"]}],
    "groups": {"webs": ["web1", "web2"], "dbs": ["db1", "db2"]},
    "hosts": {
        name: {"ansible_host": address, "gatehouse_mode": "observe"}
        for name, address in {
            "web1": "192.0.2.1", "web2": "192.0.2.2", "db1": "192.0.2.11", "db2": "192.0.2.12",
        }.items()
    },
}  # fmt: skip
FIRST, LAST = "2026-11-20T08:00:00Z", "2026-11-21T09:00:00Z"


def seen(address, port, protocol="tcp", direction="ingress", packets=3):
    return Seen(direction, ip_address(address), protocol, port, packets, FIRST, LAST)


def missing(**by_host):
    return missing_flows(build(MODEL), {host: Observed(tuple(rows)) for host, rows in by_host.items()})


def flows(found):
    return {(flow.sender, flow.receiver): flow.ports.texts() for flow in found.flows}


def pasted(found):
    """Return the fleet of the model with what was found in it."""
    rows = yaml.safe_load(found.text())
    return build({**MODEL, **{key: MODEL[key] + rows[key] for key in rows}})


@pytest.mark.parametrize(
    ("address", "name"),
    [("192.0.2.2", "web"), ("192.0.2.40", "proxy"), ("203.0.113.97", "lab"), ("203.0.113.7", "office")],
)
def test_a_peer_is_called_by_the_narrowest_class_or_zone_that_has_it(address, name):
    assert flows(missing(web1=[seen(address, 8080)])) == {(name, "web"): ["8080/tcp"]}


def test_a_peer_that_only_everybody_is_gets_a_zone_of_its_own():
    found = missing(web1=[seen("198.51.100.7", 8080), seen("2001:db8:61::7", 8080)])

    (zone,) = found.zones
    assert list(map(str, zone.networks)) == ["198.51.100.7/32", "2001:db8:61::7/128"]
    assert flows(found) == {(zone.name, "web"): ["8080/tcp"]}


@pytest.mark.parametrize("networks", [["203.0.113.0/25", "::/0"], ["2001:db8::/64", "0.0.0.0/1"]])
def test_who_has_half_of_one_family_is_everybody_in_the_other_one_too(networks):
    zones = [{"name": "clients", "networks": networks}]
    one = Observed((seen("203.0.113.5", 8080), seen("2001:db8::5", 8080)))
    found = missing_flows(build({**MODEL, "gatehouse_zones": zones, "gatehouse_flows": []}), {"web1": one})

    assert flows(found) == {("seen_by_web", "web"): ["8080/tcp"]}


SIDED = {
    **MODEL,
    "gatehouse_flows": [
        {"name": "inside", "from": ["internet"], "to": ["web"], "ports": ["all"], "side": "private"}
    ],
    "groups": {"webs": ["web1"], "dbs": ["db1", "db2"]},
    "hosts": {
        **MODEL["hosts"],
        "web1": {
            "gatehouse_addresses": {"private": ["192.0.2.1"], "public": ["203.0.113.200"]},
            "gatehouse_interfaces": {"private": "eth0", "public": "eth1"},
        },
    },
}  # fmt: skip


def test_what_may_have_come_by_the_side_that_no_flow_opens_is_missing_and_its_side_is_said_to_be_unknown():
    found = missing_flows(build(SIDED), {"web1": Observed((seen("198.51.100.9", 8443),))})

    assert flows(found) == {("seen_by_web", "web"): ["8443/tcp"]}
    assert "# On which side is not counted: as it stands here, it opens both" in found.text()


def test_where_a_model_has_no_sides_nothing_is_said_of_them():
    assert "side" not in missing(web1=[seen("203.0.113.7", 8080)]).text()


def test_peers_that_used_other_ports_do_not_share_a_zone():
    found = missing(web1=[seen("198.51.100.7", 8080), seen("198.51.100.8", 8081)])

    assert len({zone.name for zone in found.zones}) == len(found.zones) == 2
    assert {ports[0] for ports in flows(found).values()} == {"8080/tcp", "8081/tcp"}


def test_both_ends_of_one_connection_are_one_flow_counted_once():
    found = missing(web1=[seen("192.0.2.11", 5432, direction="egress")], db1=[seen("192.0.2.1", 5432)])

    (flow,) = found.flows
    assert (flow.sender, flow.receiver, flow.packets) == ("web", "db", 3)


def test_ports_join_only_where_they_are_adjacent():
    rows = [seen("203.0.113.7", port) for port in (8080, 8081, 8083)] + [seen("203.0.113.7", 53, "udp")]

    assert flows(missing(web1=rows)) == {("office", "web"): ["8080-8081/tcp", "8083/tcp", "53/udp"]}


def test_what_the_model_allows_by_now_is_left_out():
    assert missing(web1=[seen("203.0.113.7", 443)]).flows == ()


def test_many_high_ports_are_said_and_never_become_a_flow():
    rows = [seen("203.0.113.7", port) for port in range(40000, 40020)] + [seen("203.0.113.7", 21)]
    found = missing(web1=rows)

    assert flows(found) == {("office", "web"): ["21/tcp"]}
    assert "20 ports between 40000 and 40019/tcp" in found.text()


def test_ports_that_somebody_scanned_are_said_and_never_become_a_range():
    found = missing(web1=[seen("203.0.113.7", port) for port in range(20000, 20100)] + [seen("203.0.113.7", 53, "udp")])

    assert flows(found) == {("office", "web"): ["53/udp"]}
    assert "100 ports between 20000 and 20099/tcp" in found.text()


def test_a_few_high_ports_are_ports_like_others():
    assert flows(missing(web1=[seen("203.0.113.7", 50051)])) == {("office", "web"): ["50051/tcp"]}


def test_what_no_flow_can_allow_is_said_in_words():
    found = missing(db1=[seen("192.0.2.12", 5432)], web1=[seen("203.0.113.7", 0, "gre")])

    assert found.flows == ()
    assert "hosts of db are isolated" in found.text()
    assert "ingress gre from 203.0.113.7" in found.text()


def test_a_full_set_is_said_first():
    found = missing_flows(build(MODEL), {"web1": Observed(full=("ingress IPv4",))})

    assert "web1: no room was left to count all (ingress IPv4)" in found.text()
    assert yaml.safe_load(found.text()) == {"gatehouse_flows": []}


def test_names_of_the_model_are_not_taken_a_second_time():
    model = {**MODEL, "gatehouse_flows": [{**MODEL["gatehouse_flows"][0], "name": "office_to_web"}]}
    found = missing_flows(build(model), {"web1": Observed((seen("203.0.113.7", 8080),))})

    assert [flow.name for flow in found.flows] == ["office_to_web_2"]


def test_comments_have_counts_times_and_peers():
    text = missing(web1=[seen("203.0.113.7", 8080, packets=12)]).text()

    assert f"  # 12 connections, first {FIRST}, last {LAST}; 203.0.113.7\n" in text


@pytest.mark.parametrize("seed", range(40))
def test_pasted_flows_allow_all_that_was_seen_and_nothing_from_anybody_else(seed):
    dice = random.Random(seed)
    peers = ["192.0.2.2", "192.0.2.11", "192.0.2.40", "203.0.113.7", "203.0.113.97", "198.51.100.7", "2001:db8::9"]
    rows = [
        seen(dice.choice(peers), dice.choice([22, 80, 81, 443, 50051]), dice.choice(["tcp", "udp"]),
             dice.choice(["ingress", "egress"]), dice.randint(1, 9))
        for _row in range(dice.randint(1, 12))
    ]  # fmt: skip
    found = missing(web1=rows, web2=rows[:3])
    fleet = pasted(found)

    assert denied(fleet.policy_of("web1"), rows) == []
    stranger = [seen("198.51.100.99", one.port, one.protocol, one.direction) for one in rows]
    before = denied(build(MODEL).policy_of("web1"), stranger)
    assert denied(fleet.policy_of("web1"), stranger) == before


def test_no_flow_is_suggested_for_a_spoofed_source():
    sided = {"gatehouse_antispoof": "sides", "gatehouse_interfaces": {"private": "eth0", "public": "eth1"}}
    model = {**MODEL, "hosts": {**MODEL["hosts"], "web1": {**MODEL["hosts"]["web1"], **sided}}}
    rows = (seen("203.0.113.7", 443, direction="spoofed"),)

    found = missing_flows(build(model), {"web1": Observed(rows)})

    assert found.flows == ()
    assert found.remarks[0].startswith("web1: no flow can allow spoofed 443/tcp from 203.0.113.7: 3, last ")
    assert "gatehouse_antispoof judges its source" in found.remarks[0]


SEVERAL = {
    **MODEL,
    "gatehouse_classes": [
        {"name": "web", "groups": ["webs"]},
        {"name": "db", "groups": ["dbs"]},
        {"name": "first", "groups": ["first"]},
        {"name": "fleet", "groups": ["webs", "dbs"]},
    ],
    "groups": {**MODEL["groups"], "first": ["web1", "db1"]},
}


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (["web1"], "first"),
        (["web2"], "web"),
        (["web1", "web2"], "web"),
        (["web1", "db1"], "first"),
        (["web1", "db2"], "fleet"),
        (["web1", "web2", "db2"], "fleet"),
    ],
)
def test_of_hosts_with_several_classes_the_one_with_the_fewest_hosts_is_proposed_that_has_all_of_them(hosts, name):
    asked = {host: Observed((seen("203.0.113.97", 9100),)) for host in hosts}
    assert flows(missing_flows(build(SEVERAL), asked)) == {("lab", name): ["9100/tcp"]}


def test_what_both_hosts_of_a_connection_have_seen_is_one_flow_whatever_else_they_are():
    asked = {
        "db1": Observed((seen("192.0.2.1", 5432), seen("192.0.2.2", 5432))),
        "db2": Observed((seen("192.0.2.2", 5432),)),
        "web1": Observed((seen("192.0.2.11", 5432, direction="egress"),)),
        "web2": Observed((seen("192.0.2.12", 5432, direction="egress"),)),
    }
    assert flows(missing_flows(build(SEVERAL), asked)) == {("web", "db"): ["5432/tcp"]}


def kept(*args, **kwargs):
    return replace(seen(*args, **kwargs), denied=True)


def test_what_was_denied_is_missing_like_what_was_observed_and_its_reason_says_which():
    found = missing(web1=[kept("203.0.113.7", 8080, direction="pre_dnat")], web2=[seen("192.0.2.11", 8081)])

    assert flows(found) == {("office", "web"): ["8080/tcp"], ("db", "web"): ["8081/tcp"]}
    assert ('why: "denied: 3 packets' in found.text(), 'why: "observed: 3' in found.text()) == (True, True)


def test_a_stranger_that_was_denied_is_said_to_look_like_a_scan():
    comment = "# No class or zone has these peers, and a scan looks like this, too"

    assert comment in missing(web1=[kept("198.51.100.7", 8080)]).text()
    assert comment not in missing(web1=[kept("203.0.113.7", 8080)]).text()
    assert comment not in missing(web1=[seen("198.51.100.7", 8080)]).text()


def test_for_ports_whose_peers_were_not_kept_nothing_is_suggested():
    found = missing(web1=[kept("0.0.0.0", 443), kept("::", 8080, direction="egress")])

    assert (found.flows, len(found.remarks)) == ((), 2)
    assert "ingress 443/tcp from any peer: 3" in found.remarks[0]


CARRIES = {
    "interfaces": ["docker0"],
    "networks": ["198.51.100.128/28", "2001:db8:2::/64"],
    "masqueraded": [],
    "except": ["169.254.169.254"],
}


def carried(*rows, host="web1", **more):
    web, *others = MODEL["gatehouse_classes"]
    fleet = build({**MODEL, "gatehouse_classes": [{**web, "carries": CARRIES, **more}, *others]})
    return missing_flows(fleet, {host: Observed(tuple(rows))})


def test_what_a_host_forwards_lacks_the_flow_that_the_host_itself_would():
    sent = seen("203.0.113.7", 25, direction="forward_out")
    came = seen("203.0.113.7", 8080, direction="forward_in")

    assert flows(carried(sent, came)) == {("web", "office"): ["25/tcp"], ("office", "web"): ["8080/tcp"]}


def test_a_routed_guest_is_its_host_for_its_peers():
    assert flows(carried(seen("198.51.100.130", 5432), host="db1")) == {("web", "db"): ["5432/tcp"]}


@pytest.mark.parametrize(
    ("address", "isolated", "allowed"),
    [
        ("169.254.169.254", False, False),
        ("203.0.113.7", False, True),
        ("2001:db8:2::7", True, False),
        ("203.0.113.7", True, True),
    ],
)
def test_no_flow_is_proposed_for_what_those_behind_a_host_never_reach(address, isolated, allowed):
    found = carried(seen(address, 80, direction="forward_out"), isolated=isolated)

    assert bool(found.flows) == allowed
    never = f"web1: no flow can allow forward_out 80/tcp to {address}: 3, last {LAST}: those behind the host never"
    assert [remark.startswith(never) for remark in found.remarks] == [True] * (not allowed)
