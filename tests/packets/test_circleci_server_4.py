"""CircleCI Server 4.x as packets: what its rows allow passes, nothing else does, and all does without our table."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from expectations import Round, ask_round, one_end_probes, read
from lab import Lab
from prober import Disagreement

MANAGED = read("circleci_server_4").managed


def assert_as_expected(part: Round) -> None:
    assert part.expected
    tell(part.wrong)


def tell(wrong: list[Disagreement]) -> None:
    """Fail with the first of many disagreements as lines."""
    if wrong:
        lines = [f"{len(wrong)} probes did not end as the rows say:", *map(str, wrong[:30])]
        pytest.fail("\n".join(lines), pytrace=False)


def test_every_class_is_asked_by_and_asks_every_class_and_every_zone(one_end: Round) -> None:
    kind, hosts = one_end.expectation.kinds, one_end.expectation.hosts
    asked = {(kind[probe.source], kind[probe.target]) for probe in one_end.expected}
    assert asked == {pair for managed in MANAGED for peer in hosts for pair in ((managed, peer), (peer, managed))}


@pytest.mark.parametrize("receiver", MANAGED)
def test_a_receiver_hardened_alone_lets_in_what_its_rows_say_and_nothing_else(one_end: Round, receiver: str) -> None:
    received = one_end.received_by(one_end.expectation.hosts[receiver][0])
    assert_as_expected(received)


@pytest.mark.parametrize("sender", MANAGED)
def test_a_sender_hardened_alone_lets_out_what_its_rows_say_and_nothing_else(one_end: Round, sender: str) -> None:
    sent = one_end.sent_by(one_end.expectation.hosts[sender][0])
    assert_as_expected(sent)


@pytest.mark.parametrize("sender", MANAGED)
def test_between_hardened_hosts_passes_what_the_rows_of_both_ends_say(both_ends: Round, sender: str) -> None:
    for receiver in MANAGED:
        assert_as_expected(both_ends.between(sender, receiver))


def test_every_probe_passes_once_our_table_is_deleted(one_end: Round, both_ends: Round) -> None:
    for asked in (one_end, both_ends):
        tell(asked.wrong_without_table)
        assert {True, False} == set(asked.expected.values())


@pytest.mark.parametrize("kind", ["nomad_client", "external_vm"])
def test_hosts_of_this_class_reach_each_other_on_nothing(both_ends: Round, kind: str) -> None:
    part = both_ends.between(kind, kind)
    assert not any(part.expected.values())
    assert_as_expected(part)


def test_kubernetes_nodes_reach_each_other_on_everything(both_ends: Round) -> None:
    part = both_ends.between("k8s_node", "k8s_node")
    assert all(part.expected.values())
    assert_as_expected(part)


def test_a_source_port_opens_nothing(lab: Lab, plans: dict[str, Future[Path]]) -> None:
    default = read("circleci_server_4")
    lab.harden([default.hosts[managed][0] for managed in MANAGED], plans[default.name].result())
    # No port stands on both sides, or one probe's answer could be taken for another probe.
    expected = {
        replace(probe, source_port=source_port): passed
        for probe, passed in one_end_probes(lab, default).items()
        for source_port in (22, 53, 80, 443, 2376)
        if probe.port in (4647, 9100, 31234)
    }
    asked = ask_round(lab, default, expected)
    assert_as_expected(asked)
    tell(asked.wrong_without_table)
