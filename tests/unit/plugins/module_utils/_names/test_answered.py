from __future__ import annotations

import json

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import FILE, Answered

NAME = "git.example.org"


@pytest.fixture
def answered(tmp_path):
    (tmp_path / FILE).parent.mkdir(parents=True)
    return lambda: Answered.read(lambda path, text: path.write_text(text), tmp_path)


def test_a_name_is_due_until_it_is_answered_and_again_when_the_answer_counts_no_longer(answered):
    known = answered()
    assert known.is_due(NAME, 1000)
    known.note_answer(NAME, 1000, 1060, {})
    known.save()

    assert [answered().is_due(NAME, now) for now in (1000, 1059, 1060, 5000)] == [False, False, True, True]
    assert (answered().age(NAME, 1042), answered().error(NAME)) == (42, "")


def test_a_clock_that_was_set_back_makes_a_name_due(answered):
    known = answered()
    known.note_answer(NAME, 200_000, 200_060, {})

    assert known.is_due(NAME, 1000)
    assert known.age(NAME, 1000) == 0


def test_a_failure_keeps_the_age_and_asks_again_at_once(answered):
    known = answered()
    known.note_answer(NAME, 1000, 1060, {})
    known.note_failure(NAME, "no answer")

    assert known.is_due(NAME, 1001)
    assert (known.age(NAME, 1010), known.error(NAME)) == (10, "no answer")


def test_to_ask_again_is_to_keep_ages_and_to_forget_names_that_are_gone(answered):
    known = answered()
    known.note_answer(NAME, 1000, 1060, {})
    known.note_answer("old.example.org", 1000, 1060, {})
    known.expire([NAME, "new.example.org"])

    again = answered()
    assert again.is_due(NAME, 1001)
    assert [again.age(name, 1010) for name in (NAME, "new.example.org", "old.example.org")] == [10, None, None]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"git.example.org": 5}', '"x"'])
def test_a_file_that_cannot_be_read_says_nothing(answered, tmp_path, text):
    (tmp_path / FILE).write_text(text)

    assert (answered().is_due(NAME, 1000), answered().age(NAME, 1000), answered().error(NAME)) == (True, None, "")


def test_the_file_can_be_removed_twice(answered, tmp_path):
    known = answered()
    known.save()
    assert json.loads((tmp_path / FILE).read_text()) == {}
    known.forget()
    known.forget()

    assert not (tmp_path / FILE).exists()
