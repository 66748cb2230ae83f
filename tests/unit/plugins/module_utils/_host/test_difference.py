from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.difference import (
    DESCRIPTION_MARK,
    as_diff,
    describe,
    drift,
    observes,
    with_modes,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils import rulesets

RULESET = """\
# gatehouse.firewall, node class web. Generated: edits are lost at the next run.
#: ingress 22/tcp from office, flow admin
#: flow admin: administration [page 9]

table inet gatehouse
delete table inet gatehouse

table inet gatehouse {
\tset office.public.v4 {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = {
\t\t\t192.0.2.0/24,
\t\t\t198.51.100.1,
\t\t}
\t}
\tset office.v6 {
\t\ttype ipv6_addr
\t\telements = {
\t\t\t2001:db8::1,
\t\t}
\t}
\tchain input_tcp_22 {
\t\tip saddr @office.public.v4 accept comment "flow:admin"
\t}
}
"""


def test_a_ruleset_is_described_by_its_flows_and_the_addresses_behind_each_name():
    assert describe(RULESET) == [
        "ingress 22/tcp from office, flow admin",
        "flow admin: administration [page 9]",
        "office.public is 192.0.2.0/24",
        "office.public is 198.51.100.1",
        "office is 2001:db8::1",
    ]


@pytest.mark.parametrize("text", ["", "table ip other { }\n"])
def test_what_is_no_ruleset_of_ours_says_nothing(text):
    assert describe(text) == []


LISTING = 'table inet gatehouse {\n\tchain input {\n\t\tiif "lo" accept\n\t\tct state invalid drop\n\t}\n}\n'


@pytest.mark.parametrize(
    ("recorded", "live", "lines"),
    [
        (LISTING, LISTING, []),
        ("", "", []),
        (LISTING, "", ["the table is gone"]),
        (LISTING, LISTING.replace("\t\tct state invalid drop\n", ""), ["live lacks: ct state invalid drop"]),
        (LISTING, LISTING.replace("drop\n", "drop\n\t\taccept\n"), ["live has: accept"]),
        (
            LISTING,
            LISTING.replace("invalid drop", "invalid accept"),
            ["live lacks: ct state invalid drop", "live has: ct state invalid accept"],
        ),
    ],
)
def test_what_somebody_else_changed_is_said_in_lines(recorded, live, lines):
    assert drift(recorded, live) == lines


@pytest.mark.parametrize(
    "live",
    [
        LISTING.replace("accept\n", 'accept\n\t\tiif "lo" accept\n', 1),
        LISTING.replace(
            '\t\tiif "lo" accept\n\t\tct state invalid drop\n', '\t\tct state invalid drop\n\t\tiif "lo" accept\n'
        ),
    ],
    ids=["a line twice", "two lines in another order"],
)
def test_a_difference_that_is_no_new_line_is_said_too(live):
    assert drift(LISTING, live)


def test_a_diff_has_both_sides_as_lines():
    diff = as_diff(["a"], ["a", "b"])

    assert (diff["before"], diff["after"]) == ("a\n", "a\nb\n")
    assert (diff["before_header"], diff["after_header"]) == (
        "what the host lets through now",
        "what the model lets through",
    )


def test_the_mark_is_a_comment_to_nft():
    assert DESCRIPTION_MARK.startswith("#")


def test_a_change_of_the_mode_is_a_line_on_both_sides():
    observing, enforcing = ["mode: observe, nothing is blocked", "ingress 22/tcp"], ["ingress 22/tcp"]

    assert with_modes(observing, enforcing) == (observing, ["mode: enforce", "ingress 22/tcp"])
    assert with_modes(enforcing, observing) == (["mode: enforce", "ingress 22/tcp"], observing)


def test_a_mode_that_stays_is_nothing_to_add_and_a_host_without_rules_has_none():
    observing = ["mode: observe, nothing is blocked"]

    assert with_modes(observing, observing) == (observing, observing)
    assert with_modes(["a"], ["b"]) == (["a"], ["b"])
    assert with_modes([], observing) == ([], observing)


def test_a_rendered_ruleset_says_whether_it_observes():
    assert observes(rulesets.nftables("15-observe", "web1"))
    assert observes(rulesets.iptables("15-observe", "web2"))
    assert not observes(rulesets.nftables("15-observe", "web3"))
