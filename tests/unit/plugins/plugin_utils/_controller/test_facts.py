"""What Ansible keeps of hosts' facts, and what of it counts for us."""

from __future__ import annotations

import types

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.facts import Facts, without_orders

DECLARED = {"office": "203.0.113.0/24", "gatehouse_mode": "enforce"}


class Cache(dict):
    """A fact cache since ansible-core 2.19, which has no default."""

    def get(self, host):
        return self[host]


@pytest.fixture(params=[dict, Cache])
def manager(request):
    facts = {"web1": {"gatehouse_mode": "observe", "_gatehouse_live": 1, "office": "0.0.0.0/0", "kernel": "6.1"}}
    return types.SimpleNamespace(_fact_cache=request.param(facts), _nonpersistent_fact_cache={"web1": {}})


def variables(manager):
    """Read variables as Ansible does: facts hide what is declared."""

    def read(host):
        try:
            facts = manager._fact_cache.get(host) or {}
        except KeyError:
            facts = {}
        return {**DECLARED, "ansible_facts": facts, **facts}

    return read


def test_facts_named_like_our_variables_are_found_and_refused_by_name(manager):
    facts = Facts(manager)

    assert facts.like_ours_by_host(["web2", "web1"]) == {"web1": ["_gatehouse_live", "gatehouse_mode"]}
    assert facts.refusal("web1").startswith(
        "web1 has facts that are named like variables of ours: _gatehouse_live, gatehouse_mode. They are not read"
    )
    assert facts.refusal("web2") == ""


def test_what_set_fact_has_set_in_this_run_is_its_authors(manager):
    manager._nonpersistent_fact_cache["web1"] = {"gatehouse_mode": "observe", "_gatehouse_live": 1}

    assert Facts(manager).like_ours("web1") == []


def test_facts_stand_below_what_is_declared_and_are_none_of_ours(manager):
    found = Facts(manager).below("web1", variables(manager))

    assert (found["office"], found["gatehouse_mode"]) == ("203.0.113.0/24", "enforce")
    assert (found["kernel"], found["ansible_facts"]["kernel"]) == ("6.1", "6.1")
    assert "_gatehouse_live" not in found
    assert variables(manager)("web1")["office"] == "0.0.0.0/0"


def test_a_host_without_facts_is_read_once(manager):
    asked = []
    Facts(manager).below("web2", lambda host: asked.append(host) or {})

    assert asked == ["web2"]


def test_an_answer_gives_no_orders():
    orders = {"add_host": {"host_name": "web9"}, "add_group": "dbs", "ansible_stats": {"data": {}}}
    answer = {"changed": True, "usage": [], "ansible_facts": {"office": 1, "discovered_interpreter_python": "/bin/py"}}

    assert without_orders("web1", {**answer, **orders}) == {
        "changed": True,
        "usage": [],
        "ansible_facts": {"discovered_interpreter_python": "/bin/py"},
    }
    assert without_orders("web1", {"changed": False}) == {"changed": False}


def test_an_answer_that_sets_a_variable_of_ours_has_failed():
    found = without_orders("web1", {"changed": True, "ansible_facts": {"gatehouse_plan": "x", "kernel": 1}})

    assert (found["failed"], found["changed"]) == (True, False)
    assert found["msg"].startswith("web1 has facts that are named like variables of ours: gatehouse_plan. ")
