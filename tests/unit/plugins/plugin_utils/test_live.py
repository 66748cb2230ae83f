"""What a host has said: its findings, or why there are none."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.live import Live, read_live


@pytest.mark.parametrize(
    ("result", "live"),
    [
        ({"unreachable": True, "msg": "no route"}, Live("web1", silence="not reached")),
        ({"failed": True, "msg": "nft is too old"}, Live("web1", silence="nft is too old")),
        ({"findings": [], "backend": "nftables"}, Live("web1", backend="nftables")),
        (
            {"findings": [{"kind": "rule_added", "text": "added: a rule", "flow": ""}], "backend": "iptables"},
            Live("web1", backend="iptables", findings=("added: a rule",)),
        ),
    ],
)
def test_a_result_is_read(result, live):
    assert read_live("web1", result) == live
