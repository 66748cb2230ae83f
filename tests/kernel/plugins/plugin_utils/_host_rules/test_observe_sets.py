"""Rulesets that only observe, in a real kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
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


@private_nft.needs_nft
@pytest.mark.parametrize("observed", ["ingress", "egress"])
def test_a_host_changes_from_observing_to_one_direction_and_back_as_a_boot_would_load_it(observed):
    half, whole, none = (
        nftables.render(replace(ENFORCING, observe=observe)) for observe in ((observed,), OBSERVING.observe, ())
    )

    with private_nft.lasting_namespace() as run:
        nft = Nft(run, "nft")
        for text in (whole, half, none, half, whole):
            nft.check(text)
            nft.load(text)
            assert nft.listing() == private_nft.listing(text)


@private_iptables.needs_iptables
@pytest.mark.parametrize("variant", private_iptables.VARIANTS)
def test_a_host_changes_between_the_modes_and_back_on_iptables(variant):
    with private_nft.lasting_namespace() as run:
        host = private_iptables.Host(run, variant)
        listings = []
        for policy in (OBSERVING, ENFORCING, replace(ENFORCING, observe=("egress",)), OBSERVING):
            text = joined(iptables.render(policy))
            host.iptables.check(text)
            host.iptables.load(text)
            listings.append(host.iptables.listing())

        assert listings[0] == listings[3]
        assert len(set(listings)) == 3
        assert host.iptables.filled() == []
        host.iptables.load(host.iptables.previous())
        assert host.iptables.listing() == listings[0]
        host.iptables.delete()
        assert [name for name in host.sets() if name.startswith("gatehouse-")] == []
