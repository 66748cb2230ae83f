"""What a policy says of packets, row by row, from the meaning of the model and no renderer."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.ports import PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.verdict import Packet, Verdict, verdict

HOST = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}


def rule(flow, peer, networks, ports, **more):
    union = PortSet()
    for text in ports.split():
        union |= PortSet.parse(text)
    return Rule(flow, peer, AddressSet.of(map(parse_network, networks.split())), union, **more)


POLICY = Policy(
    node_class="web",
    ingress=(
        rule("cluster", "web", "192.0.2.1 192.0.2.2 2001:db8::2", "all"),
        rule("front", "office", "198.51.100.0/24 2001:db8:1::/48", "80/tcp 443/tcp"),
        rule("front_v4", "annex", "203.0.113.0/25", "8000-8010/tcp"),
        rule("closed", "nobody", "", "1-65535/tcp"),
        rule("outside", "world", "0.0.0.0/0 ::/0", "9000/udp", side="public"),
    ),
    egress=(rule("names", "dns", "198.51.100.53 2001:db8::53", "53/tcp 53/udp"),),
    interfaces={"public": ("eth1", "wg0")},
)


def ask(direction, peer, protocol, port=None, policy=POLICY, **more):
    peer = ip_address(peer)
    own = HOST[peer.version]
    source, destination = (peer, own) if direction == "ingress" else (own, peer)
    return verdict(policy, Packet(direction, source, destination, protocol, port, **more))


@pytest.mark.parametrize(
    ("direction", "peer", "protocol", "port", "flow"),
    [
        ("ingress", "198.51.100.0", "tcp", 80, "front"),
        ("ingress", "198.51.100.255", "tcp", 443, "front"),
        ("ingress", "2001:db8:1:ffff::1", "tcp", 443, "front"),
        ("ingress", "198.51.101.0", "tcp", 443, ""),
        ("ingress", "198.51.99.255", "tcp", 443, ""),
        ("ingress", "2001:db8:2::1", "tcp", 443, ""),
        ("ingress", "198.51.100.7", "tcp", 79, ""),
        ("ingress", "198.51.100.7", "tcp", 81, ""),
        ("ingress", "198.51.100.7", "udp", 443, ""),
        ("ingress", "198.51.100.7", "sctp", 443, ""),
        ("ingress", "203.0.113.127", "tcp", 8000, "front_v4"),
        ("ingress", "203.0.113.127", "tcp", 8010, "front_v4"),
        ("ingress", "203.0.113.127", "tcp", 7999, ""),
        ("ingress", "203.0.113.127", "tcp", 8011, ""),
        ("ingress", "203.0.113.128", "tcp", 8000, ""),
        ("ingress", "203.0.113.1", "tcp", 443, ""),
        ("ingress", "192.0.2.2", "tcp", 1, "cluster"),
        ("ingress", "192.0.2.2", "gre", None, "cluster"),
        ("ingress", "2001:db8::2", "esp", None, "cluster"),
        ("ingress", "192.0.2.3", "gre", None, ""),
        ("ingress", "192.0.2.3", "tcp", 22, ""),
        ("ingress", "198.51.100.53", "udp", 53, ""),
        ("egress", "198.51.100.53", "udp", 53, "names"),
        ("egress", "2001:db8::53", "tcp", 53, "names"),
        ("egress", "198.51.100.54", "udp", 53, ""),
        ("egress", "198.51.100.7", "tcp", 443, ""),
        ("egress", "192.0.2.2", "tcp", 1, ""),
    ],
)
def test_a_new_packet_passes_where_a_flow_allows_it_and_nowhere_else(direction, peer, protocol, port, flow):
    found = ask(direction, peer, protocol, port)

    assert (found.allowed, found.flow) == (bool(flow), flow)
    assert found.reason.startswith(f"the flow {flow} allows it (" if flow else "no flow allows it")


@pytest.mark.parametrize(
    ("interface", "allowed"), [("eth1", True), ("wg0", True), ("eth0", False), ("", False), ("eth10", False)]
)
def test_a_flow_on_one_side_means_the_hosts_interfaces_on_it(interface, allowed):
    assert ask("ingress", "203.0.113.200", "udp", 9000, interface=interface).allowed is allowed


@pytest.mark.parametrize("interfaces", [{}, {"private": ("eth0",)}, {"public": ()}])
def test_a_flow_on_one_side_means_any_interface_where_the_host_names_none(interfaces):
    policy = Policy("web", ingress=POLICY.ingress, interfaces=interfaces)

    assert ask("ingress", "203.0.113.200", "udp", 9000, policy=policy, interface="eth7").allowed


@pytest.mark.parametrize("direction", ["ingress", "egress"])
@pytest.mark.parametrize(
    ("state", "allowed"), [("new", False), ("established", True), ("related", True), ("invalid", False)]
)
def test_replies_pass_and_what_belongs_to_nothing_does_not(direction, state, allowed):
    assert ask(direction, "203.0.113.200", "tcp", 1, state=state).allowed is allowed


def test_an_invalid_packet_does_not_pass_on_a_port_that_is_open():
    found = ask("ingress", "198.51.100.7", "tcp", 443, state="invalid")

    assert found == Verdict(False, "", "connection tracking calls it invalid")


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_loopback_passes_whatever_it_is(direction):
    assert ask(direction, "127.0.0.1", "tcp", 1, interface="lo", state="invalid").allowed


ICMP_ROWS = [
    ("ingress", "203.0.113.200", "icmp", 3, True),
    ("egress", "203.0.113.200", "icmp", 11, True),
    ("ingress", "203.0.113.200", "icmp", 5, False),
    ("ingress", "203.0.113.200", "icmp", 13, False),
    ("ingress", "2001:db8:9::1", "icmpv6", 2, True),
    ("ingress", "fe80::1", "icmpv6", 134, True),
    ("egress", "fe80::1", "icmpv6", 134, False),
    ("egress", "ff02::2", "icmpv6", 133, True),
    ("ingress", "fe80::1", "icmpv6", 133, False),
    ("ingress", "fe80::1", "icmpv6", 135, True),
    ("egress", "ff02::1:ff00:1", "icmpv6", 135, True),
    ("ingress", "fe80::1", "icmpv6", 137, False),
    ("egress", "ff02::16", "icmpv6", 143, True),
]


@pytest.mark.parametrize("state", ["new", "invalid"])
@pytest.mark.parametrize(("direction", "peer", "protocol", "number", "allowed"), ICMP_ROWS)
def test_the_icmp_that_ip_needs_passes_also_where_tracking_knows_nothing_of_it(
    direction, peer, protocol, number, allowed, state
):
    assert ask(direction, peer, protocol, icmp_type=number, state=state).allowed is allowed


@pytest.mark.parametrize("direction", ["ingress", "egress"])
@pytest.mark.parametrize(
    ("peer", "protocol", "number"), [("203.0.113.200", "icmp", 8), ("2001:db8:9::1", "icmpv6", 128)]
)
@pytest.mark.parametrize("echo_request", [True, False])
def test_echo_requests_pass_where_the_model_says_so(direction, peer, protocol, number, echo_request):
    policy = Policy("web", echo_request=echo_request)

    assert ask(direction, peer, protocol, icmp_type=number, policy=policy).allowed is echo_request


def test_a_flow_for_everything_covers_icmp():
    assert ask("ingress", "192.0.2.2", "icmp", icmp_type=5).flow == "cluster"


@pytest.mark.parametrize(
    ("direction", "peer", "port", "source_port", "allowed"),
    [
        ("egress", "255.255.255.255", 67, 68, True),
        ("egress", "203.0.113.200", 67, 68, True),
        ("ingress", "203.0.113.200", 68, 67, True),
        ("ingress", "203.0.113.200", 67, 68, False),
        ("egress", "203.0.113.200", 67, 1024, False),
        ("egress", "203.0.113.200", 68, 67, False),
        ("ingress", "203.0.113.200", 68, 1024, False),
        ("egress", "ff02::1:2", 547, 546, True),
        ("egress", "fe80::1", 547, 546, True),
        ("egress", "2001:db8::1", 547, 546, False),
        ("egress", "ff02::1:3", 547, 546, False),
        ("ingress", "fe80::1", 546, 547, True),
        ("ingress", "2001:db8::1", 546, 547, False),
        ("ingress", "fe80::1", 547, 546, False),
        ("egress", "fe80::1", 67, 68, False),
        ("egress", "203.0.113.200", 547, 546, False),
    ],
)
def test_the_host_is_a_dhcp_client_and_no_server(direction, peer, port, source_port, allowed):
    assert ask(direction, peer, "udp", port, source_port=source_port).allowed is allowed
    assert not ask(direction, peer, "tcp", port, source_port=source_port).allowed


ISOLATED = replace(POLICY, isolated=AddressSet.of(map(parse_network, ["192.0.2.2", "2001:db8::2", "198.51.100.0/25"])))


@pytest.mark.parametrize(
    ("peer", "protocol", "more", "allowed"),
    [
        ("192.0.2.2", "gre", {}, False),
        ("2001:db8::2", "esp", {}, False),
        ("198.51.100.1", "tcp", {"port": 443}, False),
        ("198.51.100.129", "tcp", {"port": 443}, True),
        ("192.0.2.2", "tcp", {"port": 443, "state": "established"}, True),
        ("192.0.2.2", "tcp", {"port": 443, "interface": "lo"}, True),
        ("192.0.2.2", "icmp", {"icmp_type": 8}, True),
        ("192.0.2.2", "icmp", {"icmp_type": 5}, False),
        ("198.51.100.1", "udp", {"port": 68, "source_port": 67}, True),
    ],
)
def test_an_isolated_host_lets_its_own_kind_through_on_no_flow(peer, protocol, more, allowed):
    assert ask("ingress", peer, protocol, policy=ISOLATED, **more).allowed is allowed


def test_isolation_counts_on_the_way_out_too():
    isolated = replace(POLICY, isolated=AddressSet.of([parse_network("198.51.100.53")]))

    assert (
        ask("egress", "198.51.100.53", "udp", 53, policy=isolated).reason == "hosts of web are isolated from each other"
    )
