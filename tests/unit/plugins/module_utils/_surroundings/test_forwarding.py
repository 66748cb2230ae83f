"""What a host forwards: what a class may say of it, and what is found where it doesn't."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.interfaces import is_by
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import Carried, Declared
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.forwarding import (
    BRIDGED,
    too_wide,
    unfiltered,
    unjudged,
    uplinks,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.others_effects import target_of


def nothing(_path):
    return ""


INTERFACES = ("lo", "eth0", "docker0", "br-4f1c2d3e4a5b", "virbr0", "veth12ab")
RULE = "ip nat, chain postrouting: masquerade"
NOTHING, DOCKER = Carried([]), Carried(["docker0", "br-*"])


def found(carried, families=("IPv4",), interfaces=INTERFACES, ways_out=("eth0",), others=()):
    return [(one.kind, one.text) for one in unjudged(carried, families, interfaces, ways_out, others)]


@pytest.mark.parametrize(
    ("carried", "changes", "words"),
    [
        (None, {}, "this host forwards IPv4 for docker0, br-4f1c2d3e4a5b, virbr0, of which its"),
        (None, {"families": ("IPv4", "IPv6"), "interfaces": ["podman1"]}, "forwards IPv4 and IPv6 for podman1, of"),
        (None, {"interfaces": ["eth0", "eth1"], "others": [RULE]}, f"this host forwards IPv4 by {RULE}, of which its"),
        (None, {"ways_out": ["br-4f1c2d3e4a5b", "virbr0"]}, "for docker0, of which its"),
        (DOCKER, {}, "this host forwards IPv4 for virbr0, of which its"),
        (DOCKER, {"interfaces": ["docker0", "br-1"]}, ""),
        (DOCKER, {"interfaces": ["docker0"], "others": [RULE]}, ""),
        (NOTHING, {"others": [RULE]}, ""),
        (None, {"families": (), "others": [RULE]}, ""),
        (None, {"interfaces": ["lo", "eth0", "wg0", "cali1a2b", "br0"]}, ""),
    ],
)
def test_a_host_that_forwards_says_for_whom_unless_its_class_has(carried, changes, words):
    findings = found(carried, **changes)

    assert len(findings) == bool(words)
    assert all(kind == "forwarding_unjudged" and words in text for kind, text in findings)
    assert all("carries: {}" in text for _kind, text in findings)


def test_many_interfaces_are_not_all_named():
    ((_kind, text),) = found(None, interfaces=[f"br-{number}" for number in range(9)])

    assert "for br-0, br-1, br-2, br-3, br-4 and 4 more, of" in text


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t016433C6\t0003\t0\t0\t100\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
"""
NOBODY6 = "0" * 32
ROUTES6 = (
    f"{NOBODY6} 00 {NOBODY6} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth1\n"
    f"fe800000000000000000000000000000 40 {NOBODY6} 00 {NOBODY6} 00000100 00000001 00000000 00000001     eth2\n"
    f"{NOBODY6} 00 {NOBODY6} 00 {NOBODY6} ffffffff 00000001 00000000 00200200       lo\n"
)


def test_the_ways_out_are_those_of_default_routes():
    assert uplinks({"/proc/net/route": ROUTES, "/proc/net/ipv6_route": ROUTES6}.get) == ["eth0", "eth1"]
    assert uplinks(nothing) == []


def test_an_interface_of_guests_that_is_the_way_out_is_found():
    (found_one,) = too_wide(Carried(["docker0", "e*", "eth0"]), ["eth0", "wlan0"])

    assert found_one.kind == "uplink_carried"
    assert "eth0, by which the default route leaves, is one of carries.interfaces (e*, eth0), so" in found_one.text
    assert not [*too_wide(DOCKER, ["eth0"])]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "net.bridge.bridge-nf-call-iptables and net.bridge.bridge-nf-call-ip6tables is 0, or missing"),
        ({"IPv4": "1\n"}, ": net.bridge.bridge-nf-call-ip6tables is 0, or missing"),
        ({"IPv4": "0\n", "IPv6": "1\n"}, ": net.bridge.bridge-nf-call-iptables is 0, or missing"),
        ({"IPv4": "1\n", "IPv6": "1\n"}, ""),
    ],
)
def test_guests_on_one_bridge_of_an_isolated_class_meet_its_rules_by_br_netfilter_alone(values, words):
    files = {f"/proc/sys/net/bridge/{BRIDGED[family]}": text for family, text in values.items()}
    isolated = [*unfiltered(Carried(["docker0"], is_isolated=True), ["docker0"], lambda path: files.get(path, ""))]

    assert len(isolated) == bool(words)
    assert all(one.kind == "bridge_unjudged" and words in one.text for one in isolated)
    assert all("two guests on docker0 are not kept apart" in one.text for one in isolated)
    assert not [*unfiltered(Carried(["docker0"]), ["docker0"], nothing)]
    assert not [*unfiltered(Carried(["docker0"], is_isolated=True), [], nothing)]


def test_an_asterisk_stands_for_what_comes_after():
    assert is_by(["br-*"], "br-1")
    assert not is_by(["br-*", "docker0"], "docker01")


def test_a_class_that_says_nothing_is_told_from_one_that_says_it_carries_nothing():
    assert Declared.read({"declared": {"ingress": []}}).carried is None
    carries = {"interfaces": [], "networks": [], "isolated": False}
    assert Declared.read({"declared": {"ingress": [], "carries": carries}}).carried == Carried([], [], False)


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        ("tcp dport 8080 dnat to 192.0.2.10:80", "192.0.2.10"),
        ("tcp dport 8080 dnat ip to 192.0.2.10", "192.0.2.10"),
        ("tcp dport 8080 dnat ip6 to [2001:db8::10]:80", "2001:db8::10"),
        ("tcp dport 8080 dnat to 2001:db8::10", "2001:db8::10"),
        ("-A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", "172.17.0.2"),
        ("-A X -j DNAT --to-destination [fd00::2]:80", "fd00::2"),
        ("-A X -j DNAT --to-destination 192.0.2.10-192.0.2.20", ""),
        ("dnat to 192.0.2.10-192.0.2.20", ""),
        ("dnat to numgen random mod 2 map { 0 : 192.0.2.10, 1 : 192.0.2.11 }", ""),
        ("tcp dport 8080 redirect to :80", ""),
    ],
)
def test_the_address_to_which_a_rule_redirects_is_read(rule, target):
    assert target_of(rule) == target
