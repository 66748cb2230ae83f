"""What a host has said: its findings, or why there are none."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import Count, HostState, read_state

USAGE = {"flow": "sql", "direction": "egress", "packets": 3, "bytes": 180}


@pytest.mark.parametrize(
    ("result", "live"),
    [
        ({"unreachable": True, "msg": "no route"}, HostState("web1", silence="not reached")),
        ({"failed": True, "msg": "nft is too old"}, HostState("web1", silence="nft is too old")),
        ({"findings": [], "backend": "nftables"}, HostState("web1", backend="nftables")),
        (
            {"findings": [{"kind": "rule_added", "text": "added: a rule", "flow": ""}], "backend": "iptables"},
            HostState("web1", backend="iptables", findings=("added: a rule",)),
        ),
        (
            {"findings": [], "backend": "nftables", "usage": [], "in_force_since": None},
            HostState("web1", backend="nftables"),
        ),
        (
            {"findings": [], "backend": "nftables", "usage": [USAGE], "in_force_since": "2026-11-21T09:30:00Z"},
            HostState(
                "web1",
                backend="nftables",
                usage=(Count("sql", "egress", 3, 180),),
                in_force_since="2026-11-21T09:30:00Z",
            ),
        ),
    ],
)
def test_a_result_is_read(result, live):
    assert read_state("web1", result) == live
