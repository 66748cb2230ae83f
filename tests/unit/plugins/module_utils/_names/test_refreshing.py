from __future__ import annotations

import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import FILE
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.interpreter import Interpreter
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils._names.test_host_names import BACKENDS
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.fakes import FakeHost

RULESET = BACKENDS["nftables"][1]  # its answers count for 50 seconds at most
NAMES = ["git.example.org", "pkg.example.org"]


@pytest.fixture
def host(tmp_path):
    host = FakeHost(tmp_path)
    (tmp_path / FILE).parent.mkdir(parents=True)
    host.refreshing().sync(RULESET)
    return host


def answer(host, seconds_ago=0.0, error=""):
    answered = host.answered()
    for name in NAMES:
        answered.note_answer(name, time.time() - seconds_ago, time.time(), {}, error)
    answered.save()


def kinds(host):
    return [(finding.kind, finding.text) for finding in host.refreshing().findings(RULESET)]


def test_what_a_host_has_found_by_itself_counts_for_twice_as_long_as_an_answer(host):
    answer(host, seconds_ago=99)
    assert host.refreshing().answers([RULESET]) == {
        "git.example.org": ("198.51.100.7", "2001:db8::7"),
        "pkg.example.org": ("198.51.100.8",),
    }

    answer(host, seconds_ago=101)
    assert host.refreshing().answers([RULESET]) == {}


def test_what_the_controller_has_found_is_no_answer_of_the_hosts_own(host):
    assert host.refreshing().answers([RULESET, ""]) == {}


def test_an_audit_has_nothing_to_say_of_names_that_are_answered(host):
    answer(host)

    assert kinds(host) == []
    assert host.refreshing().findings("# no names\n") == []


@pytest.mark.parametrize(
    ("seconds_ago", "error", "words"),
    [
        (101, "", "git.example.org was last answered 101 s ago; its sets hold 198.51.100.7, 2001:db8::7"),
        (3, "no answer: timed out", "git.example.org was last answered 3 s ago (no answer: timed out); its sets hold"),
    ],
)
def test_an_audit_says_how_old_the_last_answer_is(host, seconds_ago, error, words, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    answer(host, seconds_ago, error)

    found = kinds(host)
    assert [kind for kind, _text in found] == ["name_unanswered", "name_unanswered"]
    assert found[0][1].startswith(words)


def test_an_audit_says_so_where_a_name_was_never_answered(host):
    assert [text.partition(";")[0] for _kind, text in kinds(host)] == [
        f"{name} was never answered here" for name in NAMES
    ]


def test_an_audit_says_so_where_a_name_has_had_more_addresses_than_count(host):
    answer(host)
    answered = host.answered()
    answered.note_answer(NAMES[0], time.time(), time.time(), {}, crowded=[6])
    answered.save()

    said = "more than 256 IPv6 addresses within 50 s, of which those seen last count (max_addresses)"
    assert kinds(host) == [("name_crowded", f"git.example.org had {said}")]


def test_an_audit_says_so_where_others_than_root_can_change_the_python_that_asks(host):
    answer(host)
    host.python = Interpreter("/usr/bin/python3", "/usr has the mode 0777")

    ((kind, text),) = kinds(host)
    assert kind == "refresh_interpreter"
    assert "with /usr/bin/python3, which others than root can change: /usr has the mode 0777" in text
    assert host.refreshing().cautions(RULESET) == [text]
    assert host.refreshing().cautions("# no names\n") == []


def test_an_audit_misses_the_unit(host):
    answer(host)
    host.refresh_unit().forget()

    assert [kind for kind, _text in kinds(host)] == ["refresh_disabled"]


def test_a_ruleset_without_names_leaves_nothing(host):
    host.refreshing().sync("# no names\n")

    assert host.files() == set()
    assert host.refreshing().is_as_for("# no names\n")
