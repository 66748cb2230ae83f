"""Twelve hosts in seven classes that overlap: each pair of hosts, in both families, as the rows here say by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from itertools import permutations, product
from pathlib import Path

import pytest
from lab import Lab, read_hosts, running
from plans import Planner
from prober import Disagreement, Probe, disagreements, listening

INVENTORY = Path(__file__).parent / "several_classes" / "inventory"
JOBS = {
    "fleet": "h1 h2 h3 h4 h5 h6 h7 h8 h9 h10 h12",
    "database": "h1 h2 h3",
    "web": "h4 h5 h6 h7",
    "consul_agent": "h1 h4 h5 h8",
    "runner": "h6 h8 h9 h10",
    "sandbox": "h9 h10 h11",
    "monitor": "h3 h12",
}
ISOLATED = ("runner", "sandbox")
# From, to, and the ports; the same as the model has them.
FLOWS = (
    ("web", "database", {("tcp", 5432)}),
    ("monitor", "fleet", {("tcp", 9100)}),
    ("consul_agent", "consul_agent", {("tcp", 8301), ("udp", 8301)}),
    ("web consul_agent", "runner", {("tcp", 4000), ("tcp", 4001)}),
    ("runner sandbox monitor", "fleet", {("tcp", 4003)}),
)
PORTS = [("tcp", port) for port in (4000, 4001, 4003, 5432, 8301, 9100)] + [("udp", 8301), ("udp", 5432)]
# What h7 can do once it is a Consul agent, too: its gossip with those who were, and nothing else.
AGENTS = ("h1", "h4", "h5", "h8")
MORE = {"consul_agent": "h1 h4 h5 h7 h8"}
EXTRA = {"gatehouse_classes": [
    {"name": "fleet", "groups": ["managed"], "except": ["switches"]},
    {"name": "database", "groups": ["databases"]},
    {"name": "web", "groups": ["webs"]},
    {"name": "consul_agent", "groups": ["consul_agents", "late_agents"]},
    {"name": "runner", "groups": ["runners"], "isolated": True},
    {"name": "sandbox", "groups": ["sandboxes"], "isolated": True},
    {"name": "monitor", "groups": ["monitors"]},
]}  # fmt: skip


def members(jobs: Mapping[str, str], names: str) -> set[str]:
    return {host for name in names.split() for host in jobs[name].split()}


def passes(jobs: Mapping[str, str], sender: str, receiver: str, port: tuple[str, int]) -> bool:
    """Return whether a flow of any of their classes lets it through, and no class of both is isolated."""
    if any({sender, receiver} <= members(jobs, name) for name in ISOLATED):
        return False
    return any(
        port in ports and sender in members(jobs, senders) and receiver in members(jobs, receivers)
        for senders, receivers, ports in FLOWS
    )


def expected(lab: Lab, jobs: Mapping[str, str]) -> dict[Probe, bool]:
    return {
        Probe(sender, lab.hosts[sender].address("private", family), receiver,
              lab.hosts[receiver].address("private", family), *port): passes(jobs, sender, receiver, port)
        for (sender, receiver), family, port in product(permutations(lab.hosts, 2), (4, 6), PORTS)
    }  # fmt: skip


@pytest.fixture(scope="module")
def plans(planner: Planner) -> dict[str, Future[Path]]:
    return {
        "whole": planner.start("several-whole", {}, inventory=INVENTORY),
        "limited": planner.start("several-limited", {}, "--limit=h8,h9", inventory=INVENTORY),
        "more": planner.start("several-more", EXTRA, inventory=INVENTORY),
    }


@pytest.fixture(scope="module")
def fleet(plans: dict[str, Future[Path]]) -> Iterator[Lab]:
    assert plans
    ports = {port for _protocol, port in PORTS}
    with running(read_hosts(INVENTORY)) as lab, listening(lab.namespaces, ports, ports):
        yield lab


def wrong(lab: Lab, plan: Path, jobs: Mapping[str, str]) -> list[Disagreement]:
    lab.unload()
    lab.harden(lab.hosts, plan)
    answers = expected(lab, jobs)
    assert set(answers.values()) == {True, False}
    return disagreements(answers, lab.namespaces, closed_passes=False)


def test_each_pair_of_hosts_does_what_their_classes_together_say(fleet: Lab, plans: dict[str, Future[Path]]) -> None:
    assert wrong(fleet, plans["whole"].result(), JOBS) == []


def test_one_class_more_opens_its_flows_and_nothing_else_and_they_close_again(
    fleet: Lab, plans: dict[str, Future[Path]]
) -> None:
    with_more, before = expected(fleet, {**JOBS, **MORE}), expected(fleet, JOBS)
    opened = {(probe.source, probe.target, probe.port) for probe in with_more if with_more[probe] != before[probe]}
    gossip = {(*pair, 8301) for agent in AGENTS for pair in (("h7", agent), (agent, "h7"))}
    assert opened == gossip

    assert wrong(fleet, plans["more"].result(), {**JOBS, **MORE}) == []
    assert wrong(fleet, plans["whole"].result(), JOBS) == []


def test_a_limited_plan_has_the_same_bytes(plans: dict[str, Future[Path]]) -> None:
    limited, whole = plans["limited"].result(), plans["whole"].result()
    names = sorted(path.name for path in limited.iterdir())
    assert names == ["h8.ipset", "h8.rules.v4", "h8.rules.v6", "h9.nft"]
    assert all((limited / name).read_bytes() == (whole / name).read_bytes() for name in names)
