"""Rulesets that only observe, in a real kernel."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_iptables, private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._host_rules.test_observe_sets import (
    ENFORCING,
    OBSERVING,
)


@private_nft.needs_nft
def test_the_kernel_takes_an_observing_ruleset_and_lists_it_the_same_after_another():
    text = nftables.render(OBSERVING)

    assert private_nft.refused([text]) == []
    assert private_nft.listing(text) == private_nft.listing(nftables.render(ENFORCING), text)


@private_iptables.needs_iptables
@pytest.mark.parametrize("variant", private_iptables.VARIANTS)
def test_a_host_changes_between_the_modes_and_back_on_iptables(variant):
    with private_nft.lasting_namespace() as run:
        host = private_iptables.Host(run, variant)
        texts_of = {bool(policy.observe): joined(iptables.render(policy)) for policy in (ENFORCING, OBSERVING)}
        listings = []
        for observe in (True, False, True):
            host.iptables.check(texts_of[observe])
            host.iptables.load(texts_of[observe])
            listings.append(host.iptables.listing())

        assert listings[0] == listings[2] != listings[1]
        assert host.iptables.filled() == []
        host.iptables.load(host.iptables.previous())
        assert host.iptables.listing() == listings[0]
        host.iptables.delete()
        assert [name for name in host.sets() if name.startswith("gatehouse-")] == []
