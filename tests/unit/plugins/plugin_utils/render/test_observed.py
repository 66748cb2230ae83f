from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render import iptables, nftables
from ansible_collections.gatehouse.firewall.tests.unit.plugins import private_iptables, private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

NODE_PORTS = {
    "gatehouse_classes[0].isolated": True,
    "gatehouse_classes[0].pre_dnat": {"ports": ["30000-32767/tcp"]},
}
ENFORCING = build(good(put=NODE_PORTS)).policy_of("web1")
OBSERVING = replace(ENFORCING, observe=True)


def texts(policy):
    return {"nftables": nftables.render(policy), "iptables": joined(iptables.render(policy))}


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_an_observing_ruleset_has_nothing_that_drops(backend):
    assert re.search(r"(?i)\bdrop\b", texts(ENFORCING)[backend])
    assert not re.search(r"(?i)\b(?:drop|reject)\b", texts(OBSERVING)[backend])


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_an_enforcing_ruleset_counts_nobody(backend):
    assert "observed" not in texts(ENFORCING)[backend].lower()
    assert "observed" in texts(OBSERVING)[backend].lower()


def test_no_base_chain_looks_anything_up_in_a_set():
    text = nftables.render(OBSERVING)
    chains = [chain for chain in re.findall(r"\tchain \S+ \{\n(.*?)\n\t\}", text, re.DOTALL) if " hook " in chain]

    assert len(chains) == 3
    assert not [chain for chain in chains if "@" in chain or "{" in chain]


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
        texts_of = {policy.observe: joined(iptables.render(policy)) for policy in (ENFORCING, OBSERVING)}
        listings = []
        for observe in (True, False, True):
            host.iptables.check(texts_of[observe])
            host.iptables.load(texts_of[observe])
            listings.append(host.iptables.listing())

        assert listings[0] == listings[2] != listings[1]
        assert host.iptables.observed() == []
        host.iptables.load(host.iptables.previous())
        assert host.iptables.listing() == listings[0]
        host.iptables.delete()
        assert [name for name in host.sets() if name.startswith("gatehouse-")] == []
