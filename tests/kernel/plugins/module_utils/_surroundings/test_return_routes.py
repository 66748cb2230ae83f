"""By which interface a host answers, asked of real routes in a namespace."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.return_routes import return_routes
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.module_utils._surroundings.test_surroundings import (
    MODEL,
    Host,
)
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_iptables import needs_iptables
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_nft import lasting_namespace, needs_nft

pytestmark = [needs_nft, needs_iptables]

PUBLIC = {4: "203.0.113.21", 6: "2001:db8:2::21"}
OFFICE = {4: "203.0.113.9", 6: "2001:db8:2::9"}  # on the public link
LAN = {4: "198.51.100.9", 6: "2001:db8:1::9"}  # on the private one
ROUTED = {4: "192.0.2.9", 6: "2001:db8:9::9"}  # by an interface of no side
each_family = pytest.mark.parametrize("family", [4, 6])


@pytest.fixture(scope="module")
def host():
    with lasting_namespace() as run:
        host = Host(run)
        for address in ("203.0.113.21/24", "2001:db8:2::21/64"):
            host.address("add", address, "eth1")
        host.do("ip", "link", "add", "wg0", "type", "veth", "peer", "name", "wg1")
        host.do("ip", "link", "set", "wg0", "up")
        host.do("ip", "route", "add", "192.0.2.0/24", "dev", "wg0")
        host.do("ip", "route", "add", "2001:db8:9::/64", "dev", "wg0")
        host.do("ip", "route", "add", "unreachable", "2001:db8:7::/64")
        yield host


def model(mode, *peers):
    return {**MODEL, "declared": {**MODEL["declared"], "antispoof": mode, "sided_peers": peers}}


def cut(host, mode, *peers):
    found = host.findings(model=model(mode, *peers))
    return [one.text.partition(": ")[0] for one in found if one.kind == "routed_elsewhere"]


def test_each_address_has_the_interface_that_packets_to_it_leave_by(host):
    asked = [*OFFICE.values(), *LAN.values(), "192.0.2.9", "2001:db8:7::7", "198.51.100.21", "203.0.114.1"]

    assert return_routes(host._run, "ip", asked) == {
        **dict.fromkeys(OFFICE.values(), "eth1"),
        **dict.fromkeys(LAN.values(), "eth0"),
        "192.0.2.9": "wg0",
    }
    assert return_routes(host._run, "ip", []) == {}


@each_family
@pytest.mark.parametrize(("mode", "more"), [("off", []), ("sides", []), ("strict", ["ROUTED"])])
def test_whom_it_would_cut_is_found_by_the_side_that_flows_have_them_on(host, family, mode, more):
    peers = [("public", "office", OFFICE[family]), ("private", "lan", LAN[family]), ("private", "vpn", ROUTED[family])]
    swapped = [("private", "office", OFFICE[family]), ("public", "lan", LAN[family])]

    assert cut(host, mode, *peers) == [f"{ROUTED[family]} of vpn" for _one in more]
    wrong = [f"{OFFICE[family]} of office", f"{LAN[family]} of lan"]
    assert cut(host, mode, *swapped) == ([] if mode == "off" else wrong)


@each_family
def test_the_controllers_connection_has_its_ways_in_and_back(host, family):
    ssh = {"source": LAN[family], "destination": PUBLIC[family], "port": 22}

    assert host.look(model("sides")).ways_of(ssh) == {"comes_by": "eth1", "goes_back": "eth0"}
    assert host.look(model("off")).ways_of(ssh) == {}
    assert host.look(model("sides")).ways_of(None) == {}


@each_family
def test_a_rule_about_the_hosts_own_address_counts_for_the_route_back(host, family):
    words = ["ip", f"-{family}", "rule", "add", "from", PUBLIC[family], "table", "77"]
    host.do("ip", f"-{family}", "route", "add", "default", "dev", "eth1", "table", "77")
    host.do(*words)
    try:
        ssh = {"source": LAN[family], "destination": PUBLIC[family], "port": 22}
        assert host.look(model("sides")).ways_of(ssh) == {"comes_by": "eth1", "goes_back": "eth1"}
    finally:
        host.do(*[word.replace("add", "del") for word in words])
