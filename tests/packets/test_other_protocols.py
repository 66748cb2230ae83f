"""Neither TCP nor UDP: echo requests are an option, and "all" between Kubernetes nodes means every protocol."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from expectations import read
from lab import Lab
from raw import ECHO, ESP, GRE, Question, disagreements

DEFAULT = read("circleci_server_4")
EVERYBODY = [host for kind in DEFAULT.managed for host in DEFAULT.hosts[kind]]
FIRSTS = [DEFAULT.hosts[kind][0] for kind in DEFAULT.managed]

Plans = dict[str, Future[Path]]


@pytest.fixture(autouse=True)
def _without_table_afterwards(lab: Lab) -> Iterator[None]:
    yield
    lab.unload()


def between(lab: Lab, source: str, target: str, protocol: int) -> list[Question]:
    legs = [leg for leg in lab.hosts[source].legs if leg in lab.hosts[target].legs]
    return [Question(source, target, leg, family, protocol) for leg in legs for family in (4, 6)]


def around(lab: Lab, direction: str, protocol: int) -> list[Question]:
    """Return the questions that the first host of each class sends to, or gets from, everybody's last."""
    pairs = [(first, hosts[-1]) for first in FIRSTS for hosts in DEFAULT.hosts.values()]
    ends = pairs if direction == "sent" else [(last, first) for first, last in pairs]
    return [question for source, target in ends for question in between(lab, source, target, protocol)]


def is_between_kubernetes_nodes(question: Question) -> bool:
    return {question.source, question.target} == set(DEFAULT.hosts["k8s_node"])


# One direction at a time: without ports, what goes one way looks like the answer to what goes the other.
@pytest.fixture(params=["sent", "received"])
def direction(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[FIRSTS, EVERYBODY], ids=["one end hardened", "all hardened"])
def hardened(request: pytest.FixtureRequest) -> list[str]:
    return list(request.param)


def test_an_echo_request_is_answered_by_default(lab: Lab, plans: Plans, hardened: list[str], direction: str) -> None:
    lab.harden(hardened, plans[DEFAULT.name].result())
    assert disagreements(lab, dict.fromkeys(around(lab, direction, ECHO), True)) == []


def test_an_echo_request_is_denied_where_the_option_says_so(
    lab: Lab, plans: Plans, hardened: list[str], direction: str
) -> None:
    lab.harden(hardened, plans["no_echo"].result())
    assert_between_kubernetes_nodes_only(lab, around(lab, direction, ECHO))


@pytest.mark.parametrize("protocol", [GRE, ESP], ids=["GRE", "ESP"])
def test_only_kubernetes_nodes_exchange_any_protocol(
    lab: Lab, plans: Plans, hardened: list[str], direction: str, protocol: int
) -> None:
    lab.harden(hardened, plans[DEFAULT.name].result())
    assert_between_kubernetes_nodes_only(lab, around(lab, direction, protocol))


def assert_between_kubernetes_nodes_only(lab: Lab, questions: list[Question]) -> None:
    expected = {question: is_between_kubernetes_nodes(question) for question in questions}
    assert set(expected.values()) == {True, False}
    assert disagreements(lab, expected) == []

    lab.unload()
    assert disagreements(lab, dict.fromkeys(expected, True)) == []
