from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import (
    KINDS,
    Finding,
    changes_of_model,
    changes_of_rules,
    metrics,
)

LISTING = """\
table inet gatehouse {
\tset office.v4 {
\t\telements = { 192.0.2.1 }
\t}

\tchain input_tcp_22 {
\t\tip saddr @office.v4 accept comment "flow:ssh"
\t}

\tchain input_tcp_80 {
\t\tip saddr @office.v4 accept comment "flow:web"
\t}
}
"""
SSH = '\t\tip saddr @office.v4 accept comment "flow:ssh"\n'


@pytest.mark.parametrize(
    ("live", "findings"),
    [
        (LISTING, []),
        ("", [Finding("table_gone", "none of our rules is in the kernel")]),
        (
            LISTING.replace(SSH, ""),
            [Finding("rule_removed", 'removed: input_tcp_22: ip saddr @office.v4 accept comment "flow:ssh"', "ssh")],
        ),
        (
            LISTING.replace(SSH, f"{SSH}\t\ttcp dport 23 accept\n"),
            [Finding("rule_added", "added: input_tcp_22: tcp dport 23 accept")],
        ),
        (
            LISTING.replace("192.0.2.1", "192.0.2.2"),
            [
                Finding(
                    "rule_changed",
                    "changed: office.v4: elements = { 192.0.2.1 }, which is now: office.v4: elements = { 192.0.2.2 }",
                )
            ],
        ),
        (
            LISTING.replace('accept comment "flow:web"', 'drop comment "flow:web"'),
            [
                Finding(
                    "rule_changed",
                    'changed: input_tcp_80: ip saddr @office.v4 accept comment "flow:web", '
                    'which is now: input_tcp_80: ip saddr @office.v4 drop comment "flow:web"',
                    "web",
                )
            ],
        ),
    ],
)
def test_a_change_by_hand_is_found_with_its_place_and_flow(live, findings):
    assert changes_of_rules(LISTING, live) == findings


def test_a_line_of_iptables_names_its_flow_as_well():
    line = 'iptables -t filter -A GATEHOUSE-INPUT-TCP-22 -m comment --comment "flow:ssh" -j RETURN'

    assert changes_of_rules(f"{line}\n-x\n", "-x\n") == [Finding("rule_removed", f"removed: {line}", "ssh")]


def test_a_change_of_the_model_is_told_from_a_change_by_hand():
    applied, wanted = ["ingress 22/tcp from a, flow ssh", "same"], ["same", "ingress 80/tcp from a, flow web"]

    assert changes_of_model(applied, wanted) == [
        Finding("model_changed", "no more in the model: ingress 22/tcp from a, flow ssh", "ssh"),
        Finding("model_changed", "new in the model: ingress 80/tcp from a, flow web", "web"),
    ]


def test_metrics_have_every_kind_so_that_none_vanishes():
    names = [{"name": "git.example.org", "age": 12.3}, {"name": "never.example.org", "age": None}]
    lines = metrics([Finding("rule_added", "x"), Finding("rule_added", "y")], names, 1700000000.4).splitlines()

    assert {line.split('"')[1] for line in lines if line.startswith("gatehouse_drift{")} == set(KINDS)
    assert 'gatehouse_drift{kind="rule_added"} 2' in lines
    assert "gatehouse_audit_time_seconds 1700000000" in lines
