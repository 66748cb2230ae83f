"""Pages, messages, comments and the output of ansible-doc keep to the words of docs/development.md."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = ("README.md", "docs", "playbooks", "roles", "plugins")
PEOPLE = re.compile(r"\b(?:somebody|nobody|anybody|whoever|whom)\b", re.IGNORECASE)
# The list itself has each once; and some messages and names still have one.
MOST_PEOPLE = 60
NEVER = (
    r"way back",
    r"belongs? into",
    r"at the latest",
    r"in what (?:it|they|a|the)\b[^.]*\bnot as",
    r"as the model would have",
)
OWN_LIST = re.compile(r"^## Words$.*?(?=^## )", re.MULTILINE | re.DOTALL)


def _texts():
    """Return each file below the places, without the list of words itself."""
    found = {}
    for place in PLACES:
        paths = [ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*"))
        for path in paths:
            if path.suffix in (".md", ".py", ".yml"):
                found[path.relative_to(ROOT).as_posix()] = OWN_LIST.sub("", path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def texts():
    return _texts()


@pytest.fixture(scope="module")
def shown_by_ansible_doc():
    """What ansible-doc shows of all modules, filters, tests and roles."""
    words = ["ansible-doc", "--metadata-dump", "--no-fail-on-errors", "gatehouse.firewall"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert '"gatehouse.firewall.ruleset"' in done.stdout
    return done.stdout


def test_the_places_are_read(texts):
    assert {name.partition("/")[0] for name in texts} == set(PLACES)
    assert len(texts) > 300


def test_a_host_or_a_program_is_named_and_not_some_person(texts):
    found = {name: len(PEOPLE.findall(text)) for name, text in texts.items() if PEOPLE.search(text)}

    assert sum(found.values()) <= MOST_PEOPLE, found


@pytest.mark.parametrize("pattern", NEVER)
def test_a_word_that_was_replaced_stays_away(texts, pattern):
    banned = re.compile(rf"\b{pattern}", re.IGNORECASE)

    assert [name for name, text in texts.items() if banned.search(text)] == []


@pytest.mark.parametrize("pattern", [PEOPLE.pattern, *NEVER])
def test_ansible_doc_has_none_of_them(shown_by_ansible_doc, pattern):
    assert re.findall(pattern, shown_by_ansible_doc, re.IGNORECASE) == []
