"""Where a replacement of kube-proxy redirects before netfilter sees a packet, no promise about node ports is made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster import BACKENDS, Cluster

PIN = "/sys/fs/bpf/tc/globals/cilium_nodeport_neigh4"


@pytest.fixture
def pinned(cluster: Cluster) -> Iterator[Cluster]:
    cluster.run("node1", "install", "-D", "/dev/null", PIN)
    yield cluster
    cluster.run("node1", "rm", PIN)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_node_whose_node_ports_netfilter_does_not_see_is_refused_with_the_reason(
    pinned: Cluster, backend: str
) -> None:
    before = pinned.rulesets()
    done = pinned.harden(backend, "--limit=node1")
    assert done.returncode != 0
    assert f"Cilium's replacement of kube-proxy ({PIN})" in done.stdout + done.stderr
    assert pinned.rulesets() == before
