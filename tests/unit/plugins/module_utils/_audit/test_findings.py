from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import (
    KINDS,
    Finding,
    changes_of_model,
    metrics,
)


def test_a_change_of_the_model_is_told_from_a_change_by_hand():
    applied, wanted = ["ingress 22/tcp from a, flow ssh", "same"], ["same", "ingress 80/tcp from a, flow web"]

    assert changes_of_model(applied, wanted) == [
        Finding("model_changed", "no more in the model: ingress 22/tcp from a, flow ssh", "ssh"),
        Finding("model_changed", "new in the model: ingress 80/tcp from a, flow web", "web"),
    ]


def test_metrics_have_every_kind_so_that_none_vanishes():
    names = [{"name": "git.example.org", "age": 12.3}, {"name": "never.example.org", "age": None}]
    lines = metrics([Finding("rule_added", "x"), Finding("rule_added", "y")], names, 1700000000.4).splitlines()

    assert {line.split('"')[1] for line in lines if line.startswith("gatehouse_drift{")} == set(KINDS)
    assert 'gatehouse_drift{kind="rule_added"} 2' in lines
    assert "gatehouse_audit_time_seconds 1700000000" in lines
