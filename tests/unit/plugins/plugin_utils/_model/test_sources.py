from __future__ import annotations

import socket

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model import sources as inputs
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where


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
    (profile,) = inputs.load_profile(Where("gatehouse_profile"), "circleci_server_4", problems)

    assert problems.found == []
    assert profile.name == "circleci_server_4"
    assert profile.content["schema"] == 1


@pytest.mark.parametrize("name", ["circleci", "../profiles/circleci_server_4", "", "circleci_server_4.yml"])
def test_a_profile_that_isnt_shipped_is_refused(name):
    problems = Problems()

    assert list(inputs.load_profile(Where("gatehouse_profile"), name, problems)) == []
    assert [problem.expected for problem in problems.found] == [
        "a profile: one of circleci_server_3, circleci_server_4, eks, iks, keptn_jes, or the path of a .yml file"
    ]


def test_a_profile_is_loaded_from_a_file_of_ones_own_with_what_it_extends(tmp_path):
    own = tmp_path / "mine.yml"
    own.write_text("schema: 1\nextends: circleci_server_4\n")
    problems = Problems()
    (profile,) = inputs.load_profile(Where("gatehouse_profile"), str(own), problems)

    assert problems.found == []
    assert (profile.name, profile.base.name) == (str(own), "circleci_server_4")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("schema: [", "gatehouse_profile: got {path!r}, expected a profile in YAML"),
        ("extends: no_such", "extends (profile {path}): got 'no_such', expected a profile: one of"),
        ("extends: [eks]", "extends (profile {path}): got ['eks'], expected the name of a profile"),
        (
            "extends: {path}",
            "extends (profile {path}): got {path!r}, expected the name of a profile that doesn't extend",
        ),
    ],
)
def test_a_file_that_is_no_profile_or_extends_none_is_refused(tmp_path, content, expected):
    own = tmp_path / "mine.yml"
    own.write_text(content.replace("{path}", str(own)))
    problems = Problems()

    assert list(inputs.load_profile(Where("gatehouse_profile"), str(own), problems)) == []
    assert str(problems.found[0]).startswith(expected.format(path=str(own)))
