"""The list is written out here by number from the RFCs, so that no type slips in or out unseen."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.always_allowed import dhcp, icmp_types

ERRORS_V4, ERRORS_V6 = {3, 11, 12}, {1, 2, 3, 4}
NEIGHBOURS = {135, 136}


@pytest.mark.parametrize(
    ("direction", "protocol", "numbers"),
    [
        ("ingress", "icmp", ERRORS_V4),
        ("egress", "icmp", ERRORS_V4),
        ("ingress", "icmpv6", ERRORS_V6 | NEIGHBOURS | {130, 134}),
        ("egress", "icmpv6", ERRORS_V6 | NEIGHBOURS | {131, 132, 133, 143}),
    ],
)
def test_only_the_types_without_which_ip_breaks_always_pass(direction, protocol, numbers):
    assert {item.number for item in icmp_types(direction, False) if item.protocol == protocol} == numbers


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_echo_requests_are_an_option(direction):
    extra = set(icmp_types(direction, True)) - set(icmp_types(direction, False))

    assert {(item.protocol, item.number) for item in extra} == {("icmp", 8), ("icmpv6", 128)}


@pytest.mark.parametrize(
    ("direction", "family", "expected"),
    [
        ("ingress", 4, {(67, 68, None, "255.255.255.255/32", False), (67, 68, None, None, True)}),
        ("egress", 4, {(68, 67, None, None, False)}),
        ("ingress", 6, {(None, 546, "fe80::/10", "fe80::/10", False)}),
        ("egress", 6, {(546, 547, None, "fe80::/10", False), (546, 547, None, "ff02::1:2/128", False)}),
    ],
)
def test_a_host_is_a_dhcp_client_in_both_families_where_the_model_says_so(direction, family, expected):
    assert {
        (one.source_port, one.port, *(end and str(end) for end in (one.source, one.destination)), one.to_host)
        for one in dhcp(direction, family, True)
    } == expected
    assert dhcp(direction, family, False) == ()
