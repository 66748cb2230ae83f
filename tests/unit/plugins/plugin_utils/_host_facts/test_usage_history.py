from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.usage import HostUsage, Watched
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.usage_history import (
    UsageError,
    history_text,
    read_history,
)

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=timezone.utc)
HISTORY = {
    "web1": HostUsage(
        NOW,
        "2026-11-01T00:00:00Z",
        {
            ("front", "ingress"): Watched(NOW - timedelta(days=3), 12, NOW - timedelta(days=2), timedelta(days=2)),
            ("sql", "egress"): Watched(NOW, 0, None),
        },
    ),
    "ä": HostUsage(NOW, "", {}),
}


@pytest.mark.parametrize("history", [{}, HISTORY])
def test_what_is_written_is_read_again(history):
    assert read_history(history_text(history)) == history


def changed(**items):
    content = json.loads(history_text(HISTORY))
    content["hosts"]["web1"]["flows"]["front"]["ingress"].update(items)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}", '"usage of flows"', "[" * 100_000),
        '{"schema": 1, "hosts": {}}',
        '{"kind": "usage of flows", "schema": 1}',
        '{"kind": "usage of flows", "schema": 1, "hosts": []}',
        '{"kind": "usage of flows", "schema": 1, "hosts": {"web1": {}}}',
        history_text(HISTORY)[:-20],
        history_text(HISTORY).replace('"ingress"', '"sideways"'),
        *(changed(packets=value) for value in (-1, 1.5, "1", True, None)),
        *(changed(idle_seconds=value) for value in (-1, "1", 10**30)),
        *(changed(used=value) for value in (0, "yesterday")),
        *(changed(since=value) for value in (None, "")),
    ],
)
def test_what_is_no_history_is_refused_by_what_it_is(text):
    with pytest.raises(UsageError) as raised:
        read_history(text)
    assert "expected the usage.json of schema 1 that report writes; move it away" in str(raised.value)


@pytest.mark.parametrize(
    ("head", "got"),
    [
        ('"kind": "usage of flows", "schema": 2', "got 'usage of flows' of schema 2"),
        ('"kind": "metrics", "schema": 1', "got 'metrics' of schema 1"),
    ],
)
def test_a_history_of_another_kind_is_named(head, got):
    with pytest.raises(UsageError) as raised:
        read_history(f'{{{head}, "hosts": {{"web1": 5}}}}')
    assert str(raised.value).startswith(got)
