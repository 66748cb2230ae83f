"""What Felix does with packets that no parity test can ask a real one about."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.verdict import Cluster, calico_verdict
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet

ALLOW_ALL = Cluster(
    [
        {
            "kind": "HostEndpoint",
            "metadata": {"name": "web1", "labels": {"class": "web"}},
            "spec": {"node": "web1", "interfaceName": "*"},
        },
        {
            "kind": "GlobalNetworkPolicy",
            "metadata": {"name": "all"},
            "spec": {"selector": "class == 'web'", "types": ["Ingress"], "ingress": [{"action": "Allow"}]},
        },
    ]
)
MULTICAST_LISTENERS, DISCOVERY = (130, 131, 132, 143), (133, 134, 135, 136)
REDIRECT = 137


@pytest.mark.parametrize("icmp_type", [*MULTICAST_LISTENERS, *DISCOVERY, REDIRECT])
def test_of_what_connection_tracking_leaves_alone_a_redirect_is_no_part_and_is_dropped_as_invalid(icmp_type):
    source, destination = map(ip_address, ("fe80::1", "fe80::2"))
    packet = Packet("ingress", source, destination, "icmpv6", icmp_type=icmp_type, state="invalid")

    assert calico_verdict(ALLOW_ALL, "web1", packet).allowed == (icmp_type != REDIRECT)
