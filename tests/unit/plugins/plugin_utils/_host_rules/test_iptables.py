"""What single rules look like in iptables and ipset, and that both variants of iptables take them as they are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.denied import Denied
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.deny import Deny
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet, parse_network
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet

TITLE = "# gatehouse.firewall, node class web. Generated: edits are lost at the next run."
DENIED, DENIED_OUT, DENIED_BEFORE = (f"-g GATEHOUSE-{stage}-DENIED" for stage in ("INPUT", "OUTPUT", "PRE-DNAT"))
INVALID = '-m conntrack --ctstate INVALID -m comment --comment "invalid: belongs to no connection" -j DROP'
ALLOWED = '-m comment --comment "flow:a" -j RETURN'
LOCAL = "-m addrtype --dst-type LOCAL "
CHAINS = {f"GATEHOUSE-{way}{part}" for way in ("INPUT", "OUTPUT") for part in ("", "-ICMP", "-FLOWS", "-DENIED")}
EVERYBODY = "0.0.0.0/0 ::/0"
LONG = "n" * 64


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
    """Return the files of a policy without what keeps denials: test_denied_sets.py has that."""
    return iptables.render(replace(policy, denied=Denied(keep=False)))


def sets(policy):
    """Return kind and elements of each set by name."""
    found, kind, elements = {}, "", []
    for line in render(policy)["ipset"].splitlines():
        command, *words = line.split()
        if command == "create" and words[0] == "gatehouse-new":
            kind, elements = " ".join(words[1:]), []
        elif command == "add":
            elements.append(words[1])
        elif command == "swap":
            found[words[1]] = (kind, elements)
    return found


def chains(policy, family=4):
    """Return the rules of each chain; in them, a set's name is without the digest."""
    found = {}
    for line in render(policy)[f"rules.v{family}"].splitlines():
        if line.startswith(":"):
            found[line[1:].split()[0]] = []
        elif line.startswith("-A"):
            _append, chain, text = line.split(" ", 2)
            found[chain].append(re.sub(r"(--match-set \S+)-[0-9a-f]{8} ", r"\1 ", text))
    return found


def ingress(*rules, family=4, **more):
    return chains(Policy(("web",), ingress=rules, **more), family)


def before(ports, addresses="", side="", *rules, **more):
    """Return the chains of a policy that judges something before DNAT, and has these rules for what comes in."""
    return ingress(*rules, pre_dnat=(PreDnat(port_set(ports), address_set(addresses), side),) if ports else (), **more)


def from_set(name, end="src"):
    return f"-m set --match-set gatehouse-{name} {end} "


LOST = (
    "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN "
    '-m comment --comment "invalid: of a connection that is no longer tracked" -j DROP'
)
DHCP_IN = [
    "-d 255.255.255.255/32 -p udp -m udp --sport 67 --dport 68 -j RETURN",
    "-p udp -m udp --sport 67 --dport 68 -m addrtype --dst-type LOCAL -j RETURN",
]


def test_without_a_flow_only_the_essentials_pass():
    found = chains(Policy(("web",)))

    assert set(found) == CHAINS
    assert found["GATEHOUSE-INPUT"] == [
        "-i lo -j RETURN",
        "-m conntrack --ctstate ESTABLISHED -j RETURN",
        "-p icmp -g GATEHOUSE-INPUT-ICMP",
        INVALID,
        *DHCP_IN,
        "-d 224.0.0.0/4 -p 2 -m ttl --ttl-eq 1 -j RETURN",
        "-g GATEHOUSE-INPUT-FLOWS",
    ]
    assert found["GATEHOUSE-INPUT-ICMP"] == [
        "-m conntrack --ctstate RELATED -j RETURN",
        *(f"-p icmp -m icmp --icmp-type {number} -j RETURN" for number in (3, 11, 12, 8)),
        INVALID,
        "-g GATEHOUSE-INPUT-FLOWS",
    ]
    assert (found["GATEHOUSE-INPUT-FLOWS"], found["GATEHOUSE-OUTPUT-FLOWS"]) == ([DENIED], [DENIED_OUT])
    no_flow = '-m comment --comment "denied: no flow allows it" -j'
    assert found["GATEHOUSE-INPUT-DENIED"] == [f"{no_flow} DROP"]
    assert found["GATEHOUSE-OUTPUT-DENIED"] == [
        LOST,
        f"-p tcp {no_flow} REJECT --reject-with tcp-reset",
        f"{no_flow} REJECT --reject-with icmp-admin-prohibited",
    ]


@pytest.mark.parametrize(("family", "prohibited"), [(4, "icmp-admin-prohibited"), (6, "icmp6-adm-prohibited")])
def test_a_host_denies_as_its_policy_says(family, prohibited):
    no_flow = '-m comment --comment "denied: no flow allows it" -j'
    limited = "-m limit --limit 100/second --limit-burst 50"
    found = before("22/tcp", deny=Deny("reject", "drop"), family=family)

    assert found["GATEHOUSE-INPUT-DENIED"] == [
        f"{limited} {no_flow} REJECT --reject-with {prohibited}",
        f"{no_flow} DROP",
    ]
    assert found["GATEHOUSE-OUTPUT-DENIED"] == [LOST, f"{no_flow} DROP"]
    # REJECT is for the table filter alone, and what is denied before DNAT may be for somebody else.
    assert "REJECT" not in "".join(found["GATEHOUSE-PRE-DNAT-DENIED"])


@pytest.mark.parametrize("family", [4, 6])
def test_a_host_that_is_no_dhcp_client_sends_and_hears_none_before_dnat_either(family):
    found = before("1-1024/udp", dhcp=False, family=family)

    assert [line for lines in found.values() for line in lines if "-m udp --sport" in line or "546" in line] == []


def test_the_way_out_of_ipv6_has_its_own_essentials():
    found = chains(Policy(("web",), echo_request=False), 6)

    assert found["GATEHOUSE-OUTPUT"] == [
        "-o lo -j RETURN",
        "-m conntrack --ctstate ESTABLISHED -j RETURN",
        "-p ipv6-icmp -g GATEHOUSE-OUTPUT-ICMP",
        INVALID,
        "-p tcp -m tcp --tcp-flags RST RST -m conntrack --ctstate RELATED -j RETURN",
        "-d fe80::/10 -p udp -m udp --sport 546 --dport 547 -j RETURN",
        "-d ff02::1:2/128 -p udp -m udp --sport 546 --dport 547 -j RETURN",
        "-g GATEHOUSE-OUTPUT-FLOWS",
    ]
    assert found["GATEHOUSE-INPUT"][4] == "-s fe80::/10 -d fe80::/10 -p udp -m udp --dport 546 -j RETURN"
    assert found["GATEHOUSE-OUTPUT-ICMP"][1:-2] == [
        f"-p ipv6-icmp -m icmp6 --icmpv6-type {number} -j RETURN"
        for number in (1, 2, 3, 4, 131, 132, 143, 133, 135, 136)
    ]


def test_a_direction_has_its_own_chains_and_the_peers_address_at_its_own_end():
    found = chains(
        Policy(("web",), ingress=(rule("a", "192.0.2.1", "22/tcp"),), egress=(rule("a", "192.0.2.1", "22/tcp"),))
    )

    assert found["GATEHOUSE-INPUT-TCP-22"] == [f"{from_set('office')}{ALLOWED}", DENIED]
    assert found["GATEHOUSE-OUTPUT-TCP-22"] == [f"{from_set('office', 'dst')}{ALLOWED}", DENIED_OUT]


@pytest.mark.parametrize("family", [4, 6])
def test_nobody_has_no_rule_no_chain_and_no_set(family):
    other = "2001:db8::1" if family == 4 else "192.0.2.1"
    found = ingress(rule("a", "", "22/tcp"), rule("b", "", "all"), rule("c", other, "1-9/tcp all"), family=family)

    assert set(found) == CHAINS
    assert found["GATEHOUSE-INPUT-FLOWS"] == [DENIED]
    assert sets(Policy(("web",), ingress=(rule("a", "", "22/tcp"),))) == {}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("networks", [EVERYBODY, "0.0.0.0/1 128.0.0.0/1 ::/1 8000::/1"])
def test_everybody_needs_neither_a_match_nor_a_set(networks, family):
    policy = Policy(("web",), ingress=(rule("a", networks, "22/tcp"),))

    assert chains(policy, family)["GATEHOUSE-INPUT-TCP-22"] == [ALLOWED, DENIED]
    assert sets(policy) == {}


def test_a_set_is_filled_beside_its_place_and_comes_there_complete():
    policy = Policy(("web",), ingress=(rule("a", "192.0.2.2 192.0.2.1 2001:db8::/64 2001:db8:1::1", "22/tcp"),))
    lines = render(policy)["ipset"].splitlines()[1:]
    v4, v6 = list(sets(policy))

    assert lines == [
        TITLE,
        "#set: office",
        "create gatehouse-new hash:ip family inet maxelem 65536",
        "add gatehouse-new 192.0.2.1",
        "add gatehouse-new 192.0.2.2",
        f"create {v4} hash:ip family inet maxelem 65536 -exist",
        f"swap gatehouse-new {v4}",
        "destroy gatehouse-new",
        "#set: office",
        "create gatehouse-new hash:net family inet6 maxelem 65536",
        "add gatehouse-new 2001:db8::/64",
        "add gatehouse-new 2001:db8:1::1",
        f"create {v6} hash:net family inet6 maxelem 65536 -exist",
        f"swap gatehouse-new {v6}",
        "destroy gatehouse-new",
    ]


def test_a_set_has_room_for_as_many_elements_as_it_gets():
    networks = " ".join(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(0, 140000, 2))
    [(kind, elements)] = list(sets(Policy(("web",), ingress=(rule("a", networks, "22/tcp"),))).values())

    assert (kind, len(elements)) == ("hash:ip family inet maxelem 70000", 70000)


def test_a_sets_name_changes_with_whose_it_is_and_its_kind_and_with_nothing_else():
    one, again, wide, other = (
        sets(Policy(("web",), ingress=(rule(flow, networks, ports, peer),)))
        for flow, networks, ports, peer in (
            ("a", "192.0.2.1", "22/tcp", "office"),
            ("b", "192.0.2.2 192.0.2.3", "all", "office"),
            ("a", "192.0.2.0/24", "22/tcp", "office"),
            ("a", "192.0.2.1", "22/tcp", "home"),
        )
    )

    assert set(one) == set(again)
    assert not set(one) & {*wide, *other}


def test_peers_that_begin_alike_and_the_sides_of_one_have_sets_of_their_own():
    policy = Policy(
        "web",
        ingress=(
            rule("a", "192.0.2.1", "1/tcp", "a-very-long-name-1"),
            rule("b", "192.0.2.1", "2/tcp", "a-very-long-name-2"),
            rule("c", "192.0.2.1", "3/tcp", "a-very-long-name-2", side="public"),
            rule("d", "192.0.2.3", "4/tcp", "a-very-long-name-2", side="private"),
        ),
    )

    assert [elements for _kind, elements in sets(policy).values()] == [["192.0.2.1"]] * 2 + [
        ["192.0.2.3"],
        ["192.0.2.1"],
    ]
    assert {name.rpartition("-")[0] for name in sets(policy)} == {"gatehouse-a-very-lon"}


def test_each_set_that_rules_name_is_made_and_each_chain_too():
    policy = Policy(
        LONG,
        ingress=(rule(LONG, "192.0.2.1 2001:db8::/64", "1-65535/tcp+udp+sctp", LONG, side="private", log=True),),
        egress=(rule("x", "192.0.2.0/24 2001:db8::7", "60000/tcp 60001-65535/sctp"),),
        isolated={"web": address_set("198.51.100.1 2001:db8:7::/64")},
        pre_dnat=(PreDnat(port_set("30000-32767/sctp 10000/tcp"), address_set("203.0.113.0/24 ::/0")),),
    )
    files = render(policy)

    for family in (4, 6):
        text = files[f"rules.v{family}"]
        declared = re.findall(r"^:(\S+)", text, re.MULTILINE)
        assert len(declared) == len(set(declared))
        assert set(re.findall(r" -[jg] (GATEHOUSE-\S+)$", text, re.MULTILINE)) == set(declared)
        assert max(map(len, declared)) <= 28
        assert set(re.findall(r"--match-set (\S+)", text)) <= set(sets(policy))
    assert max(map(len, sets(policy))) == 31 - len(".a")


def test_flows_for_everything_stand_before_the_ports_and_match_no_protocol():
    found = ingress(rule("a", "192.0.2.1", "all"), rule("ssh", "198.51.100.1", "22/tcp", peer="annex"))

    assert found["GATEHOUSE-INPUT-FLOWS"] == [
        f"{from_set('office')}{ALLOWED}",
        "-p tcp -m tcp --dport 22 -g GATEHOUSE-INPUT-TCP-22",
        DENIED,
    ]


SIXTEEN = " ".join(f"{number}/tcp" for number in range(2, 33, 2))
EIGHT_RANGES = " ".join(f"{number}-{number + 1}/udp" for number in range(10, 90, 10))


@pytest.mark.parametrize(
    ("ports", "dispatch"),
    [
        (["80-90/tcp"], ["-p tcp -m tcp --dport 80:90 -g TCP-80"]),
        (["1-65535/sctp"], ["-p sctp -m sctp --dport 1:65535 -g SCTP-1"]),
        (["53/tcp 53/udp"], ["-p tcp -m tcp --dport 53 -g TCP-53", "-p udp -m udp --dport 53 -g UDP-53"]),
        (["22/tcp 80-90/tcp"], ["-p tcp -m multiport --dports 22,80:90 -g TCP-22"]),
        (
            ["1-65535/tcp", "443/tcp"],
            ["-p tcp -m multiport --dports 1:442,444:65535 -g TCP-1", "-p tcp -m tcp --dport 443 -g TCP-443"],
        ),
        (
            [SIXTEEN],
            [
                f"-p tcp -m multiport --dports {','.join(map(str, range(2, 31, 2)))} -g TCP-2",
                "-p tcp -m multiport --dports 32 -g TCP-2",
            ],
        ),
        (
            [EIGHT_RANGES],
            [
                "-p udp -m multiport --dports 10:11,20:21,30:31,40:41,50:51,60:61,70:71 -g UDP-10",
                "-p udp -m multiport --dports 80:81 -g UDP-10",
            ],
        ),
    ],
)
def test_ports_are_cut_where_the_flows_that_decide_change_and_asked_for_in_as_few_rules_as_there_is_room(
    ports, dispatch
):
    rules = [rule(f"flow{number}", f"192.0.2.{number}", text, f"peer{number}") for number, text in enumerate(ports)]
    found = ingress(*rules)["GATEHOUSE-INPUT-FLOWS"]

    assert [line.replace("GATEHOUSE-INPUT-", "") for line in found] == [*dispatch, "-g DENIED"]


def test_a_port_of_two_flows_is_decided_by_both_in_the_policys_order():
    found = ingress(rule("b", "192.0.2.2", "80-90/tcp", "second"), rule("a", "192.0.2.1", "85/tcp", "first"))

    assert found["GATEHOUSE-INPUT-TCP-85"] == [
        f'{from_set("second")}-m comment --comment "flow:b" -j RETURN',
        f"{from_set('first')}{ALLOWED}",
        DENIED,
    ]


@pytest.mark.parametrize(
    ("interfaces", "matches"),
    [
        ({}, [""]),
        ({"private": ("eth0",)}, [""]),
        ({"public": ("eth1", "wg0"), "private": ("eth0",)}, ["-i eth1 ", "-i wg0 "]),
    ],
)
def test_a_side_is_matched_by_each_of_the_hosts_interfaces_on_it(interfaces, matches):
    found = ingress(rule("a", "192.0.2.1", "22/tcp", side="public"), interfaces=interfaces)

    assert found["GATEHOUSE-INPUT-TCP-22"] == [*(f"{match}{from_set('office')}{ALLOWED}" for match in matches), DENIED]


def test_a_side_going_out_is_matched_by_the_outgoing_interface():
    out = rule("a", EVERYBODY, "22/tcp", side="private")
    found = chains(Policy(("web",), egress=(out,), interfaces={"private": ("eth0",)}))

    assert found["GATEHOUSE-OUTPUT-TCP-22"] == [f"-o eth0 {ALLOWED}", DENIED_OUT]


def test_a_logged_flow_says_its_name_before_it_lets_through():
    found = ingress(rule("a", "192.0.2.1", "22/tcp", log=True))

    assert found["GATEHOUSE-INPUT-TCP-22"] == [
        f'{from_set("office")}-m limit --limit 100/min --limit-burst 100 -j LOG --log-prefix "gatehouse a: "',
        f"{from_set('office')}{ALLOWED}",
        DENIED,
    ]


def test_a_long_name_is_logged_as_far_as_the_kernel_keeps_it():
    line = ingress(rule(LONG, EVERYBODY, "22/tcp", log=True))["GATEHOUSE-INPUT-TCP-22"][0]

    assert line == f'-m limit --limit 100/min --limit-burst 100 -j LOG --log-prefix "gatehouse {LONG[:17]}: "'
    assert len(line.split('"')[1]) == 29


def test_an_isolated_class_denies_its_own_members_before_any_flow_and_after_what_always_passes():
    members = address_set("192.0.2.1 2001:db8::/64")
    policy = Policy(("web",), ingress=(rule("a", EVERYBODY, "all"),), isolated={"web": members})

    for family in (4, 6):
        found = chains(policy, family)
        comment = '-m comment --comment "isolated:web" '
        assert found["GATEHOUSE-INPUT-FLOWS"] == [f"{from_set('web')}{comment}{DENIED}", ALLOWED, DENIED]
        assert found["GATEHOUSE-OUTPUT-FLOWS"] == [f"{from_set('web', 'dst')}{comment}{DENIED_OUT}", DENIED_OUT]
        assert found["GATEHOUSE-INPUT"] == chains(Policy(("web",)), family)["GATEHOUSE-INPUT"]


def test_what_is_asked_of_the_host_itself_is_judged_before_dnat_by_the_flows_of_the_way_in():
    found = before("30000-32767/tcp 53/udp", "", "", rule("a", "192.0.2.1", "22/tcp 30000-30009/tcp"))

    assert {name: rules for name, rules in found.items() if "DNAT" in name} == {
        "GATEHOUSE-PRE-DNAT": [
            "-i lo -j RETURN",
            "-m conntrack --ctstate ESTABLISHED -j RETURN",
            *(
                f"-m addrtype --dst-type {kind} -g GATEHOUSE-PRE-DNAT-PORTS"
                for kind in ("LOCAL", "BROADCAST", "MULTICAST")
            ),
            "-j RETURN",
        ],
        "GATEHOUSE-PRE-DNAT-PORTS": [
            "-p tcp -m tcp --dport 30000:32767 -g GATEHOUSE-PRE-DNAT-FLOWS",
            "-p udp -m udp --dport 53 -g GATEHOUSE-PRE-DNAT-FLOWS",
            "-j RETURN",
        ],
        "GATEHOUSE-PRE-DNAT-FLOWS": [
            INVALID,
            *DHCP_IN,
            "-p tcp -m tcp --dport 30000:30009 -g GATEHOUSE-DNAT-TCP-30000",
            DENIED_BEFORE,
        ],
        "GATEHOUSE-DNAT-TCP-30000": [f"{from_set('office')}{ALLOWED}", DENIED_BEFORE],
        "GATEHOUSE-PRE-DNAT-DENIED": ['-m comment --comment "denied before DNAT: no flow allows it" -j DROP'],
    }


def test_flows_for_everything_and_isolation_count_before_dnat_as_well():
    found = before("53/udp", "", "", rule("a", "192.0.2.1", "all"), isolated={"web": address_set("192.0.2.7")})

    assert found["GATEHOUSE-PRE-DNAT-FLOWS"][3:] == [
        f'{from_set("web")}-m comment --comment "isolated:web" {DENIED_BEFORE}',
        f"{from_set('office')}{ALLOWED}",
        DENIED_BEFORE,
    ]


@pytest.mark.parametrize(
    ("addresses", "family", "matches"),
    [
        ("203.0.113.200", 4, [from_set("pre_dnat", "dst")]),
        ("203.0.113.200", 6, []),
        ("203.0.113.0/24 2001:db8::1", 6, [from_set("pre_dnat", "dst")]),
        ("203.0.113.200 ::/0", 6, [""]),
        ("0.0.0.0/0", 4, [""]),
    ],
)
def test_services_addresses_are_judged_before_dnat_besides_the_hosts_own(addresses, family, matches):
    found = before("443/tcp", addresses, family=family)["GATEHOUSE-PRE-DNAT"]

    own = 3 if family == 4 else 2  # IPv6 has no broadcast, and ip6tables refuses it
    assert found[2 : -1 - own] == [f"{match}-g GATEHOUSE-PRE-DNAT-PORTS" for match in matches]
    assert found[-1 - own] == f"{LOCAL}-g GATEHOUSE-PRE-DNAT-PORTS"


def test_only_what_comes_in_on_the_side_is_judged_before_dnat():
    names = {"public": ("eth1", "wg0"), "private": ("eth0",)}
    found = before("443/tcp", "203.0.113.200", "public", interfaces=names)["GATEHOUSE-PRE-DNAT"]

    assert [line.split()[:2] for line in found[2:-1]] == [["-i", "eth1"]] * 4 + [["-i", "wg0"]] * 4
    assert found[-1] == "-j RETURN"


def asked_for(protocol, ports):
    return f"-m conntrack --ctstate DNAT --ctproto {protocol} --ctorigdstport {ports} "


@pytest.mark.parametrize(
    ("judged", "open_ports", "asked"),
    [
        ("30000-32767/tcp", "22/tcp", []),
        ("30000-32767/tcp", "30000-32767/udp", []),
        ("30000-32767/tcp", "30080/tcp 22/tcp", [("tcp", "30080")]),
        ("30000-32767/tcp 443/tcp", "1-65535/tcp", [("tcp", "443"), ("tcp", "30000:32767")]),
        ("30000-32767/tcp+sctp", "30080/tcp+sctp", [("tcp", "30080"), ("sctp", "30080")]),
        ("30000-32767/tcp", "all", []),
    ],
)
def test_what_was_redirected_to_the_host_is_allowed_by_the_port_that_was_asked_for_before_the_others(
    judged, open_ports, asked
):
    found = before(judged, "", "", rule("a", "192.0.2.1", open_ports))["GATEHOUSE-INPUT-FLOWS"]

    lines = [f"{asked_for(*ports)}{from_set('office')}{ALLOWED}" for ports in asked]
    assert [line for line in found if "ctstate DNAT" in line] == lines == found[: len(lines)]


def test_nothing_of_this_is_for_the_way_out():
    policy = Policy(("web",), egress=(rule("a", "192.0.2.1", "30080/tcp"),), pre_dnat=(PreDnat(port_set("30080/tcp")),))

    assert chains(policy)["GATEHOUSE-OUTPUT-FLOWS"] == [
        "-p tcp -m tcp --dport 30080 -g GATEHOUSE-OUTPUT-TCP-30080",
        DENIED_OUT,
    ]


def test_the_files_begin_with_what_they_let_through_and_end_with_the_jumps():
    policy = Policy(("web",), ingress=(rule("a", "192.0.2.1", "22/tcp", why="a reason", source="a page"),))
    files = render(policy)

    assert list(files) == ["ipset", "rules.v4", "rules.v6"]
    assert files["ipset"].partition("\n")[2].startswith(f"{TITLE}\n#set: office\ncreate ")
    for family in (4, 6):
        lines = files[f"rules.v{family}"].split("\n")
        assert lines[:5] == [
            TITLE, "#: ingress 22/tcp from office, flow a", "#: flow a: a reason [a page]", "", "*filter"
        ]  # fmt: skip
        assert lines[-6:] == [
            *("-I INPUT 1 -j GATEHOUSE-INPUT", "-I OUTPUT 1 -j GATEHOUSE-OUTPUT", "COMMIT"),
            *("*mangle", "COMMIT", ""),
        ]


LAST = r"-g GATEHOUSE-\S+|-j RETURN|-m comment --comment \"denied[^\"]*\" -j (?:DROP|REJECT --reject-with \S+)"
FULL = Policy(
    LONG,
    ingress=(
        rule("all", "198.51.100.0/24 2001:db8:1::1", "all", "office", side="public", log=True),
        rule(LONG, "192.0.2.1 2001:db8::/64", f"1-65535/sctp {SIXTEEN} {EIGHT_RANGES}", LONG, log=True),
        rule("some", EVERYBODY, "30000-30099/tcp+udp+sctp", "world", side="private"),
    ),
    egress=(rule("out", "192.0.2.0/24 2001:db8::7", "53/tcp+udp 60000-65535/sctp", "dns", side="public"),),
    isolated={"web": address_set("198.51.100.1 2001:db8:7::/64")},
    pre_dnat=(PreDnat(port_set("30000-32767/tcp+udp+sctp"), address_set("203.0.113.0/24 2001:db8:9::1"), "public"),),
    interfaces={"private": ("i" * 15,), "public": ("eth1", "a:1", "b.2@c_d-e")},
)
POLICIES = {
    "no flow": Policy(("web",)),
    "all there is": FULL,
    "everybody": Policy(
        ("web",), (rule("a", EVERYBODY, "all"),), pre_dnat=(PreDnat(port_set("1-65535/tcp"), address_set(EVERYBODY)),)
    ),
}


def test_nothing_of_ours_is_entered_so_that_return_would_lead_back_to_ours():
    lines = render(FULL)["rules.v4"].splitlines()

    assert [line for line in lines if re.search(r"^-A .* -j GATEHOUSE", line)] == []
    assert [line for line in lines if " -j GATEHOUSE" in line] == [
        "-I INPUT 1 -j GATEHOUSE-INPUT",
        "-I OUTPUT 1 -j GATEHOUSE-OUTPUT",
        "-I PREROUTING 1 -j GATEHOUSE-PRE-DNAT",
    ]
    assert [rules for rules in chains(FULL).values() if not re.fullmatch(LAST, rules[-1])] == []
