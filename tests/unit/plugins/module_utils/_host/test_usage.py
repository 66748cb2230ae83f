"""What flows have let through, read from what nft and iptables-save print; and since when, as the loaders note it."""

from __future__ import annotations

import os

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.usage import metrics, usage_of, utc
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

NFT = """\
table inet gatehouse {
\tset office.v4 {
\t\ttype ipv4_addr
\t}

\tchain input {
\t\ttype filter hook input priority filter - 10; policy drop;
\t\tcounter packets 77 bytes 7777 drop comment "denied: no flow allows it"
\t}

\tchain input_tcp_22 {
\t\tip saddr @office.v4 log prefix "gatehouse admin: " counter packets 3 bytes 180 accept comment "flow:admin"
\t\tip6 saddr @office.v6 counter packets 2 bytes 160 accept comment "flow:admin"
\t\tip saddr 203.0.113.9 counter packets 9 bytes 900 accept comment "mine"
\t\ttcp dport 23 accept
\t}

\tchain output_tcp_22 {
\t\tcounter packets 0 bytes 0 accept comment "flow:admin"
\t}

\tchain somebody_else {
\t\tcounter packets 5 bytes 500 accept comment "flow:admin"
\t}
}
"""
SAVED = """\
*filter
:INPUT ACCEPT [10:100]
:GATEHOUSE-INPUT-TCP-22 - [0:0]
[9:540] -A INPUT -m comment --comment "flow:admin" -j RETURN
[3:180] -A GATEHOUSE-INPUT-TCP-22 -m set --match-set gatehouse-a.a src -j LOG --log-prefix "gatehouse admin: "
[3:180] -A GATEHOUSE-INPUT-TCP-22 -m set --match-set gatehouse-a.a src -m comment --comment flow:admin -j RETURN
[77:7777] -A GATEHOUSE-INPUT-TCP-22 -m comment --comment "denied: no flow allows it" -j DROP
[0:0] -A GATEHOUSE-OUTPUT-TCP-22 -m comment --comment "flow:admin" -j RETURN
COMMIT
*mangle
[2:160] -A GATEHOUSE-DNAT-TCP-30000 -m comment --comment "flow:admin" -j RETURN
COMMIT
"""
ADMIN = [
    {"flow": "admin", "direction": "egress", "packets": 0, "bytes": 0},
    {"flow": "admin", "direction": "ingress", "packets": 5, "bytes": 340},
]


@pytest.mark.parametrize("counted", [NFT, SAVED])
def test_what_several_rules_of_a_flow_count_is_added_up_and_nothing_else_is(counted):
    assert usage_of(counted) == ADMIN


@pytest.mark.parametrize("counted", ["", NFT.replace("flow:", "isolated:"), NFT.replace("accept", "drop")])
def test_where_no_flow_lets_anything_through_nothing_is_counted(counted):
    assert usage_of(counted) == []


def test_metrics_are_counters_by_flow_and_direction():
    assert metrics(usage_of(NFT)).splitlines()[1:] == [
        "# TYPE gatehouse_flow_attempts_total counter",
        'gatehouse_flow_attempts_total{flow="admin",direction="egress"} 0',
        'gatehouse_flow_attempts_total{flow="admin",direction="ingress"} 5',
    ]
    assert metrics([]) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, None), (0, "1970-01-01T00:00:00Z"), (86399.9, "1970-01-01T23:59:59Z")]
)
def test_times_are_in_utc(seconds, text):
    assert utc(seconds) == text


def test_a_host_counts_since_its_rules_were_loaded_and_not_since_they_were_recorded(tmp_path):
    host = FakeHost(tmp_path)
    assert host.firewall().usage() == {"usage": [], "invalid": 0, "in_force_since": None}

    host.harden("table inet gatehouse\n")
    host.nft.table = NFT
    assert host.firewall().usage() == {"usage": ADMIN, "invalid": 0, "in_force_since": None}

    note = tmp_path / "run/gatehouse/loaded.nft"
    note.touch()
    os.utime(note, (1_800_000_000, 1_800_000_000))
    assert host.firewall().usage() == {"usage": ADMIN, "invalid": 0, "in_force_since": "2027-01-15T08:00:00Z"}

    host.firewall().remove()
    assert host.firewall().usage() == {"usage": [], "invalid": 0, "in_force_since": None}
