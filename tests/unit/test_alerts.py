"""The alerts for Prometheus: rules as it takes them, on metrics that a host writes. No promtool runs here."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import metrics as of_findings
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils._host.test_metrics import FOUND, lines

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
ALERTS = yaml.safe_load((DOCS / "alerts.yml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DURATION = re.compile(r"([0-9]+(ms|[smhdwy]))+")
METRIC = re.compile(r"\bgatehouse_[a-z_]+")
LABELS = re.compile(r"\{\{ \$labels\.([a-z]+) \}\}")
WRITTEN = [*lines(FOUND), *of_findings([], [], 0.0).splitlines()]
NAMES = {METRIC.match(line)[0] for line in WRITTEN if not line.startswith("#")}
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def test_groups_have_names_and_rules_and_nothing_that_prometheus_does_not_know():
    assert set(ALERTS) == {"groups"}
    assert all(set(group) == {"name", "rules"} for group in ALERTS["groups"])
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


@each_rule
def test_a_rule_has_what_prometheus_wants(rule):
    assert {"alert", "expr", "labels", "annotations"} <= set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"[a-zA-Z_]\w*", rule["alert"])
    assert DURATION.fullmatch(rule.get("for", "1m"))
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(isinstance(text, str) for part in ("labels", "annotations") for text in rule[part].values())


@each_rule
def test_an_expression_is_about_metrics_and_labels_that_a_host_writes(rule):
    expression = rule["expr"]
    names = set(METRIC.findall(expression))
    labels = set(re.findall(r'([a-z]+)="', "".join(WRITTEN)))

    assert names
    assert names <= NAMES
    assert set(re.findall(r"([a-z]+)(?:=~?|!=)\"", expression)) <= labels
    assert {found for text in rule["annotations"].values() for found in LABELS.findall(text)} <= labels | {"instance"}
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)


def test_the_page_lists_each_metric():
    page = (DOCS / "audit.md").read_text(encoding="utf-8")

    assert {name for name in NAMES if f"`{name}" not in page} == set()
