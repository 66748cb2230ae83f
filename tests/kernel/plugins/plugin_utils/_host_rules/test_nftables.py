"""What a real nft says of single rules at their limits."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.nftables import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils._host_rules.test_nftables import (
    address_set,
    port_set,
    rule,
)

LONG = "n" * 64


@private_nft.needs_nft
def test_the_longest_names_are_short_enough_for_nft():
    policy = Policy(
        (LONG,),
        ingress=(rule(LONG, "192.0.2.1 2001:db8::/64", "1-65535/sctp", LONG, side="private", log=True),),
        interfaces={"private": ("i" * 15,)},
        pre_dnat=(PreDnat(port_set("1-65535/sctp"), address_set("192.0.2.1 2001:db8::/64"), "private"),),
    )

    assert private_nft.refused([render(policy)]) == []


@private_nft.needs_nft
@pytest.mark.parametrize("addresses", ["", "192.0.2.1 2001:db8::/64", "0.0.0.0/0", "::/0", "0.0.0.0/0 ::/0"])
def test_nft_takes_what_is_judged_before_dnat_for_any_address(addresses):
    rules = (rule("a", "192.0.2.1", "1-65535/tcp 443/udp 1/sctp"),)
    stage = PreDnat(port_set("1-65535/tcp+udp+sctp"), address_set(addresses), "public")

    policies = [
        Policy(("web",), rules, pre_dnat=stages, interfaces=names)
        for names in ({}, {"public": ("eth1", "a:1")})
        for stages in ((stage,), (stage, PreDnat(port_set("22/tcp"))))
    ]
    assert private_nft.refused(map(render, policies)) == []


@private_nft.needs_nft
def test_loading_a_ruleset_again_changes_nothing_and_another_one_takes_its_place():
    one = render(Policy(("web",), ingress=(rule("a", "192.0.2.0/24", "22/tcp"),)))
    other = render(Policy(("web",), ingress=(rule("b", "192.0.2.7", "80/tcp"),)))

    assert private_nft.listing(one) == private_nft.listing(one, one) == private_nft.listing(other, one)
    assert "flow:a" not in private_nft.listing(one, other)
