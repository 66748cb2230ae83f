"""A host changes over from one backend to the other and back, while packets come and go."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from containers import Lab, harden
from streams import Stream

NFT, IPTABLES = "nft list table inet gatehouse", "iptables-save | grep GATEHOUSE"
OF_A_NEIGHBOUR = {"k8s1": "k8s2", "k8s2": "k8s1"}


def has(lab: Lab, host: str, show: str) -> bool:
    return bool(lab.run(host, "sh", "-c", f"{show} 2>/dev/null || true"))


def streams(lab: Lab, host: str, other: str, leg: str, first_port: int) -> list[Stream]:
    """Return streams in and out, IPv4 and IPv6, between two hosts."""
    here, there = lab.hosts[host], lab.hosts[other]
    return [
        Stream(lab.namespaces[a.name], a.address(leg, family), lab.namespaces[b.name], b.address(leg, family), port)
        for port, (a, b, family) in enumerate(
            ((a, b, family) for a, b in ((here, there), (there, here)) for family in (4, 6)), first_port
        )
    ]


@pytest.mark.parametrize("host", ["k8s1", "k8s2"])  # of either variant of iptables
def test_no_allowed_packet_is_lost_and_no_denied_one_passes_while_the_backend_changes(lab: Lab, host: str) -> None:
    allowed = streams(lab, host, OF_A_NEIGHBOUR[host], "private", 5000)
    denied = streams(lab, host, "stranger", "public", 5100)
    with ExitStack() as running:
        for stream in (*allowed, *denied):
            running.enter_context(stream)
        ways = [("nftables", NFT, IPTABLES), ("iptables", IPTABLES, NFT)]
        for backend, ours, theirs in sorted(ways, key=lambda way: way[0] == lab.backends[host]):  # and back
            done = harden(f"--limit={host}", f"--extra-vars=gatehouse_backend={backend}")
            assert done.returncode == 0, done.stdout + done.stderr
            assert (has(lab, host, ours), has(lab, host, theirs)) == (True, False)
            again = harden(f"--limit={host}", f"--extra-vars=gatehouse_backend={backend}")
            assert "changed=0" in again.stdout

    assert all(stream.sent > 1000 for stream in (*allowed, *denied))
    assert [stream.lost for stream in allowed] == [0] * len(allowed)
    assert [len(stream.received) for stream in denied] == [0] * len(denied)
