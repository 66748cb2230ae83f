"""Node ports are judged before kube-proxy redirects them, and nothing else is: by packets, with each backend."""

from __future__ import annotations

import pytest
from cluster import BACKENDS, Cluster, expected
from prober import disagreements

pytestmark = pytest.mark.parametrize("backend", BACKENDS, scope="module")


def test_packets_pass_and_die_as_expected(hardened: Cluster) -> None:
    assert disagreements(expected(hardened), hardened.namespaces, closed_passes=False) == []


def test_the_rules_of_kube_proxy_and_containers_are_as_they_were(hardened: Cluster) -> None:
    assert set(hardened.foreign_changes().values()) == {""}


def test_each_denied_packet_passes_once_our_rules_are_gone_and_theirs_are_as_they_were(bare: Cluster) -> None:
    assert disagreements(dict.fromkeys(expected(bare), True), bare.namespaces, closed_passes=False) == []
    assert set(bare.foreign_changes().values()) == {""}
