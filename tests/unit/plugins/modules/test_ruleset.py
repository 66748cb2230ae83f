from __future__ import annotations

import json

import pytest
from ansible.module_utils import basic
from ansible_collections.gatehouse.firewall.plugins.modules import ruleset


def test_without_its_action_plugin_the_module_does_nothing_and_says_so(monkeypatch, capsys):
    given = {"ANSIBLE_MODULE_ARGS": {"ruleset": "table inet gatehouse", "_ansible_remote_tmp": "/tmp"}}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(given).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        ruleset.main()

    assert "this module works through its action plugin" in json.loads(capsys.readouterr().out)["msg"]
