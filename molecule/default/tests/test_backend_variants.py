"""Each host's rules are where its iptables command puts them, and a host with rules in the other variant is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from containers import Lab, harden

LEGACY = {"nomad1", "k8s2"}
HOST = "lb2"  # by the other variant


def test_our_rules_are_where_the_hosts_own_command_puts_them_and_nowhere_else(lab: Lab) -> None:
    by_iptables = {name for name, backend in lab.backends.items() if backend == "iptables"}
    for variant, hosts in (("legacy", LEGACY), ("nft", by_iptables - LEGACY)):
        found = lab.everywhere(f"iptables-{variant}-save 2>/dev/null | grep -c 'j GATEHOUSE-INPUT$' || true")
        assert {host for host, count in found.items() if count.strip() == "1"} == hosts


def test_where_iptables_has_our_rules_nftables_has_no_table_of_ours(lab: Lab) -> None:
    tables = lab.everywhere("nft list table inet gatehouse 2>/dev/null || true")
    assert {name for name, text in tables.items() if not text} == {
        name for name, backend in lab.backends.items() if backend == "iptables"
    }


@pytest.fixture
def foreign_rule_in_the_other_variant(lab: Lab) -> Iterator[None]:
    lab.run(HOST, "iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "23", "-j", "DROP")
    yield
    lab.run(HOST, "iptables-legacy", "-F", "INPUT")


@pytest.mark.usefixtures("foreign_rule_in_the_other_variant")
def test_a_host_whose_rules_live_in_the_other_variant_is_refused_and_told_what_to_do(lab: Lab) -> None:
    before = lab.states()
    done = harden("--limit=lb2")
    assert done.returncode != 0
    assert "nf_tables variant, but 1 of its rules lives in the legacy one, in IPv4 filter/INPUT" in done.stdout
    assert "update-alternatives --set iptables /usr/sbin/iptables-legacy" in done.stdout
    assert lab.states() == before
