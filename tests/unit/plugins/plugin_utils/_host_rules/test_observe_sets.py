from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

NODE_PORTS = {
    "gatehouse_classes[0].isolated": True,
    "gatehouse_classes[0].pre_dnat": {"ports": ["30000-32767/tcp"]},
}
ENFORCING = build(good(put=NODE_PORTS)).policy_of("web1")
OBSERVING = replace(ENFORCING, observe=DIRECTIONS)


def texts(policy):
    return {"nftables": nftables.render(policy), "iptables": joined(iptables.render(policy))}


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_an_observing_ruleset_has_nothing_that_drops(backend):
    assert re.search(r"(?i)\bdrop\b", texts(ENFORCING)[backend])
    assert not re.search(r"(?i)\b(?:drop|reject)\b", texts(OBSERVING)[backend])


def chains(policy):
    """Return the rules of each chain of both backends, of iptables in IPv4."""
    found = dict(re.findall(r"\tchain (\S+) \{\n(.*?)\t\}\n", nftables.render(policy), re.DOTALL))
    for line in iptables.render(policy)["rules.v4"].splitlines():
        if line.startswith("-A "):
            name, rule = line.split(" ", 2)[1:]
            found[name] = found.get(name, "") + rule + "\n"
    return found


INCOMING = r"input|pre_dnat|(?:observed|denied|kept)_(?:in|pre)|GATEHOUSE-(?:INPUT|PRE-DNAT|DNAT)"


@pytest.mark.parametrize("observed", ["ingress", "egress"])
def test_a_direction_that_is_observed_has_the_rules_of_a_host_that_observes_and_the_other_one_its_own(observed):
    half = chains(replace(ENFORCING, observe=(observed,)))
    whole, none = chains(OBSERVING), chains(ENFORCING)

    for name, rules in half.items():
        is_observed = ("ingress" if re.match(INCOMING, name) else "egress") == observed
        assert rules == (whole if is_observed else none)[name], name
    assert set(half) == {
        name
        for found, is_it in ((whole, True), (none, False))
        for name in found
        if (("ingress" if re.match(INCOMING, name) else "egress") == observed) is is_it
    }


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_an_enforcing_ruleset_counts_nobody(backend):
    assert "observed" not in texts(ENFORCING)[backend].lower()
    assert "observed" in texts(OBSERVING)[backend].lower()


def test_no_base_chain_looks_anything_up_in_a_set():
    text = nftables.render(OBSERVING)
    chains = [chain for chain in re.findall(r"\tchain \S+ \{\n(.*?)\n\t\}", text, re.DOTALL) if " hook " in chain]

    assert len(chains) == 3
    assert not [chain for chain in chains if "@" in chain or "{" in chain]
