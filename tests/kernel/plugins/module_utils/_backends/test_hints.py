"""A real kernel that lacks a feature, and a real process without the right to change rules."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft

# What kernels leave out more often than anything that our rules need: a queue to user space.
QUEUE = """\
table inet gatehouse {
    chain input {
        type filter hook input priority 0; policy accept;
        tcp dport 9 queue num 0
    }
}
"""


@private_nft.needs_nft
def test_a_feature_that_the_kernel_lacks_is_said_to_be_the_kernel_s():
    with private_nft.lasting_namespace() as run:
        if run(["nft", "-c", "-f", "-"], QUEUE)[0] == 0:
            pytest.skip("this kernel has nft_queue")
        with pytest.raises(FirewallError) as raised:
            Nft(run, "nft").check(QUEUE)

    assert str(raised.value).startswith("nft refuses the ruleset, nothing was changed:\n")
    assert "queue num 0" in str(raised.value)
    assert ") may lack a feature that the rules need" in str(raised.value).splitlines()[-1]
