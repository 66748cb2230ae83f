"""A plan that was reviewed holds a change to what it showed."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.reviewed import PlanError, plan_text, read_plan

DIFF = {"before": "ingress office\n", "after": "ingress office\ningress scrape\n"}
RESULTS = {"web2": {"changed": True, "diff": DIFF}, "web1": {"changed": False, "diff": DIFF}, "gone": {"failed": True}}
CLASSES = {host: ["web"] for host in RESULTS}
PLAN = read_plan(plan_text(RESULTS, CLASSES))


def test_a_plan_has_each_host_that_showed_a_difference():
    written = json.loads(plan_text(RESULTS, CLASSES))

    assert list(written["hosts"]) == ["web1", "web2"]
    assert written["hosts"]["web2"] == {
        "classes": ["web"],
        "changed": True,
        "before": ["ingress office"],
        "after": ["ingress office", "ingress scrape"],
    }


@pytest.mark.parametrize(
    ("host", "difference", "says"),
    [
        ("web2", DIFF, ""),
        ("db1", DIFF, "db1 is no part of the plan"),
        (
            "web2",
            {**DIFF, "after": "ingress office\ningress scrape\negress all\n"},
            (
                "the model lets web2 let through something else than when the plan was made: "
                "then 'nothing', now 'egress all'"
            ),
        ),
        (  # what stands behind a new line has not moved
            "web2",
            {**DIFF, "after": "ingress admins\ningress office\ningress scrape\n"},
            (
                "the model lets web2 let through something else than when the plan was made: "
                "then 'nothing', now 'ingress admins'"
            ),
        ),
        (
            "web2",
            {**DIFF, "after": "ingress scrape\n"},
            (
                "the model lets web2 let through something else than when the plan was made: "
                "then 'ingress office', now 'nothing'"
            ),
        ),
        (
            "web2",
            {**DIFF, "after": "ingress scrape\ningress office\n"},
            (
                "the model lets web2 let through something else than when the plan was made: "
                "then 'ingress office', now 'ingress scrape'"
            ),
        ),
        (
            "web2",
            {**DIFF, "before": "ingress admins\n"},
            "web2 lets through something else than when the plan was made: then 'ingress office', now 'ingress admins'",
        ),
    ],
)
def test_a_change_is_refused_unless_it_is_the_planned_one(host, difference, says):
    assert PLAN.refusal(host, difference) == says


def test_a_host_that_the_plan_leaves_as_it_is_is_left():
    assert PLAN.refusal("web1", DIFF).startswith("the plan leaves web1 as it is, and now it would change")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"hosts": []}',
        '{"schema": 2, "hosts": {"a": {}}}',
        '{"schema": 2, "hosts": {"a": {"before": 1, "after": []}}}',
    ],
)
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(PlanError, match=r"expected the plan\.json that plan writes"):
        read_plan(text)


def test_a_plan_of_another_schema_is_refused():
    with pytest.raises(PlanError, match="schema 1, expected 2"):
        read_plan('{"schema": 1, "hosts": {}}')
