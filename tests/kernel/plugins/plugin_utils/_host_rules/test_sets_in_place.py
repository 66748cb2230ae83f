"""Other addresses in the sets of rules that stay, and the names of sets beside each other: with the real tools."""

from __future__ import annotations

import re

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import is_filled_set
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_iptables import (
    Host,
    each_variant,
    needs_iptables,
)
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good


def policy(office, db=("192.0.2.11", "192.0.2.12"), ports=("443/tcp",)):
    hosts = {f"hosts.db{number}": {"ansible_host": address} for number, address in enumerate(db, 1)}
    groups = {"groups.dbs": [f"db{number}" for number in range(1, len(db) + 1)]}
    model = {"gatehouse_zones[0].networks": list(office), "gatehouse_flows[0].ports": list(ports), **hosts, **groups}
    return build(good(model)).policy_of("web1")


@pytest.fixture
def host(request):
    with private_nft.lasting_namespace() as run:
        yield Host(run, request.param)


# From the first to each of the others, and back: singles, neighbours, wider and narrower networks that overlap.
OFFICES = [
    ["203.0.113.0/25", "198.51.100.7", "2001:db8:1::/48"],
    ["203.0.113.0/24", "198.51.100.7", "2001:db8:1::/48"],
    ["203.0.113.0/26", "203.0.113.128/25", "198.51.100.8/31", "2001:db8:1::/49"],
    ["203.0.112.0/23", "2001:db8::/32"],
]


@private_nft.needs_nft
@pytest.mark.parametrize("office", OFFICES[1:])
def test_nftables_changes_what_sets_hold_and_no_handle(office):
    first = nftables.render(policy(OFFICES[0]))
    second = nftables.render(policy(office, db=("192.0.2.12", "192.0.2.13", "192.0.2.14")))
    expected = private_nft.listing(second)
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, "nft")
        nft.load(first)
        before, handles = nft.listing(), _handles(run)
        nft.refill(read(first).elements, read(second).elements)
        assert (nft.listing(), _handles(run)) == (expected, handles)
        nft.refill(read(second).elements, read(first).elements)
        assert (nft.listing(), _handles(run)) == (before, handles)


@private_nft.needs_nft
def test_nftables_brings_a_set_to_what_it_should_hold_whatever_it_held():
    ruleset = nftables.render(policy(OFFICES[0]))
    other = nftables.render(policy(OFFICES[2]))
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, "nft")
        nft.load(ruleset)
        run(["nft", "flush", "set", "inet", "gatehouse", "office.v4"], None)
        nft.refill(read(ruleset).elements, read(other).elements)
        assert nft.listing() == private_nft.listing(other)


def _handles(run):
    listing = run(["nft", "--handle", "list", "table", "inet", "gatehouse"], None)[1]
    return re.findall(r"^(.*) # handle (\d+)$", listing, re.MULTILINE)


@needs_iptables
@each_variant
def test_ipset_changes_what_sets_hold_and_no_rule(host):
    first, second = (joined(iptables.render(policy(office))) for office in (OFFICES[0], OFFICES[2]))
    host.iptables.load(first)
    before = host.iptables.listing()
    rules = [line for line in before.splitlines() if not line.startswith("ipset add")]

    host.iptables.refill(read(first).elements, read(second).elements)
    changed = host.iptables.listing()
    assert [line for line in changed.splitlines() if not line.startswith("ipset add")] == rules
    assert {line.split()[-1] for line in changed.splitlines() if line.startswith("ipset add gatehouse-office")} == {
        *OFFICES[2]
    }

    host.iptables.refill(read(second).elements, read(first).elements)
    assert host.iptables.listing() == before


@needs_iptables
@each_variant
def test_rules_in_force_keep_their_sets_until_they_change_and_the_names_are_free_again_afterwards(host):
    first, second, third = (
        joined(iptables.render(policy(office, ports=[f"{port}/tcp"])))
        for office, port in ((OFFICES[0], 1), (OFFICES[2], 2), (OFFICES[0], 3))
    )
    endings = []
    for ruleset in (first, second, third, third):
        host.iptables.load(ruleset)
        endings.append({name.rpartition(".")[2] for name in _sets(host)})
        assert {name: sorted(members) for name, members in read(ruleset).elements.items()} == _live(host)
    assert endings == [{"a"}, {"b"}, {"a"}, {"b"}]


@needs_iptables
@each_variant
def test_the_rollback_leads_to_the_very_sets_that_were_in_force(host):
    first, second = (joined(iptables.render(policy(office))) for office in (OFFICES[0], OFFICES[2]))
    host.iptables.load(first)
    before, names = host.iptables.listing(), _sets(host)
    previous = host.iptables.previous()
    host.iptables.load(second)
    assert host.iptables.listing() != before

    host.iptables.load(previous)
    assert (host.iptables.listing(), _sets(host)) == (before, names)


def _sets(host):
    return sorted(name for name in host.run(["ipset", "list", "-n"], None)[1].split() if name.startswith("gatehouse-"))


def _live(host):
    """Return what sets hold that rulesets fill, by the names that these have for them."""
    found = {}
    for line in host.iptables.listing().splitlines():
        words = line.split()
        if words[:2] == ["ipset", "create"] and not is_filled_set(words[2]):
            found[words[2]] = []
        elif words[:2] == ["ipset", "add"]:
            found[words[2]].append(words[3])
    return {name: sorted(members) for name, members in found.items()}
