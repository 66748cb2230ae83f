"""What single rules look like in nftables; whole rulesets stand in tests/golden."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.denied import Denied
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.deny import Deny
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._host_rules.grammar import strange_lines

DHCP_IN = [
    "ip daddr 255.255.255.255 udp sport 67 udp dport 68 accept",
    "meta nfproto ipv4 udp sport 67 udp dport 68 fib daddr type local accept",
    "ip6 saddr fe80::/10 ip6 daddr fe80::/10 udp dport 546 accept",
]
DHCP_OUT = [
    "meta nfproto ipv4 udp sport 68 udp dport 67 accept",
    "ip6 daddr fe80::/10 udp sport 546 udp dport 547 accept",
    "ip6 daddr ff02::1:2 udp sport 546 udp dport 547 accept",
]
IGMP = "ip ttl 1 ip protocol igmp ip daddr 224.0.0.0/4 accept"
INVALID = 'ct state invalid counter drop comment "invalid: belongs to no connection"'
INPUT = [
    "type filter hook input priority filter - 10; policy drop;",
    'iif "lo" accept',
    "ct state established accept",
    "meta l4proto icmp jump input_icmp",
    "meta l4proto ipv6-icmp jump input_icmp",
    INVALID,
    "jump input_flows",
    *DHCP_IN,
    IGMP,
    "goto denied_ingress",
]
OUTPUT = [
    "type filter hook output priority filter - 10; policy drop;",
    'oif "lo" accept',
    "ct state established accept",
    "meta l4proto icmp jump output_icmp",
    "meta l4proto ipv6-icmp jump output_icmp",
    INVALID,
    "ct state related tcp flags rst accept",
    "jump output_flows",
    *DHCP_OUT,
    IGMP,
    "goto denied_egress",
]
CHAINS = {
    *("input", "input_flows", "input_icmp", "output", "output_flows", "output_icmp"),
    *("denied_ingress", "denied_egress"),
}


def port_set(text):
    union = PortSet()
    for item in text.split():
        union |= PortSet.parse(item)
    return union


def address_set(text):
    return AddressSet.of(map(parse_network, text.split()))


def rule(flow, networks, ports, peer="office", **more):
    return Rule(flow, peer, address_set(networks), port_set(ports), **more)


def render(policy):
    """Return the ruleset of a policy without what keeps denials: test_denied_sets.py has that."""
    return nftables.render(replace(policy, denied=Denied(keep=False)))


def chains(policy):
    """Return the statements of each chain, and the elements of each set, by name."""
    found, lines = {}, render(policy).split("\n")
    for line in lines:
        if line.startswith(("\tchain ", "\tset ")):
            statements = found.setdefault(line.split()[1], [])
        elif line.startswith("\t\t"):
            statements.append(line.strip())
    assert strange_lines("\n".join(lines)) == []
    return found


def ingress(*rules, **more):
    return chains(Policy(("web",), ingress=rules, **more))


LOST = (
    "tcp flags & (fin | syn | rst | ack) != syn "
    'counter drop comment "invalid: of a connection that is no longer tracked"'
)
NO_FLOW = 'comment "denied: no flow allows it"'


def test_what_goes_out_is_refused_and_what_comes_in_is_dropped_unless_the_policy_says_otherwise():
    found = chains(Policy(("web",)))
    assert found["denied_ingress"] == [f"counter drop {NO_FLOW}"]
    assert found["denied_egress"] == [
        LOST,
        f"meta l4proto tcp counter reject with tcp reset {NO_FLOW}",
        f"counter reject with icmpx type admin-prohibited {NO_FLOW}",
    ]

    stage = PreDnat(port_set("30000/tcp"))
    found = chains(Policy(("web",), deny=Deny("reject", "drop"), pre_dnat=(stage,)))
    assert found["denied_ingress"] == [
        f"limit rate 100/second burst 50 packets counter reject with icmpx type admin-prohibited {NO_FLOW}",
        f"counter drop {NO_FLOW}",
    ]
    assert found["denied_egress"] == [LOST, f"counter drop {NO_FLOW}"]
    assert "reject" not in "".join(found["denied_pre_dnat"])


def test_without_a_flow_only_the_essentials_pass():
    found = chains(Policy(("web",)))

    assert set(found) == CHAINS
    assert (found["input"], found["output"]) == (INPUT, OUTPUT)
    assert found["input_flows"] == found["output_flows"] == []


def test_a_host_that_is_no_dhcp_client_sends_and_hears_none_before_dnat_either():
    found = before("1-1024/udp", dhcp=False)

    assert found["input"] == [line for line in INPUT if line not in DHCP_IN]
    assert found["output"] == [line for line in OUTPUT if line not in DHCP_OUT]
    assert found["pre_dnat_flows"][:2] == [INVALID, "jump input_flows"]


def test_of_what_is_related_to_a_connection_only_icmp_and_own_resets_pass():
    found = before("30000-32767/tcp")

    assert {chain: [line for line in lines if "related" in line] for chain, lines in found.items()} == {
        **{chain: [] for chain in found},
        "output": ["ct state related tcp flags rst accept"],
        "input_icmp": ["ct state related accept"],
        "output_icmp": ["ct state related accept"],
    }


def test_a_direction_has_its_own_hook_its_own_chains_and_the_peers_address_on_its_own_side():
    found = chains(
        Policy(("web",), ingress=(rule("a", "192.0.2.1", "22/tcp"),), egress=(rule("b", "192.0.2.1", "22/tcp"),))
    )

    assert found["input_tcp_22"] == ['ip saddr @office.v4 counter accept comment "flow:a"']
    assert found["output_tcp_22"] == ['ip daddr @office.v4 counter accept comment "flow:b"']


def test_an_empty_peer_renders_no_rule_no_chain_and_no_set():
    found = ingress(rule("a", "", "22/tcp"), rule("b", "", "all"))

    assert set(found) == CHAINS
    assert (found["input"], found["input_flows"]) == (INPUT, [])


@pytest.mark.parametrize(
    ("networks", "matches"),
    [
        ("192.0.2.1", ["ip saddr @office.v4 "]),
        ("2001:db8::1", ["ip6 saddr @office.v6 "]),
        ("192.0.2.1 2001:db8::1", ["ip saddr @office.v4 ", "ip6 saddr @office.v6 "]),
        ("0.0.0.0/0 ::/0", [""]),
        ("0.0.0.0/1 128.0.0.0/1 ::/0", [""]),
        ("0.0.0.0/0", ["meta nfproto ipv4 "]),
        ("::/0", ["meta nfproto ipv6 "]),
        ("0.0.0.0/0 2001:db8::1", ["meta nfproto ipv4 ", "ip6 saddr @office.v6 "]),
        ("192.0.2.1 ::/0", ["ip saddr @office.v4 ", "meta nfproto ipv6 "]),
    ],
)
def test_a_peer_is_matched_in_the_families_it_has_and_everybody_needs_no_match(networks, matches):
    found = ingress(rule("a", networks, "22/tcp"))

    assert found["input_tcp_22"] == [f'{match}counter accept comment "flow:a"' for match in matches]
    sets = {name for name in found if name.startswith("office.")}
    assert sets == {f"office.v{family}" for family in (4, 6) if any(f"office.v{family}" in match for match in matches)}


def test_a_set_has_its_networks_and_the_interval_flag_only_where_it_needs_it():
    found = ingress(rule("a", "192.0.2.2 192.0.2.1 2001:db8::/64 2001:db8:1::1", "22/tcp"))

    assert found["office.v4"] == ["type ipv4_addr", "elements = {", "192.0.2.1,", "192.0.2.2,", "}"]
    assert found["office.v6"] == [
        *("type ipv6_addr", "flags interval", "elements = {", "2001:db8::/64,", "2001:db8:1::1,", "}")
    ]


def test_flows_for_everything_stand_before_the_ports_and_match_no_protocol():
    found = ingress(rule("all", "192.0.2.1", "all"), rule("ssh", "198.51.100.1", "22/tcp", peer="annex"))

    assert found["input_flows"] == [
        'ip saddr @office.v4 counter accept comment "flow:all"',
        "tcp dport vmap { 22 : goto input_tcp_22 }",
    ]


@pytest.mark.parametrize(
    ("ports", "dispatch"),
    [
        (["80-90/tcp"], ["tcp dport vmap { 80-90 : goto input_tcp_80 }"]),
        (["1-65535/udp"], ["udp dport vmap { 1-65535 : goto input_udp_1 }"]),
        (
            ["53/tcp 53/sctp"],
            ["tcp dport vmap { 53 : goto input_tcp_53 }", "sctp dport vmap { 53 : goto input_sctp_53 }"],
        ),
        (["22/tcp 443/tcp"], ["tcp dport vmap { 22 : goto input_tcp_22, 443 : goto input_tcp_22 }"]),
        (["80-90/tcp", "91-95/tcp"], ["tcp dport vmap { 80-90 : goto input_tcp_80, 91-95 : goto input_tcp_91 }"]),
        (
            ["80-90/tcp", "85-95/tcp"],
            ["tcp dport vmap { 80-84 : goto input_tcp_80, 85-90 : goto input_tcp_85, 91-95 : goto input_tcp_91 }"],
        ),
        (
            ["1-65535/tcp", "443/tcp"],
            ["tcp dport vmap { 1-442 : goto input_tcp_1, 443 : goto input_tcp_443, 444-65535 : goto input_tcp_1 }"],
        ),
        (["80/tcp", "80/tcp"], ["tcp dport vmap { 80 : goto input_tcp_80 }"]),
    ],
)  # fmt: skip
def test_ports_are_cut_where_the_flows_that_decide_change(ports, dispatch):
    rules = [rule(f"flow{number}", f"192.0.2.{number}", text, f"peer{number}") for number, text in enumerate(ports)]
    found = ingress(*rules)

    assert found["input_flows"] == dispatch


def test_a_port_of_two_flows_is_decided_by_both_in_the_policys_order():
    found = ingress(rule("b", "192.0.2.2", "80-90/tcp", "second"), rule("a", "192.0.2.1", "85/tcp", "first"))

    assert found["input_tcp_85"] == [
        'ip saddr @second.v4 counter accept comment "flow:b"',
        'ip saddr @first.v4 counter accept comment "flow:a"',
    ]
    assert found["input_tcp_80"] == ['ip saddr @second.v4 counter accept comment "flow:b"']


@pytest.mark.parametrize(
    ("interfaces", "match"),
    [
        ({}, ""),
        ({"private": ("eth0",)}, ""),
        ({"public": ("eth1",)}, 'iifname { "eth1" } '),
        ({"public": ("eth1", "wg0"), "private": ("eth0",)}, 'iifname { "eth1", "wg0" } '),
    ],
)
def test_a_side_is_matched_by_the_hosts_interfaces_on_it(interfaces, match):
    found = ingress(rule("a", "192.0.2.1", "22/tcp", side="public"), interfaces=interfaces)

    assert found["input_tcp_22"] == [f'{match}ip saddr @office.public.v4 counter accept comment "flow:a"']


def test_a_side_going_out_is_matched_by_the_outgoing_interface():
    found = chains(
        Policy(("web",), egress=(rule("a", "192.0.2.1", "22/tcp", side="private"),), interfaces={"private": ("eth0",)})
    )

    assert found["output_tcp_22"] == ['oifname { "eth0" } ip daddr @office.private.v4 counter accept comment "flow:a"']


def test_a_peers_sides_have_sets_of_their_own():
    found = ingress(
        rule("a", "192.0.2.1", "22/tcp", side="public"),
        rule("b", "10.0.0.1", "22/tcp", side="private"),
        rule("c", "10.0.0.1 192.0.2.1", "22/tcp"),
    )

    assert {name for name in found if name.startswith("office")} == {
        "office.public.v4",
        "office.private.v4",
        "office.v4",
    }


def test_a_logged_flow_says_its_name_in_each_family():
    found = ingress(rule("front", "192.0.2.1 2001:db8::1", "22/tcp", log=True))

    log = 'limit rate 100/minute burst 100 packets log prefix "gatehouse front: " comment "flow:front"'
    assert found["input_tcp_22"] == [
        f"ip saddr @office.v4 {log}",
        'ip saddr @office.v4 counter accept comment "flow:front"',
        f"ip6 saddr @office.v6 {log}",
        'ip6 saddr @office.v6 counter accept comment "flow:front"',
    ]


def test_an_isolated_class_denies_its_own_members_before_any_flow_and_after_what_always_passes():
    members = rule("x", "192.0.2.1 2001:db8::/64", "1/tcp").addresses
    found = chains(Policy(("web",), ingress=(rule("all", "0.0.0.0/0 ::/0", "all"),), isolated={"web": members}))

    assert found["input_flows"] == [
        'ip saddr @web.v4 return comment "isolated:web"',
        'ip6 saddr @web.v6 return comment "isolated:web"',
        'counter accept comment "flow:all"',
    ]
    assert found["output_flows"] == [
        'ip daddr @web.v4 return comment "isolated:web"',
        'ip6 daddr @web.v6 return comment "isolated:web"',
    ]
    assert (found["input"], found["output"]) == (INPUT, OUTPUT)
    assert found["web.v4"] == ["type ipv4_addr", "elements = {", "192.0.2.1,", "}"]


PRE_DNAT = [
    "type filter hook prerouting priority dstnat - 20; policy accept;",
    'iif "lo" accept',
    "ct state established accept",
    "jump pre_dnat_destinations",
]
TO_THE_HOST = "fib daddr type { local, broadcast, multicast } goto pre_dnat_ports"


def before(ports, addresses="", side="", *rules, **more):
    """Return the chains of a policy that judges something before DNAT, and has these rules for what comes in."""
    return ingress(*rules, pre_dnat=(PreDnat(port_set(ports), address_set(addresses), side),) if ports else (), **more)


def test_nothing_is_judged_before_dnat_where_no_port_is():
    found = before("", "", "public", rule("a", "192.0.2.1", "22/tcp"), interfaces={"public": ("eth1",)})

    assert set(found) == {*CHAINS, "input_tcp_22", "office.v4"}
    assert found["input_flows"] == ["tcp dport vmap { 22 : goto input_tcp_22 }"]


def test_what_is_judged_before_dnat_is_what_is_asked_of_the_host_itself_after_connection_tracking():
    found = before("30000-32767/tcp")

    own = {"pre_dnat", "pre_dnat_destinations", "pre_dnat_ports", "pre_dnat_flows", "denied_pre_dnat"}
    assert set(found) == {*CHAINS, *own}
    assert found["pre_dnat"] == PRE_DNAT
    assert found["pre_dnat_destinations"] == [TO_THE_HOST]
    assert found["pre_dnat_ports"] == ["tcp dport { 30000-32767 } goto pre_dnat_flows"]


def test_the_flows_of_the_way_in_decide_before_dnat_after_the_same_essentials_and_what_they_leave_is_dropped():
    found = before("30000-32767/tcp")

    assert found["pre_dnat_flows"] == [
        *(INVALID, "jump input_flows"),
        *DHCP_IN,
        "goto denied_pre_dnat",
    ]


@pytest.mark.parametrize(
    ("ports", "statements"),
    [
        ("8080/tcp", ["tcp dport { 8080 } goto pre_dnat_flows"]),
        ("53/udp", ["udp dport { 53 } goto pre_dnat_flows"]),
        ("2905/sctp", ["sctp dport { 2905 } goto pre_dnat_flows"]),
        (
            "30000-32767/tcp+udp",
            ["tcp dport { 30000-32767 } goto pre_dnat_flows", "udp dport { 30000-32767 } goto pre_dnat_flows"],
        ),
        (
            "443/tcp 8080-8081/tcp 1-65535/sctp",
            ["tcp dport { 443, 8080-8081 } goto pre_dnat_flows", "sctp dport { 1-65535 } goto pre_dnat_flows"],
        ),
    ],
)
def test_only_these_ports_of_these_protocols_are_judged_before_dnat(ports, statements):
    assert before(ports)["pre_dnat_ports"] == statements


@pytest.mark.parametrize(
    ("addresses", "matches"),
    [
        ("203.0.113.200", ["ip daddr @pre_dnat.addresses.v4 "]),
        ("2001:db8:9::200", ["ip6 daddr @pre_dnat.addresses.v6 "]),
        ("203.0.113.0/24 2001:db8::1", ["ip daddr @pre_dnat.addresses.v4 ", "ip6 daddr @pre_dnat.addresses.v6 "]),
        ("0.0.0.0/0", ["meta nfproto ipv4 "]),
        ("203.0.113.200 ::/0", ["ip daddr @pre_dnat.addresses.v4 ", "meta nfproto ipv6 "]),
        ("0.0.0.0/0 ::/0", [""]),
    ],
)
def test_services_addresses_are_judged_before_dnat_besides_the_hosts_own(addresses, matches):
    found = before("443/tcp", addresses)

    assert found["pre_dnat_destinations"] == [*(f"{match}goto pre_dnat_ports" for match in matches), TO_THE_HOST]
    assert {name for name in found if name.startswith("pre_dnat.")} == {
        name for name in ("pre_dnat.addresses.v4", "pre_dnat.addresses.v6") if any(name in match for match in matches)
    }


def test_the_set_of_services_addresses_is_a_set_like_another():
    found = before("443/tcp", "203.0.113.200 2001:db8:9::/64")

    assert found["pre_dnat.addresses.v4"] == ["type ipv4_addr", "elements = {", "203.0.113.200,", "}"]
    assert found["pre_dnat.addresses.v6"] == [
        *("type ipv6_addr", "flags interval", "elements = {", "2001:db8:9::/64,", "}")
    ]


@pytest.mark.parametrize(
    ("side", "interfaces", "leaves"),
    [
        ("", {"public": ("eth1",)}, []),
        ("public", {}, []),
        ("public", {"private": ("eth0",)}, []),
        ("public", {"public": ("eth1",), "private": ("eth0",)}, ['iifname != { "eth1" } accept']),
        ("private", {"private": ("eth0", "wg0")}, ['iifname != { "eth0", "wg0" } accept']),
    ],
)
def test_what_comes_in_on_another_side_is_left_alone_before_dnat(side, interfaces, leaves):
    found = before("443/tcp", "203.0.113.200", side, interfaces=interfaces)

    assert found["pre_dnat_destinations"] == [
        *leaves,
        "ip daddr @pre_dnat.addresses.v4 goto pre_dnat_ports",
        TO_THE_HOST,
    ]


ASKED_FOR = "meta l4proto {} ct status dnat ct original proto-dst vmap {{ {} }}"


@pytest.mark.parametrize(
    ("judged", "open_ports", "dispatch"),
    [
        ("30000-32767/tcp", "22/tcp", ["tcp dport vmap { 22 : goto input_tcp_22 }"]),
        ("30000-32767/tcp", "30000-32767/udp", ["udp dport vmap { 30000-32767 : goto input_udp_30000 }"]),
        (
            "30000-32767/tcp",
            "30080/tcp 22/tcp",
            [
                ASKED_FOR.format("tcp", "30080 : jump input_tcp_22"),
                "tcp dport vmap { 22 : goto input_tcp_22, 30080 : goto input_tcp_22 }",
            ],
        ),
        (
            "30000-32767/tcp 443/tcp",
            "1-65535/tcp",
            [
                ASKED_FOR.format("tcp", "443 : jump input_tcp_1, 30000-32767 : jump input_tcp_1"),
                "tcp dport vmap { 1-65535 : goto input_tcp_1 }",
            ],
        ),
        (
            "30000-32767/tcp+udp",
            "30080/tcp+udp",
            [
                ASKED_FOR.format("tcp", "30080 : jump input_tcp_30080"),
                ASKED_FOR.format("udp", "30080 : jump input_udp_30080"),
                "tcp dport vmap { 30080 : goto input_tcp_30080 }",
                "udp dport vmap { 30080 : goto input_udp_30080 }",
            ],
        ),
        ("30000-32767/tcp", "all", ['ip saddr @office.v4 counter accept comment "flow:a"']),
    ],
)
def test_what_was_redirected_to_the_host_is_decided_by_the_port_that_was_asked_for_first(judged, open_ports, dispatch):
    found = before(judged, "", "", rule("a", "192.0.2.1", open_ports))

    assert found["input_flows"] == dispatch


def test_nothing_of_this_is_for_the_way_out():
    node_ports = (PreDnat(port_set("30000-32767/tcp")),)
    found = chains(Policy(("web",), egress=(rule("a", "192.0.2.1", "30080/tcp"),), pre_dnat=node_ports))

    assert found["output"] == OUTPUT
    assert found["output_flows"] == ["tcp dport vmap { 30080 : goto output_tcp_30080 }"]


@pytest.mark.parametrize("echo_request", [True, False])
def test_echo_requests_stand_among_the_icmp_types_where_the_model_says_so(echo_request):
    found = chains(Policy(("web",), echo_request=echo_request))

    for chain in ("input_icmp", "output_icmp"):
        assert ["echo-request" in statement for statement in found[chain]] == [False, echo_request, echo_request]


def test_the_ruleset_says_what_it_lets_through_and_why_in_comments():
    ruleset = render(Policy(("web",), ingress=(rule("a", "192.0.2.1", "22/tcp", why="a reason", source="a page"),)))

    assert ruleset.split("\n")[1:5] == [
        "# gatehouse.firewall, node class web. Generated: edits are lost at the next run.",
        "#: ingress 22/tcp from office, flow a",
        "#: flow a: a reason [a page]",
        "",
    ]


def test_our_table_is_replaced_as_a_whole_and_no_other_is_named():
    lines = render(Policy(("web",))).split("\n")

    assert [line for line in lines if "table" in line] == [
        *("table inet gatehouse", "delete table inet gatehouse", "table inet gatehouse {")
    ]
    assert not [line for line in lines if "flush" in line]
