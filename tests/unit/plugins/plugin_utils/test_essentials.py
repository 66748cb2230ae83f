"""The list is written out here by number from the RFCs, so that no type slips in or out unseen."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.essentials import DHCP, icmp_types

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


def test_a_host_is_a_dhcp_client_in_both_families():
    assert {(client.family, client.client_port, client.server_port) for client in DHCP} == {(4, 68, 67), (6, 546, 547)}
