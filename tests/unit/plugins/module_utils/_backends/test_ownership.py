from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.ownership import (
    foreign_in_iptables,
    foreign_in_nft,
)

OURS = """\
# gatehouse
table inet gatehouse
delete table inet gatehouse

table inet gatehouse {
    chain input { type filter hook input priority 0; tcp dport 22 accept comment "flow:a }"; }
}
"""


# nft flushes everything with each of these: comments begin anywhere, and a string may have several lines.
HIDDEN = [
    "table inet gatehouse { # {\n}\nflush ruleset\n",
    "table inet gatehouse { } # {\nflush ruleset\n# }\n",
    'table inet gatehouse { # "\n}\nflush ruleset # "\n',
    'table inet gatehouse {\nchain a { counter comment "a\n" ; } ; } ; flush ruleset #"\n',
]


def test_a_ruleset_for_our_table_alone_has_nothing_foreign():
    assert foreign_in_nft(OURS) == []
    assert foreign_in_nft("table inet gatehouse { }") == []
    assert foreign_in_nft(f"# }} flush ruleset\n{OURS} # }} flush ruleset\n") == []
    assert foreign_in_nft('table inet gatehouse {\n\tcomment "a # b\n}; flush ruleset {"\n}\n') == []
    assert foreign_in_nft("table inet gatehouse {\n\tset include { type ipv4_addr; }\n}\n") == []


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        (f"flush ruleset\n{OURS}", ["flush ruleset"]),
        (f"{OURS}flush  ruleset", ["flush ruleset"]),
        (f"table inet gatehouse; flush ruleset\n{OURS}", ["flush ruleset"]),
        (f"{OURS}table inet mine {{ }}\n", ["table inet mine {"]),
        (f"{OURS}add rule ip filter INPUT drop\n", ["add rule ip filter INPUT drop"]),
        (f"{OURS}delete table ip nat\n", ["delete table ip nat"]),
        ('include "/etc/nftables.conf"\n', ['include ""', 'include ""']),
        ("table inet gatehouse {\n}}\nflush ruleset\n", ["flush ruleset"]),
        *((text, ["flush ruleset"]) for text in HIDDEN),
        ('table inet gatehouse { include "/etc/nftables.conf"\n}\n', ['include ""']),
        ('table inet gatehouse { chain a { ;include "/etc/nftables.conf"\n} }\n', ['include ""']),
    ],
)
def test_what_else_a_ruleset_would_do_is_found(text, foreign):
    assert foreign_in_nft(text) == foreign


@pytest.mark.parametrize(
    ("file", "line", "is_ours"),
    [
        ("rules.v4", "*filter", True),
        ("rules.v4", ":GATEHOUSE-INPUT - [0:0]", True),
        ("rules.v6", "-A GATEHOUSE-INPUT -j DROP", True),
        ("rules.v6", "-I INPUT 1 -j GATEHOUSE-INPUT", True),
        ("ipset", "create gatehouse-new hash:ip family inet", True),
        ("rules.v4", "*nat", False),
        ("rules.v4", "-F INPUT", False),
        ("rules.v4", "-P INPUT DROP", False),
        ("rules.v4", ":INPUT DROP [0:0]", False),
        ("rules.v4", "-A INPUT -s 192.0.2.1 -j ACCEPT", False),
        ("rules.v4", "-I POSTROUTING 1 -j GATEHOUSE-INPUT", False),
        ("rules.v4", "-X DOCKER", False),
        ("ipset", "swap gatehouse-new gatehouse-office.v4-0a1b", True),
        ("ipset", "swap gatehouse-new theirs", False),
        ("ipset", "destroy", False),
        ("ipset", "flush theirs", False),
    ],
)
def test_a_line_for_iptables_is_ours_or_it_is_not(file, line, is_ours):
    assert foreign_in_iptables(file, f"# a comment\n\n{line}\n") == ([] if is_ours else [line])
