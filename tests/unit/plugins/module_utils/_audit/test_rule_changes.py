from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.rule_changes import changes_of_rules

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
    assert changes_of_rules(LISTING, live, {}) == findings


def test_a_line_of_iptables_names_its_flow_as_well():
    line = 'iptables -t filter -A GATEHOUSE-INPUT-TCP-22 -m comment --comment "flow:ssh" -j RETURN'

    assert changes_of_rules(f"{line}\n-x\n", "-x\n", {}) == [Finding("rule_removed", f"removed: {line}", "ssh")]


@pytest.mark.parametrize(
    ("inside", "texts"),
    [
        ("elements = { 192.0.2.2 }", ["added to office: 192.0.2.2{}", "removed from office: 192.0.2.1{}"]),
        ("elements = { 192.0.2.1,\n\t\t\t     192.0.2.3, 192.0.2.4 }", ["added to office: 192.0.2.3, 192.0.2.4{}"]),
        ("", ["removed from office: 192.0.2.1{}"]),
    ],
)
def test_addresses_that_came_and_went_are_told_with_the_flows_that_they_are_for(inside, texts):
    live = LISTING.replace("elements = { 192.0.2.1 }", inside)

    found = changes_of_rules(LISTING, live, {})
    assert [one.text for one in found] == [text.format(", for the flows ssh, web") for text in texts]
    assert {one.flow for one in found} == {"ssh"}


def test_sets_of_ipset_are_told_by_the_class_or_zone_behind_their_names():
    rule = (
        '-A GATEHOUSE-INPUT -m set --match-set gatehouse-4-0badcafe.b src -m comment --comment "flow:ssh" -j RETURN\n'
    )
    recorded = f"{rule}add gatehouse-4-0badcafe.b 192.0.2.1\n"

    (found,) = changes_of_rules(
        recorded, f"{recorded}add gatehouse-4-0badcafe.b 192.0.2.9\n", {"gatehouse-4-0badcafe": "office"}
    )
    assert found == Finding("address_added", "added to office: 192.0.2.9, for the flow ssh", "ssh")


@pytest.mark.parametrize(
    "live",
    [
        LISTING.replace(SSH, SSH * 2),
        LISTING.replace(SSH, "").replace('flow:web"\n', f'flow:web"\n{SSH}'),
    ],
    ids=["a line twice", "a line in another chain"],
)
def test_a_difference_that_is_no_new_line_is_told_too(live):
    assert changes_of_rules(LISTING, live, {})
