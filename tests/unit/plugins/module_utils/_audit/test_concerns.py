from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import CONCERNS, finding, some
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import KINDS

DOCS = (Path(__file__).parents[5] / "docs" / "audit.md").read_text(encoding="utf-8")
HARDEN = {"always": "refuses", "taking over": "refuses with `gatehouse_takeover`", "never": "warns"}


def test_an_audit_counts_every_kind():
    assert set(CONCERNS) <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_every_kind(kind):
    assert f"`{kind}`" in DOCS


@pytest.mark.parametrize("kind", CONCERNS)
def test_the_page_says_what_harden_does(kind):
    (row,) = re.findall(rf"^\| `{kind}` \| .*$", DOCS, re.MULTILINE)

    assert row.split(" | ")[2].startswith(HARDEN[CONCERNS[kind].refused])


def test_a_finding_says_what_to_do():
    assert finding("helper", "There is one").text.startswith("There is one. Our rules let nothing in")


def test_of_the_same_thing_there_is_one_finding_and_of_many_the_rest_is_summed_up():
    assert [one.text.partition(". ")[0] for one in some("helper", ["a", "a", "b"])] == ["a", "b"]
    assert len(list(some("helper", [str(number) for number in range(10)]))) == 10
    assert [*some("helper", [str(number) for number in range(12)])][-1].text.startswith(
        "and 2 more of this kind, such as 10"
    )
