from __future__ import annotations

import pytest
from ansible import constants
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.kept_fleet import compiled_once
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good


@pytest.fixture(autouse=True)
def _run(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def test_the_same_inputs_are_compiled_once():
    fleets = [build(good()), build(good())]
    waiting = list(fleets)

    found = [compiled_once({"inputs": 1}, lambda: waiting.pop(0)) for _task in range(3)]

    assert found == [fleets[0]] * 3
    assert len(waiting) == 1


def test_other_inputs_are_compiled_by_themselves():
    other = build(good({"hosts.web1.gatehouse_mode": "observe"}))

    assert compiled_once(1, lambda: build(good())) == build(good())
    assert compiled_once(2, lambda: other) == other


def test_what_fails_leaves_nothing(tmp_path):
    def fail():
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        compiled_once(1, fail)

    assert list(tmp_path.iterdir()) == []
