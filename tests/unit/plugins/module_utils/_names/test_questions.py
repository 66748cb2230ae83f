"""What leaves the sandbox in which names are asked for, and what of a file in there is believed."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._names import questions
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import (
    FILE,
    Asked,
    as_text,
    read_answers,
)

GOOD = {"addresses": ["198.51.100.7"], "ttl": 60, "unanswered": {}, "failure": ""}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    return path


def test_answers_are_read_as_they_were_asked_for(file, tmp_path):
    asked = {
        "git.example.org": Asked(Answer(("198.51.100.7", "2001:db8::7"), 60, {6: "timed out"})),
        "pkg.example.org": Asked(Answer((), 0), "no answer: 198.51.100.53: timed out"),
    }
    file.write_text(as_text(asked))

    assert read_answers(tmp_path) == asked


def test_without_a_file_nothing_had_to_be_asked_for(tmp_path):
    assert read_answers(tmp_path) is None


def test_a_reason_is_such_that_it_can_be_shown(file, tmp_path):
    file.write_text(as_text({"git.example.org": Asked(Answer((), 0), f"no\nanswer \x1b[2J{'x' * 2000}")}))

    (one,) = read_answers(tmp_path).values()
    assert one.failure.startswith("no?answer ?[2Jxxx")
    assert len(one.failure) == 1000


def test_an_address_is_an_address_and_no_text_that_looks_like_one(file, tmp_path):
    file.write_text(json.dumps({"git.example.org": {**GOOD, "addresses": ["2001:DB8:0::7"]}}))

    assert read_answers(tmp_path)["git.example.org"].answer.addresses == ("2001:db8::7",)


BAD = {
    "no JSON": "{",
    "no names": "[]",
    "JSON without an end": "[" * 100000,
    "a name with nothing": '{"git.example.org": null}',
    **{
        f"{key}: {value!r}": json.dumps({"git.example.org": {**GOOD, key: value}})
        for key, value in [
            ("addresses", ["198.51.100.7 }; flush ruleset"]),
            ("addresses", ["198.51.100.0/24"]),
            ("addresses", ["fe80::1%eth0"]),
            ("addresses", [3325256711]),
            ("addresses", None),
            ("ttl", "60"),
            ("ttl", 60.5),
            ("ttl", True),
            ("unanswered", {"5": "why"}),
            ("unanswered", {"4": 1}),
            ("failure", "\x1b[2J"),
            ("failure", "x" * 1001),
            ("failure", None),
        ]
    },
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_of_a_file_that_is_not_as_it_is_written_nothing_counts(file, tmp_path, text):
    file.write_text(text)

    with pytest.raises(FirewallError, match=f"{FILE}: got no answers "):
        read_answers(tmp_path)


def test_a_file_that_is_too_long_is_not_read(file, tmp_path, monkeypatch):
    monkeypatch.setattr(questions, "_MOST_BYTES", 1000)
    file.write_text(as_text({f"{number}.example.org": Asked(Answer((), 0)) for number in range(100)}))

    with pytest.raises(FirewallError, match="it is longer than 1000 bytes"):
        read_answers(tmp_path)


def test_no_other_file_is_read_for_it_and_no_pipe_waited_for(file, tmp_path):
    other = tmp_path / "shadow"
    other.write_text(json.dumps({"git.example.org": GOOD}))
    for make in (lambda: file.symlink_to(other), lambda: os.mkfifo(file), file.mkdir):
        make()
        with pytest.raises(FirewallError, match=f"{FILE}: got no answers "):
            read_answers(tmp_path)
        file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
