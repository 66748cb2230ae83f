"""The state of a host on nftables after harden: of Debian 11, 12 and 13."""

from __future__ import annotations

import pytest
from containers import BOOT_FILES, SHOW, Lab

pytestmark = pytest.mark.parametrize(
    "host", [name for name, backend in Lab().backends.items() if backend == "nftables"]
)


def test_this_hosts_nft_can_change_a_table_in_place(lab: Lab, host: str) -> None:
    """Each version of nft has its own mind: 0.9.8 crashes over a transaction that deletes a set and adds it again."""

    def shell(script: str) -> str:
        return lab.run(host, "sh", "-c", script)

    before = shell(SHOW)
    shell('printf \'#!/bin/sh\necho "$*" >>/tmp/calls; exec nft "$@"\n\' >/tmp/nft; chmod +x /tmp/nft')
    shell(f"rm -f /tmp/calls; sh /etc/gatehouse/replace.sh {BOOT_FILES['nftables']} /tmp/nft")

    assert shell(SHOW) == before
    calls = shell("cat /tmp/calls").splitlines()
    assert calls.count("-f -") > 4
    assert f"-f {BOOT_FILES['nftables']}" not in calls


@pytest.mark.parametrize("tool", ["iptables-save", "ip6tables-save"])
def test_nothing_of_ours_is_in_anyone_elses_tables(lab: Lab, host: str, tool: str) -> None:
    assert "gatehouse" not in lab.run(host, tool).lower()
