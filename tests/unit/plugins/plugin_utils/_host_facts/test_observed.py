from __future__ import annotations

import datetime

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import (
    denied,
    read_denied,
    read_observed,
    remarks,
    would_cut,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

POLICY = build(good()).policy_of("web1")
NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)


def row(address, port=8080, **changes):
    times = {"first": "2026-11-20T08:00:00Z", "last": "2026-11-21T09:00:00Z"}
    known = {"direction": "ingress", "address": address, "protocol": "tcp", "port": port, "packets": 3, **times}
    return {**known, **changes}


def observed(*rows, full=(), since="2026-11-01T00:00:00Z"):
    return read_observed({"observed": list(rows), "observed_full": list(full), "observed_since": since})


def test_a_host_that_enforces_has_observed_nothing_at_all():
    assert read_observed({"backend": "nftables"}) is None


def test_what_the_model_allows_by_now_is_no_question_any_more():
    found = denied(POLICY, observed(row("203.0.113.7", 443), row("203.0.113.7", 8080)).seen)

    assert [one.port for one in found] == [8080]


def test_an_observing_policy_is_asked_what_it_would_deny_if_it_enforced():
    policy = build(good(put={"hosts.web1.gatehouse_mode": "observe"})).policy_of("web1")

    assert policy.observe
    assert denied(policy, observed(row("203.0.113.7")).seen)


SIDED = good(
    {
        "hosts.web1": {
            "gatehouse_addresses": {"private": ["192.0.2.1"], "public": ["203.0.113.1"]},
            "gatehouse_interfaces": {"private": "eth0", "public": "eth1"},
        },
        "groups.webs": ["web1"],
        "gatehouse_zones[2]": {"name": "everywhere", "networks": ["0.0.0.0/0", "::/0"]},
        "gatehouse_flows[2]": {
            "name": "inside", "from": ["everywhere"], "to": ["web"], "ports": ["all"], "side": "private"
        },
    }
)  # fmt: skip


def denied_ports(document, *ports):
    policy = build(document).policy_of("web1")
    return [one.port for one in denied(policy, observed(*(row("198.51.100.9", port) for port in ports)).seen)]


def test_what_a_flow_allows_on_one_side_alone_may_have_come_by_the_other():
    assert denied_ports(SIDED, 8443) == [8443]
    assert "would cut 1 of" in would_cut(build(SIDED).policy_of("web1"), observed(row("198.51.100.9", 8443)))


def test_what_flows_allow_on_both_sides_is_no_question_any_more():
    outside = {**SIDED["gatehouse_flows"][2], "name": "outside", "ports": ["8443/tcp"], "side": "public"}

    assert denied_ports({**SIDED, "gatehouse_flows": [*SIDED["gatehouse_flows"], outside]}, 8443, 8444) == [8444]


def test_where_a_host_declares_no_interface_of_one_side_any_other_may_be():
    hosts = {**SIDED["hosts"]}
    hosts["web1"] = {**hosts["web1"], "gatehouse_interfaces": {"private": "eth0"}}

    assert denied_ports({**SIDED, "hosts": hosts}, 8443) == [8443]


def test_a_refusal_lists_what_would_be_cut_the_most_often_seen_first():
    said = would_cut(POLICY, observed(row("198.51.100.1"), row("2001:db8:9::9", protocol="gre", port=0, packets=7)))

    assert "would cut 2 of what it has seen since 2026-11-01T00:00:00Z" in said
    assert said.index("ingress gre from 2001:db8:9::9: 7") < said.index("ingress 8080/tcp from 198.51.100.1: 3")
    assert "gatehouse_accept_observed: true" in said


def test_nothing_is_refused_where_all_that_was_seen_is_allowed():
    assert would_cut(POLICY, observed(row("203.0.113.7", 443))) == ""


def test_a_long_list_is_cut_short_and_says_so():
    said = would_cut(POLICY, observed(*(row("198.51.100.1", port) for port in range(1000, 1030))))

    assert "and 10 more" in said


def test_a_host_that_has_hardly_observed_is_said_to_have_seen_nothing_yet():
    assert "for 5 minutes only and has seen nothing yet" in remarks(observed(since="2026-11-21T11:55:00Z"), NOW)[0]
    assert remarks(observed(row("203.0.113.7")), NOW) == []


def test_a_full_set_is_said():
    assert "no room left" in remarks(observed(row("203.0.113.7"), full=["ingress IPv4"]), NOW)[0]
    assert "no room was left for ingress IPv4" in would_cut(
        POLICY, observed(row("198.51.100.1"), full=["ingress IPv4"])
    )


def test_a_spoofed_source_is_denied_where_sources_are_judged_whatever_flows_say():
    spoofed = {**row("203.0.113.7", 443), "direction": "spoofed"}
    put = {"hosts.web1.gatehouse_interfaces": {"private": "eth0", "public": "eth1"}}
    judging = build(good(put={**put, "hosts.web1.gatehouse_antispoof": "sides"})).policy_of("web1")

    assert denied(POLICY, observed(spoofed).seen) == []
    (found,) = denied(judging, observed(spoofed, row("203.0.113.7", 443)).seen)
    assert str(found).startswith("spoofed 443/tcp from 203.0.113.7: ")


def denials(*rows, full=(), since="2026-11-01T00:00:00Z"):
    return read_denied({"denied": list(rows), "denied_full": list(full), "denied_since": since})


def test_a_host_whose_rules_keep_nothing_has_denied_nothing_that_is_known():
    assert read_denied({"backend": "nftables"}) is None


def test_denials_are_read_with_their_kinds_and_what_is_full():
    found = denials(row("192.0.2.2", known=True, direction="pre_dnat"), full=["pre_dnat IPv6 stranger"])

    assert [(one.direction, one.way, one.denied) for one in found.seen] == [("pre_dnat", "ingress", True)]
    assert (found.full, found.since) == (("pre_dnat IPv6 stranger",), "2026-11-01T00:00:00Z")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"known": "yes"}, "denied[0].known: got 'yes', expected true or false"),
        ({"known": True, "direction": "forward"}, "denied[0].direction: got 'forward', expected"),
        ({"known": True, "protocol": "t c p"}, "denied[0].protocol: got 't c p', expected the name"),
        ({"known": True, "last": "now"}, "denied[0].last: got 'now', expected a time"),
        ({"known": True, "packets": -1}, "denied[0].packets: got -1, expected a number"),
    ],
)
def test_denials_that_are_not_as_we_write_them_are_not_read_at_all(changes, message):
    with pytest.raises(AnswerError) as error:
        denials(row("192.0.2.2", **changes))

    assert message in str(error.value)


def test_a_direction_that_is_full_is_one_of_ours():
    with pytest.raises(AnswerError, match="denied_full"):
        denials(full=["ingress IPv4"])


def test_an_address_that_stands_for_none_is_a_port_alone_where_it_was_denied():
    kept = denials(row("0.0.0.0", known=False)).seen[0]

    assert (kept.is_port_alone, str(kept)) == (True, "ingress 8080/tcp from any peer: 3, last 2026-11-21T09:00:00Z")
    assert not observed(row("0.0.0.0")).seen[0].is_port_alone
