from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
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
