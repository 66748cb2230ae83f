"""Connections that are open before the very first change live on: nothing tracked them until then."""

from __future__ import annotations

from traffic import FirstApply


def test_ssh_sessions_live_on(first: FirstApply) -> None:
    assert first.cut == []


def test_tcp_connections_live_on(first: FirstApply) -> None:
    assert first.traffic.exchanges > 10
    assert first.traffic.broken == set(), first.traffic
