from __future__ import annotations

import socket

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils import inputs
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.errors import Problems, Where


@pytest.fixture
def answers(monkeypatch):
    """Let the resolver answer with addresses, or fail where there is an error instead."""
    inputs.look_up.cache_clear()
    asked = []

    def answer_with(result):
        def getaddrinfo(name, *_arguments, **_keywords):
            asked.append(name)
            if isinstance(result, Exception):
                raise result
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in result]

        monkeypatch.setattr(inputs.socket, "getaddrinfo", getaddrinfo)
        return asked

    yield answer_with
    inputs.look_up.cache_clear()


def test_a_host_name_has_its_addresses_once_and_in_order(answers):
    answers(["2001:db8::7", "192.0.2.7", "192.0.2.7"])

    assert inputs.look_up("git.example.org") == ("192.0.2.7", "2001:db8::7")


def test_a_scope_is_no_part_of_an_address(answers):
    answers(["fe80::1%eth0"])

    assert inputs.look_up("git.example.org") == ("fe80::1",)


@pytest.mark.parametrize(
    "failure",
    [
        socket.gaierror(-2, "Name or service not known"),
        socket.gaierror(-3, "Temporary failure in name resolution"),
        OSError(24, "Too many open files"),
        UnicodeError("label empty or too long"),
    ],
)
def test_a_host_name_that_does_not_resolve_has_none(answers, failure):
    answers(failure)

    assert inputs.look_up("git.example.org") == ()


def test_a_host_name_is_asked_for_once(answers):
    asked = answers(["192.0.2.7"])
    inputs.look_up("git.example.org")
    inputs.look_up("git.example.org")

    assert asked == ["git.example.org"]


def test_a_shipped_profile_is_loaded_by_its_name():
    problems = Problems()
    (profile,) = inputs.load_shipped(Where("gatehouse_profile"), "circleci_server_4", problems)

    assert problems.found == []
    assert profile.name == "circleci_server_4"
    assert profile.content["schema"] == 1


@pytest.mark.parametrize("name", ["circleci", "../profiles/circleci_server_4", "", "circleci_server_4.yml"])
def test_a_profile_that_isnt_shipped_is_refused(name):
    problems = Problems()

    assert list(inputs.load_shipped(Where("gatehouse_profile"), name, problems)) == []
    assert [problem.expected for problem in problems.found] == ["a shipped profile: one of circleci_server_4"]
