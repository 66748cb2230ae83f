from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules import (
    NOTRACK,
    REDIRECT,
    denying_chains,
    reached,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules_nft import read_table

# As nft 0.9.8 prints it; the kernel's tests read what the nft at hand does.
LISTING = """\
\tmap service-ips {
\t\ttype ipv4_addr . inet_proto . inet_service : verdict
\t\telements = { 203.0.113.150 . tcp . 80 : goto external-B,
\t\t\t     10.96.0.1 . tcp . 443 : goto service-A }
\t}

\tchain nt {
\t\tnotrack
\t}

\tchain external-B {
\t\tmeta l4proto tcp dnat ip to 192.0.2.10:80
\t}

\tchain service-A {
\t\tmeta l4proto tcp dnat ip to 192.0.2.10:6443
\t}

\tchain raw {
\t\ttype filter hook prerouting priority raw; policy accept;
\t\tmeta nfproto ipv4 ip daddr . udp dport { 198.51.100.21 . 8443 } notrack
\t\tmeta l4proto { tcp, 17 } th dport { 8443-9000 } jump nt
\t\tudp dport http jump nt
\t\tct state . tcp dport { new . 22 } jump nt
\t}

\tchain nat {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\tip daddr . meta l4proto . th dport vmap @service-ips
\t\tdnat ip to tcp dport map { 81 : 10.0.0.2 }
\t\ttcp dport 82 comment "udp dport 83 dnat" counter
\t}

\tchain f {
\t\ttype filter hook forward priority filter; policy drop;
\t}
"""
TABLE = read_table("inet theirs", LISTING)


@pytest.mark.parametrize(
    ("number", "protocols", "ports", "destinations"),
    [
        (0, {"udp"}, ((8443, 8443),), ("198.51.100.21",)),
        (1, {"tcp", "udp"}, ((8443, 9000),), None),
        (2, {"udp"}, None, None),  # what can't be told counts as any
        (3, {"tcp"}, None, None),
    ],
)
def test_a_rule_is_read_for_what_it_asks(number, protocols, ports, destinations):
    one = list(reached([TABLE], "prerouting", [NOTRACK]))[number]

    assert (one.match.protocols, one.match.ports, one.match.destinations) == (protocols, ports, destinations)


def test_what_is_redirected_is_found_with_what_leads_there_but_for_what_only_a_cluster_knows():
    found = [(one.chain, one.match.ports, one.match.destinations) for one in reached([TABLE], "prerouting", [REDIRECT])]

    assert found == [("external-B", ((80, 80),), ("203.0.113.150",)), ("nat", ((81, 81),), None)]


def test_a_place_is_named_as_people_would():
    (first, *_others) = reached([TABLE], "prerouting", [NOTRACK])

    assert first.place == f"nftables inet theirs, chain raw: {first.rule.text}"
    assert denying_chains([TABLE], "forward") == ["nftables inet theirs, chain f: policy drop"]
