"""The state of a host after harden: four hosts, which are of all four classes and of Debian 11, 12 and 13."""

from __future__ import annotations

import stat

import pytest
from containers import BACKEND, BOOT_FILE, SHOW
from testinfra.host import Host

testinfra_hosts = [f"podman://gatehouse-{name}" for name in ("k8s2", "nomad2", "vm1", "lb1")]

UNIT = "gatehouse-firewall.service"


def test_our_rules_are_in_the_kernel_and_in_the_boot_file(host: Host) -> None:
    assert "denied: no flow allows it" in host.check_output(SHOW)
    assert "denied: no flow allows it" in host.file(BOOT_FILE).content_string


def test_only_root_reads_the_boot_file(host: Host) -> None:
    rules = host.file(BOOT_FILE)
    assert (rules.user, rules.group, stat.S_IMODE(rules.mode)) == ("root", "root", 0o600)


def test_our_unit_loads_it_before_the_network_is_up(host: Host) -> None:
    show = host.check_output(f"systemctl show --property=UnitFileState,ActiveState,Before {UNIT}")
    found = dict(line.split("=", 1) for line in show.splitlines())
    assert found["UnitFileState"] == "enabled"
    assert "network-pre.target" in found["Before"].split()


def test_the_distributions_own_firewall_service_is_as_it_was(host: Host) -> None:
    assert host.run("systemctl is-enabled nftables.service").stdout.strip() == "disabled"
    assert "/etc/nftables.conf" not in host.run("dpkg --verify nftables").stdout


@pytest.mark.skipif(BACKEND == "iptables", reason="its loader never replaces a table")
def test_this_hosts_nft_can_change_a_table_in_place(host: Host) -> None:
    """Each version of nft has its own mind: 0.9.8 crashes over a transaction that deletes a set and adds it again."""
    before = host.check_output(SHOW)
    host.check_output('printf \'#!/bin/sh\necho "$*" >>/tmp/calls; exec nft "$@"\n\' >/tmp/nft; chmod +x /tmp/nft')
    host.check_output(f"rm -f /tmp/calls; sh /etc/gatehouse/replace.sh {BOOT_FILE} /tmp/nft")

    assert host.check_output(SHOW) == before
    calls = host.file("/tmp/calls").content_string.splitlines()
    assert calls.count("-f -") > 4
    assert f"-f {BOOT_FILE}" not in calls


@pytest.mark.skipif(BACKEND == "iptables", reason="ours is in these tables, too")
@pytest.mark.parametrize("tool", ["iptables-save", "ip6tables-save"])
def test_nothing_of_ours_is_in_anyone_elses_tables(host: Host, tool: str) -> None:
    assert "gatehouse" not in host.check_output(tool).lower()
