"""The state of a host on nftables after harden: of Debian 11, 12 and 13."""

from __future__ import annotations

import pytest
from containers import BOOT_FILES, SHOW, Lab
from testinfra.host import Host

testinfra_hosts = [f"podman://gatehouse-{name}" for name, backend in Lab().backends.items() if backend == "nftables"]


def test_this_hosts_nft_can_change_a_table_in_place(host: Host) -> None:
    """Each version of nft has its own mind: 0.9.8 crashes over a transaction that deletes a set and adds it again."""
    before = host.check_output(SHOW)
    host.check_output('printf \'#!/bin/sh\necho "$*" >>/tmp/calls; exec nft "$@"\n\' >/tmp/nft; chmod +x /tmp/nft')
    host.check_output(f"rm -f /tmp/calls; sh /etc/gatehouse/replace.sh {BOOT_FILES['nftables']} /tmp/nft")

    assert host.check_output(SHOW) == before
    calls = host.file("/tmp/calls").content_string.splitlines()
    assert calls.count("-f -") > 4
    assert f"-f {BOOT_FILES['nftables']}" not in calls


@pytest.mark.parametrize("tool", ["iptables-save", "ip6tables-save"])
def test_nothing_of_ours_is_in_anyone_elses_tables(host: Host, tool: str) -> None:
    assert "gatehouse" not in host.check_output(tool).lower()
