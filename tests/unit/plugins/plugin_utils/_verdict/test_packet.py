"""What a policy says of packets, row by row, from the meaning of the model and no renderer."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.carries import Carries
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import (
    Packet,
    Verdict,
    is_judged_before_dnat,
    verdict,
)

HOST = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}


def addresses(*texts):
    return AddressSet.of(map(parse_network, texts))


def rule(flow, peer, networks, ports, **more):
    union = PortSet()
    for text in ports.split():
        union |= PortSet.parse(text)
    return Rule(flow, peer, addresses(*networks.split()), union, **more)


POLICY = Policy(
    classes=("web",),
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
    policy = Policy(("web",), ingress=POLICY.ingress, interfaces=interfaces)

    assert ask("ingress", "203.0.113.200", "udp", 9000, policy=policy, interface="eth7").allowed


@pytest.mark.parametrize("direction", ["ingress", "egress"])
@pytest.mark.parametrize(
    ("state", "allowed"), [("new", False), ("established", True), ("related", False), ("invalid", False)]
)
def test_replies_pass_and_what_belongs_to_nothing_does_not(direction, state, allowed):
    assert ask(direction, "203.0.113.200", "tcp", 1, state=state).allowed is allowed


@pytest.mark.parametrize(
    ("direction", "peer", "protocol", "more", "allowed"),
    [
        ("ingress", "203.0.113.200", "icmp", {"icmp_type": 5}, True),
        ("egress", "203.0.113.200", "icmp", {"icmp_type": 5}, True),
        ("ingress", "2001:db8:9::1", "icmpv6", {"icmp_type": 100}, True),
        ("egress", "203.0.113.200", "tcp", {"port": 40000, "reset": True}, True),
        ("egress", "2001:db8:9::1", "tcp", {"port": 40000, "reset": True}, True),
        ("ingress", "203.0.113.200", "tcp", {"port": 40000, "reset": True}, False),
        ("egress", "203.0.113.200", "tcp", {"port": 40000}, False),
        ("ingress", "203.0.113.200", "udp", {"port": 40000}, False),
        ("ingress", "203.0.113.200", "gre", {}, False),
    ],
)
def test_of_what_is_related_to_a_connection_only_icmp_and_own_resets_pass(direction, peer, protocol, more, allowed):
    assert ask(direction, peer, protocol, state="related", **more).allowed is allowed
    assert not ask(direction, peer, protocol, **more).allowed


def test_what_a_flow_opens_is_open_to_a_related_connection_too():
    assert ask("ingress", "198.51.100.7", "tcp", 443, state="related").flow == "front"


IGMP_ROWS = [
    ("ingress", "198.51.100.1", "224.0.0.1", 1, True),
    ("ingress", "198.51.100.1", "239.1.1.1", 1, True),
    ("ingress", "198.51.100.1", "224.0.0.1", 2, False),
    ("ingress", "198.51.100.1", "192.0.2.1", 1, False),
    ("egress", "192.0.2.1", "224.0.0.22", 1, True),
    ("egress", "192.0.2.1", "239.255.255.255", 1, True),
    ("egress", "192.0.2.1", "224.0.0.22", 64, False),
    ("egress", "192.0.2.1", "198.51.100.1", 1, False),
    ("egress", "192.0.2.1", "223.255.255.255", 1, False),
    ("egress", "192.0.2.1", "240.0.0.1", 1, False),
]


@pytest.mark.parametrize(("direction", "source", "destination", "ttl", "allowed"), IGMP_ROWS)
def test_igmp_passes_to_groups_and_no_further_than_the_link(direction, source, destination, ttl, allowed):
    packet = Packet(direction, ip_address(source), ip_address(destination), "igmp", ttl=ttl)

    assert verdict(Policy(("web",)), packet).allowed is allowed
    assert not verdict(Policy(("web",)), replace(packet, protocol="pim")).allowed


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
    policy = Policy(("web",), echo_request=echo_request)

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
        ("ingress", "2001:db8::1", 546, 547, False),
        ("ingress", "fe80::1", 547, 546, False),
        ("egress", "fe80::1", 67, 68, False),
        ("egress", "203.0.113.200", 547, 546, False),
    ],
)
def test_the_host_is_a_dhcp_client_and_no_server(direction, peer, port, source_port, allowed):
    assert ask(direction, peer, "udp", port, source_port=source_port).allowed is allowed
    assert not ask(direction, peer, "tcp", port, source_port=source_port).allowed


@pytest.mark.parametrize(
    ("source", "destination", "source_port", "allowed"),
    [
        ("203.0.113.200", "255.255.255.255", 67, True),
        ("203.0.113.200", "192.0.2.1", 67, True),
        ("203.0.113.200", "255.255.255.255", 1067, False),
        ("203.0.113.200", "224.0.0.1", 67, False),
        ("fe80::1", "fe80::2", 547, True),
        ("fe80::1", "fe80::2", 49152, True),
        ("febf:ffff::1", "febf::2", 1, True),
        ("fe80::1", "2001:db8::1", 547, False),
        ("2001:db8::2", "fe80::2", 547, False),
        ("fec0::1", "fe80::2", 547, False),
        ("fe80::1", "ff02::1", 547, False),
    ],
)
def test_a_dhcp_client_hears_who_may_answer_it_and_only_where_it_listens(source, destination, source_port, allowed):
    port = 68 if "." in source else 546
    packet = Packet("ingress", ip_address(source), ip_address(destination), "udp", port, source_port)

    assert verdict(Policy(("web",)), packet).allowed is allowed
    assert not verdict(Policy(("web",), dhcp=False), packet).allowed
    assert not verdict(Policy(("web",)), replace(packet, port=port + 1)).allowed


def test_a_host_that_is_no_dhcp_client_asks_for_no_address():
    for peer, port, source_port in (("255.255.255.255", 67, 68), ("ff02::1:2", 547, 546)):
        asked = {"port": port, "source_port": source_port, "policy": Policy(("web",), dhcp=False)}
        assert not ask("egress", peer, "udp", **asked).allowed


_MEMBERS = AddressSet.of(map(parse_network, ["192.0.2.2", "2001:db8::2", "198.51.100.0/25"]))
ISOLATED = replace(POLICY, isolated={"web": _MEMBERS})


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
    isolated = replace(POLICY, isolated={"web": AddressSet.of([parse_network("198.51.100.53")])})

    assert (
        ask("egress", "198.51.100.53", "udp", 53, policy=isolated).reason == "hosts of web are isolated from each other"
    )


SERVICES = AddressSet.of(map(parse_network, ["203.0.113.200", "2001:db8:9::/64"]))
NODE = Policy(
    classes=("node",),
    ingress=(
        rule("node_ports", "balancer", "198.51.100.40 2001:db8:1::40", "30000-32767/tcp"),
        rule("sided", "world", "0.0.0.0/0 ::/0", "31000/tcp", side="private"),
        rule("shop", "office", "198.51.100.128/25", "443/tcp"),
        rule("own", "office", "198.51.100.128/25", "8443/tcp"),
    ),
    egress=(rule("pods", "pods", "10.244.0.0/16", "8443/tcp"),),
    pre_dnat=(PreDnat(PortSet.parse("30000-32767/tcp+udp") | PortSet.parse("443/tcp"), SERVICES),),
    interfaces={"public": ("eth1", "wg0"), "private": ("eth0",)},
)
PUBLIC_NODE = replace(NODE, pre_dnat=(replace(NODE.pre_dnat[0], side="public"),))


def arriving(peer, protocol, port, to=None, **more):
    """Return a packet to the host, or to the address of another that is named."""
    peer = ip_address(peer)
    to_host = {"to_host": False} if to else {}
    return Packet("ingress", peer, ip_address(to) if to else HOST[peer.version], protocol, port, **to_host, **more)


LEFT_ALONE = Verdict(True, "", "it is forwarded, which is left alone")
DENIED = Verdict(False, "", "no flow allows it")
BY_NODE_PORTS = Verdict(True, "node_ports", "the flow node_ports allows it (balancer)")

each_way_on = pytest.mark.parametrize(
    "then", [{"forwarded": True}, {"redirected_to": 8443}, {"redirected_to": 22}, {}], ids=str
)


@pytest.mark.parametrize(
    ("protocol", "port", "to", "judged"),
    [
        ("tcp", 30000, None, True),
        ("tcp", 32767, None, True),
        ("udp", 30000, None, True),
        ("tcp", 443, None, True),
        ("tcp", 29999, None, False),
        ("tcp", 32768, None, False),
        ("sctp", 30000, None, False),
        ("udp", 443, None, False),
        ("gre", None, None, False),
        ("tcp", 443, "203.0.113.200", True),
        ("tcp", 30000, "203.0.113.200", True),
        ("tcp", 80, "203.0.113.200", False),
        ("tcp", 443, "203.0.113.201", False),
        ("tcp", 443, "10.244.1.7", False),
        ("tcp", 443, "2001:db8:9::ffff", True),
        ("tcp", 443, "2001:db8:a::1", False),
    ],
)
def test_a_port_is_judged_before_dnat_at_the_hosts_own_addresses_and_those_of_services(protocol, port, to, judged):
    peer = "2001:db8:1::40" if to and ":" in to else "198.51.100.40"

    assert is_judged_before_dnat(NODE, arriving(peer, protocol, port, to)) is judged


@pytest.mark.parametrize(
    ("policy", "interface", "judged"),
    [
        (NODE, "eth0", True),
        (NODE, "", True),
        (PUBLIC_NODE, "eth1", True),
        (PUBLIC_NODE, "wg0", True),
        (PUBLIC_NODE, "eth0", False),
        (PUBLIC_NODE, "eth10", False),
        (PUBLIC_NODE, "", False),
        (replace(PUBLIC_NODE, interfaces={}), "eth0", True),
        (replace(PUBLIC_NODE, interfaces={"private": ("eth0",)}), "eth0", True),
    ],
)
def test_a_side_means_the_interfaces_on_it_before_dnat_too(policy, interface, judged):
    assert is_judged_before_dnat(policy, arriving("198.51.100.40", "tcp", 30000, interface=interface)) is judged


def test_nothing_that_goes_out_and_nothing_at_all_without_ports_is_judged_before_dnat():
    going = Packet("egress", HOST[4], ip_address("198.51.100.40"), "tcp", 30000)

    assert not is_judged_before_dnat(NODE, going)
    assert not is_judged_before_dnat(POLICY, arriving("198.51.100.40", "tcp", 443))
    assert not is_judged_before_dnat(replace(NODE, pre_dnat=()), arriving("198.51.100.40", "tcp", 30000))


@pytest.mark.parametrize(
    ("port", "to", "more"),
    [
        (80, None, {"forwarded": True}),
        (443, "10.244.1.7", {}),
        (443, "10.244.1.7", {"forwarded": True}),
        (443, "203.0.113.201", {"forwarded": True}),
        (30080, "10.244.1.7", {"state": "invalid"}),
    ],
)
def test_what_is_forwarded_and_not_judged_before_dnat_is_left_alone(port, to, more):
    assert verdict(NODE, arriving("203.0.113.7", "tcp", port, to, **more)) == LEFT_ALONE
    isolated = replace(NODE, isolated={"node": AddressSet.of([parse_network("203.0.113.7")])})
    assert verdict(isolated, arriving("203.0.113.7", "tcp", port, to, **more)) == LEFT_ALONE


def test_what_comes_in_on_another_side_is_not_judged_before_dnat():
    forwarded = arriving("203.0.113.7", "tcp", 30080, interface="eth0", forwarded=True)
    service = arriving("203.0.113.7", "tcp", 443, "203.0.113.200", interface="eth0", forwarded=True)

    assert (verdict(NODE, forwarded), verdict(PUBLIC_NODE, forwarded)) == (DENIED, LEFT_ALONE)
    assert (verdict(NODE, service), verdict(PUBLIC_NODE, service)) == (DENIED, LEFT_ALONE)


@each_way_on
@pytest.mark.parametrize("policy", [NODE, PUBLIC_NODE], ids=["any side", "public side"])
@pytest.mark.parametrize(
    ("peer", "protocol", "port", "flow"),
    [
        ("198.51.100.40", "tcp", 30080, "node_ports"),
        ("2001:db8:1::40", "tcp", 32767, "node_ports"),
        ("198.51.100.40", "udp", 30080, ""),
        ("198.51.100.41", "tcp", 30080, ""),
        ("198.51.100.200", "tcp", 30080, ""),
        ("198.51.100.200", "tcp", 443, "shop"),
        ("203.0.113.7", "tcp", 31000, ""),
    ],
)
def test_what_is_judged_before_dnat_is_decided_by_the_port_that_was_asked_for(peer, protocol, port, flow, policy, then):
    found = verdict(policy, arriving(peer, protocol, port, interface="eth1", **then))

    assert (found.allowed, found.flow) == (bool(flow), flow)


@pytest.mark.parametrize(("interface", "flow"), [("eth0", "sided"), ("eth1", ""), ("cni0", "")])
def test_a_flow_on_one_side_decides_of_node_ports_on_that_side_alone(interface, flow):
    assert verdict(NODE, arriving("203.0.113.7", "tcp", 31000, interface=interface, forwarded=True)).flow == flow


@each_way_on
@pytest.mark.parametrize(
    ("peer", "to", "flow"),
    [
        ("198.51.100.200", "203.0.113.200", "shop"),
        ("198.51.100.40", "203.0.113.200", ""),
        ("2001:db8:1::40", "2001:db8:9::1", ""),
    ],
)
def test_a_services_address_is_open_where_a_flow_allows_its_port(peer, to, flow, then):
    assert verdict(NODE, arriving(peer, "tcp", 443, to, **then)).flow == flow


@pytest.mark.parametrize(
    ("port", "redirected_to", "flow"),
    [
        (443, 9, "shop"),
        (443, 8443, "shop"),
        (80, 8443, "own"),
        (80, 443, "shop"),
        (80, 9, ""),
        (8443, 9, ""),
        (30080, 8443, ""),
        (30080, 30081, ""),
    ],
)
def test_what_was_redirected_to_the_host_passes_by_the_port_asked_for_if_judged_and_else_by_the_one_it_became(
    port, redirected_to, flow
):
    found = verdict(NODE, arriving("198.51.100.200", "tcp", port, redirected_to=redirected_to, interface="eth1"))

    assert (found.allowed, found.flow) == (bool(flow), flow)


@pytest.mark.parametrize(
    ("port", "redirected_to", "flow"), [(443, 9, "shop"), (30080, 8443, "own"), (30080, 9, ""), (443, 8443, "shop")]
)
def test_on_another_side_what_was_redirected_to_the_host_passes_by_either_port(port, redirected_to, flow):
    packet = arriving("198.51.100.200", "tcp", port, redirected_to=redirected_to, interface="eth0")

    assert verdict(PUBLIC_NODE, packet).flow == flow


@pytest.mark.parametrize(
    ("port", "redirected_to", "flow"), [(443, 9, "shop"), (80, 8443, "own"), (80, 9, ""), (30080, 8443, "own")]
)
def test_an_address_that_is_not_judged_may_be_redirected_to_the_host_where_a_flow_allows_a_port(
    port, redirected_to, flow
):
    found = verdict(NODE, arriving("198.51.100.200", "tcp", port, "203.0.113.201", redirected_to=redirected_to))

    assert (found.allowed, found.flow) == (bool(flow), flow)


@each_way_on
@pytest.mark.parametrize(
    ("more", "allowed", "reason"),
    [
        ({"interface": "lo"}, True, "loopback is always allowed"),
        ({"interface": "lo", "state": "invalid"}, True, "loopback is always allowed"),
        ({"state": "established"}, True, "it belongs to a connection that was allowed"),
        ({"state": "related"}, False, "no flow allows it"),
        ({"state": "invalid"}, False, "connection tracking calls it invalid"),
    ],
)
def test_what_always_passes_and_never_does_is_the_same_before_dnat(more, allowed, reason, then):
    assert verdict(NODE, arriving("203.0.113.7", "tcp", 30080, **more, **then)) == Verdict(allowed, "", reason)
    assert verdict(NODE, arriving("203.0.113.7", "tcp", 443, "203.0.113.200", **more, **then)).allowed is allowed


def test_a_dhcp_client_whose_port_is_judged_before_dnat_gets_its_answers():
    client = replace(NODE, pre_dnat=(PreDnat(PortSet.parse("1-1024/udp")),))

    service = replace(client, pre_dnat=(replace(client.pre_dnat[0], addresses=addresses("203.0.113.200")),))
    assert not verdict(service, arriving("203.0.113.7", "udp", 68, "203.0.113.200", source_port=67)).allowed
    for then in ({}, {"forwarded": True}):
        assert verdict(client, arriving("203.0.113.7", "udp", 68, source_port=67, **then)).allowed
        assert not verdict(client, arriving("203.0.113.7", "udp", 69, source_port=67, **then)).allowed


@each_way_on
def test_an_isolated_host_opens_its_node_ports_to_its_own_kind_on_no_flow(then):
    isolated = replace(NODE, isolated={"node": AddressSet.of([parse_network("198.51.100.40")])})

    assert verdict(NODE, arriving("198.51.100.40", "tcp", 30080, **then)) == BY_NODE_PORTS
    assert verdict(isolated, arriving("198.51.100.40", "tcp", 30080, **then)) == Verdict(
        False, "", "hosts of node are isolated from each other"
    )


def test_a_flow_for_everything_opens_what_is_judged_before_dnat_too():
    mesh = replace(NODE, ingress=(rule("mesh", "node", "192.0.2.2", "all"), *NODE.ingress))

    for then in ({"forwarded": True}, {"redirected_to": 22}, {}):
        assert verdict(mesh, arriving("192.0.2.2", "udp", 30080, **then)).flow == "mesh"


def test_what_goes_out_is_decided_by_where_it_goes():
    assert ask("egress", "10.244.1.7", "tcp", 8443, policy=NODE).flow == "pods"
    assert ask("egress", "10.244.1.7", "tcp", 30080, policy=NODE) == DENIED


AT = Policy(
    classes=("web",),
    ingress=(
        rule("shop", "world", "0.0.0.0/0 ::/0", "443/tcp", at=addresses("192.0.2.200", "2001:db8::c8")),
        rule("old", "office", "198.51.100.0/24 2001:db8:1::/48", "80/tcp", at=addresses("192.0.2.1")),
    ),
    pre_dnat=(PreDnat(PortSet.parse("443/tcp")),),
)


@pytest.mark.parametrize(
    ("peer", "port", "to", "flow"),
    [
        ("198.51.100.7", 443, "192.0.2.200", "shop"),
        ("2001:db8:9::7", 443, "2001:db8::c8", "shop"),
        ("198.51.100.7", 443, "192.0.2.1", ""),
        ("2001:db8:9::7", 443, "2001:db8::1", ""),
        ("198.51.100.7", 80, "192.0.2.1", "old"),
        ("198.51.100.7", 80, "192.0.2.200", ""),
        ("2001:db8:1::7", 80, "2001:db8::1", ""),
    ],
)
@pytest.mark.parametrize("redirected_to", [None, 8443])
def test_a_flow_for_some_addresses_of_the_host_means_what_was_sent_to_them(peer, port, to, flow, redirected_to):
    judged = {443: redirected_to, 80: None}[port]  # 80 isn't judged before DNAT: what it becomes decides
    packet = Packet("ingress", ip_address(peer), ip_address(to), "tcp", port, redirected_to=judged)
    assert (verdict(AT, packet).allowed, verdict(AT, packet).flow) == (bool(flow), flow)


CARRYING = replace(
    POLICY,
    carries=Carries(("docker0", "br-*"), addresses("10.88.0.0/24"), excepted=addresses("198.51.100.53")),
    isolated={"web": addresses("192.0.2.0/24")},
)
PLAIN = replace(CARRYING, isolated={}, carries=replace(CARRYING.carries, excepted=AddressSet()))
OFFICE, DNS, GUEST, OTHER = "198.51.100.7", "198.51.100.53", "10.88.0.7", "10.88.0.130"


@pytest.mark.parametrize(
    ("policy", "sender", "receiver", "port", "state", "allowed"),
    [
        (PLAIN, (GUEST, "docker0"), (DNS, "eth0"), 53, "new", True),
        (PLAIN, (GUEST, "docker0"), (DNS, "eth0"), 80, "new", False),
        (CARRYING, (GUEST, "docker0"), (DNS, "eth0"), 53, "new", False),
        (PLAIN, (OFFICE, "eth0"), (GUEST, "docker0"), 80, "new", True),
        (PLAIN, (OFFICE, "eth0"), (GUEST, "docker0"), 53, "new", False),
        (PLAIN, (GUEST, "docker0"), (OTHER, "br-4f1c"), 9, "new", True),
        (CARRYING, (GUEST, "docker0"), (OTHER, "br-4f1c"), 80, "new", False),
        (CARRYING, (GUEST, "docker0"), (OTHER, "br-4f1c"), 80, "established", True),
        # An interface proves where a packet comes from, an address doesn't.
        (PLAIN, (GUEST, "eth0"), (OTHER, "br-4f1c"), 80, "new", False),
        (PLAIN, (GUEST, "eth0"), (OFFICE, "eth1"), 80, "new", False),
        (PLAIN, (OFFICE, "eth0"), (DNS, "eth1"), 9, "new", True),
    ],
)
def test_what_is_forwarded_for_those_behind_is_judged_as_the_hosts_own(policy, sender, receiver, port, state, allowed):
    (source, interface), (target, leaves_by) = sender, receiver
    more = {"interface": interface, "leaves_by": leaves_by, "state": state, "to_host": False}
    packet = Packet("ingress", ip_address(source), ip_address(target), "tcp", port, **more)
    assert verdict(policy, packet).allowed is allowed


@pytest.mark.parametrize(("asked", "became", "allowed"), [(80, 9, True), (9, 80, False)])
def test_those_behind_are_asked_for_a_port_whatever_it_becomes(asked, became, allowed):
    ends = (ip_address(OFFICE), HOST[4])
    more = {"forwarded": True, "forwarded_to": ip_address(GUEST), "redirected_to": became, "leaves_by": "docker0"}
    assert verdict(PLAIN, Packet("ingress", *ends, "tcp", asked, **more)).allowed is allowed
