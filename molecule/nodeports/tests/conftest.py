from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cluster import EXPECTED, Cluster
from prober import listening


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Return the cluster, with somebody at every end that a packet may get to."""
    cluster = Cluster()
    pods = {name: path for name, path in cluster.namespaces.items() if name.startswith("pod")}
    with listening(cluster.namespaces, **EXPECTED["listening"]), listening(pods, [30080], []):
        yield cluster


@pytest.fixture(scope="module")
def hardened(cluster: Cluster, backend: str) -> Cluster:
    done = cluster.harden(backend)
    assert done.returncode == 0, done.stdout + done.stderr
    return cluster


@pytest.fixture(scope="module")
def bare(hardened: Cluster) -> Cluster:
    """Return the cluster without our rules, after the tests that want them."""
    done = hardened.remove()
    assert done.returncode == 0, done.stdout + done.stderr
    return hardened
