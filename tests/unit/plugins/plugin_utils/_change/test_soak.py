from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.soak import newly_denied, soak_seconds
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError

TIME = "2026-11-30T10:00:00Z"


def row(address="198.51.100.21", port=5432, direction="ingress", **more):
    times = {"packets": 3, "first": TIME, "last": TIME}
    return {"direction": direction, "address": address, "protocol": "tcp", "port": port, "known": True, **times, **more}


def look(*rows, key="denied"):
    return {key: list(rows), f"{key}_full": [], f"{key}_since": TIME}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(0, 0), ("0", 0), (90, 90), ("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), ("24h", 86400)],
)
def test_a_time_is_read_in_seconds(text, seconds):
    assert soak_seconds(text) == seconds


@pytest.mark.parametrize("text", ["2 m", "-1", "25h", "two", "", None, True, [1], "1.5m", "999999"])
def test_what_is_no_time_is_told(text):
    assert soak_seconds(text) is None


def test_what_the_fleet_is_denied_since_the_change_is_told():
    said = newly_denied(look(row(port=22)), look(row(port=22), row(), row("2001:db8::9", 53, "egress")))

    assert "5432/tcp from 198.51.100.21, 53/tcp to 2001:db8::9." in said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (look(row()), look(row(packets=9))),
        (look(row(direction="pre_dnat")), look(row())),
        (look(row(), key="observed"), look(row())),
        ({}, look(row("203.0.113.9", known=False))),
        ({}, {}),
    ],
    ids=["denied before", "denied before DNAT", "observed before", "a stranger", "no denials are kept"],
)
def test_what_is_no_news_is_not(before, after):
    assert newly_denied(before, after) == ""


def test_of_many_some_are_shown():
    assert " and 4 more. " in newly_denied({}, look(*(row(port=port) for port in range(1, 10))))


def test_an_answer_that_has_another_form_is_refused():
    with pytest.raises(AnswerError, match=r"denied\[0\]"):
        newly_denied({}, look(row(address="nobody")))
