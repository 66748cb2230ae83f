"""The prober itself: what it calls passed, and that it would notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lab import Lab, read_hosts, running
from prober import Probe, ProbeError, ask, disagreements, listening

OPEN, CLOSED = 7000, 7001
HOSTS = {name: host for name, host in read_hosts().items() if name in ("web", "stranger", "dns")}
KINDS = [("tcp", 4), ("tcp", 6), ("udp", 4), ("udp", 6)]

RULES = """
table inet between {
    chain input { type filter hook input priority 0; %s; }
    chain output { type filter hook output priority 0; %s; }
}
"""


@pytest.fixture(scope="module")
def pair() -> Iterator[Lab]:
    with running(HOSTS) as pair, listening(pair.namespaces, [OPEN], [OPEN]):
        yield pair


def probes(port: int, source_port: int = 0) -> list[Probe]:
    source, target = HOSTS["stranger"], HOSTS["web"]
    return [
        Probe(
            "stranger",
            source.address("public", family),
            "web",
            target.address("public", family),
            kind,
            port,
            source_port,
        )
        for kind, family in KINDS
    ]


def passed(pair: Lab, some: list[Probe], *, closed_passes: bool = True) -> list[bool]:
    return list(ask(some, pair.namespaces, 0.3, closed_passes).values())


@pytest.mark.parametrize("closed_passes", [True, False])
def test_an_open_port_passes(pair: Lab, closed_passes: bool) -> None:
    assert passed(pair, probes(OPEN), closed_passes=closed_passes) == [True] * 4
    assert passed(pair, probes(OPEN, source_port=OPEN), closed_passes=closed_passes) == [True] * 4


def test_a_closed_port_passes_only_where_that_was_asked_for(pair: Lab) -> None:
    assert passed(pair, probes(CLOSED)) == [True] * 4
    assert passed(pair, probes(CLOSED), closed_passes=False) == [False] * 4


@contextmanager
def stopped(pair: Lab, host: str, verdict: str) -> Iterator[None]:
    """A firewall of somebody's on a host, that stops what goes to the open port."""
    rule = f"meta l4proto {{ tcp, udp }} th dport {OPEN} {verdict}"
    pair.run(host, "nft", "-f", "-", text=RULES % (("accept", rule) if host == "stranger" else (rule, "accept")))
    try:
        yield
    finally:
        pair.run(host, "nft", "delete", "table", "inet", "between")


@pytest.mark.parametrize("host", ["stranger", "web"])
@pytest.mark.parametrize("verdict", ["drop", "reject", "reject with icmpx admin-prohibited"])
def test_what_a_firewall_stops_at_either_end_does_not_pass(pair: Lab, host: str, verdict: str) -> None:
    with stopped(pair, host, verdict):
        assert passed(pair, probes(OPEN), closed_passes=False) == [False] * 4


def test_an_unexpected_answer_is_told_as_a_disagreement(pair: Lab) -> None:
    first, *_rest = probes(OPEN)
    with stopped(pair, "web", "drop"):
        assert [str(item) for item in disagreements({first: True}, pair.namespaces)] == [f"{first} was denied"]
    assert [str(item) for item in disagreements({first: False}, pair.namespaces)] == [f"{first} passed"]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("", "198.51.100.53", "Network is unreachable"),
        ("192.0.2.9", "203.0.113.174", "Cannot assign requested address"),
    ],
)
def test_a_probe_that_cannot_be_sent_is_an_error_and_no_denial(
    pair: Lab, source: str, target: str, message: str
) -> None:
    with pytest.raises(ProbeError, match=message):
        ask([Probe("stranger", source, "dns", target, "tcp", OPEN)], pair.namespaces)
