"""The order of the steps of a change, and what is said where one fails."""

from __future__ import annotations

import json
import types

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.gatehouse.firewall.plugins.action import ruleset as plugin
from ansible_collections.gatehouse.firewall.plugins.module_utils.ruleset_arguments import ARGUMENTS, REQUIRED_IF
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.policy_data import to_data
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

FOUND = {"changed": False, "differs": True, "has_nft": True, "has_table": True, "drift": [], "management": None}
POLICY = to_data(build(good()).policy_of("web1"))
FROM_OFFICE = {"source": "203.0.113.7", "destination": "192.0.2.1", "port": 443}
FROM_ELSEWHERE = {**FROM_OFFICE, "source": "198.51.100.1"}


class Action(plugin.ActionModule):
    """The action plugin over a host that answers each step as it is told."""

    def __init__(self, arguments, found, answers, check_mode):
        task = types.SimpleNamespace(args=arguments, async_val=0, check_mode=check_mode, diff=False)
        shell = types.SimpleNamespace(tmpdir="/nowhere")
        connection = types.SimpleNamespace(_shell=shell, reset=lambda: self.steps.append("reset"))
        super().__init__(task, connection, None, None, None, None)
        self._load_name = "ruleset"
        self.steps = []
        self.refusals = []
        self.answers = {"look": [{**FOUND, **found}], **{step: [answer] for step, answer in answers.items()}}

    def _execute_module(self, module_name=None, module_args=None, **_others):
        is_look = module_name == plugin.INFO
        step = "look" if is_look else module_args.get("step") or module_args["state"]
        self.steps.append(step)
        if not is_look:
            checked = ArgumentSpecValidator(ARGUMENTS, required_if=REQUIRED_IF).validate(module_args)
            self.refusals += [f"{step}: {message}" for message in checked.error_messages]
        answers = self.answers.get(step, [{"changed": True}])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def _install(self, package):
        self.steps.append(f"install {package}")
        return self.answers.get("install", [{"changed": True}])[0]


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    """Let time pass by sleeping only, at once."""
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(plugin.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(plugin.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))


def run(arguments=None, found=None, answers=None, check_mode=False, ruleset="wanted"):
    given = {"ruleset": ruleset} if ruleset is not None else {}
    action = Action({**given, **(arguments or {})}, found or {}, answers or {}, check_mode)
    result = action.run(task_vars={})
    return action.steps, result


def test_a_host_that_is_where_it_should_be_costs_one_look():
    steps, result = run(found={"differs": False})

    assert (steps, result) == (["look"], {"changed": False})


def test_a_change_is_loaded_and_then_confirmed_over_a_new_connection():
    steps, result = run(answers={"confirm": {"changed": True, "confirmed": True, "persisted": True}})

    assert steps == ["look", "load", "reset", "confirm"]
    assert result == {"changed": True, "confirmed": True, "persisted": True}


@pytest.mark.parametrize(
    ("found", "arguments", "steps"),
    [
        ({"has_table": False}, {}, ["look", "prime", "load", "reset", "confirm"]),
        (
            {"has_table": False, "has_nft": False},
            {"package": "nft"},
            ["look", "install nft", "prime", "load", "reset", "confirm"],
        ),
        ({"has_nft": False}, {"package": ""}, ["look", "load", "reset", "confirm"]),
        ({}, {"state": "absent"}, ["look", "absent"]),
    ],
)
def test_a_host_gets_the_steps_that_it_needs(found, arguments, steps):
    assert run(arguments, found)[0] == steps


@pytest.mark.parametrize("arguments", [{}, {"state": "absent"}])
def test_the_module_takes_the_arguments_of_every_step(arguments):
    action = Action({"ruleset": "wanted", **arguments}, {"has_table": False}, {}, False)
    action.run(task_vars={})

    assert action.refusals == []


@pytest.mark.parametrize("arguments", [{}, {"state": "absent"}])
def test_a_check_looks_and_changes_nothing(arguments):
    steps, result = run(arguments, check_mode=True)

    assert (steps, result) == (["look"], {"changed": True})


def test_a_check_of_a_host_without_nft_says_that_it_saw_less():
    assert run(found={"has_nft": False}, check_mode=True)[1]["warnings"] == [plugin.WITHOUT_NFT]


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_diff_is_the_one_of_the_look(check_mode):
    diff = {"before": "a\n", "after": "b\n"}

    assert run(found={"diff": diff}, check_mode=check_mode)[1]["diff"] == diff


FAILED = {"failed": True, "msg": "no"}


@pytest.mark.parametrize(
    ("found", "answers", "steps"),
    [
        (FAILED, {}, ["look"]),
        ({"has_nft": False}, {"install": FAILED}, ["look", "install nftables"]),
        ({"has_table": False}, {"prime": FAILED}, ["look", "prime"]),
        ({}, {"load": FAILED}, ["look", "load"]),
        ({"has_table": False}, {"load": FAILED}, ["look", "prime", "load", "absent"]),
    ],
)
def test_a_step_that_fails_is_the_last_and_leaves_no_table_that_was_not_there(found, answers, steps):
    done, result = run(found=found, answers=answers)

    assert done == steps
    assert (result["failed"], result["msg"]) == (True, "no")


def test_a_connection_that_fails_is_tried_again_until_the_host_has_gone_back():
    answers = {"confirm": AnsibleConnectionFailure("refused")}
    steps, result = run({"rollback_timeout": 5}, {"management": FROM_OFFICE}, answers)

    assert steps == ["look", "load", *["reset", "confirm"] * 10, "reset", "look"]
    assert (result["failed"], result["changed"], result["confirmed"]) == (True, False, False)
    assert "from 203.0.113.7 at port 443/tcp over a new connection within 5 s of the change" in result["msg"]
    assert "It answers again." in result["msg"]


def test_a_connection_that_comes_back_in_time_confirms():
    action = Action({"ruleset": "wanted"}, {}, {}, False)
    action.answers["confirm"] = [AnsibleConnectionFailure("refused"), {"changed": True, "confirmed": True}]

    assert action.run(task_vars={})["confirmed"]


def test_a_confirmation_that_comes_too_late_is_a_failure():
    steps, result = run(answers={"confirm": {"changed": False, "rolled_back": True}})

    assert steps == ["look", "load", "reset", "confirm"]
    assert result["failed"]


@pytest.mark.parametrize("policy", [POLICY, json.dumps(POLICY)], ids=["as data", "as text"])
def test_a_change_that_would_cut_the_controller_off_is_refused_before_anything_happens(policy):
    with pytest.raises(AnsibleActionFail, match="This ruleset would cut this controller off: it reaches the host from"):
        run({"policy": policy}, {"management": FROM_ELSEWHERE})


@pytest.mark.parametrize(
    ("arguments", "management"),
    [
        ({"policy": POLICY}, FROM_OFFICE),
        ({"policy": POLICY, "allow_self_lockout": True}, FROM_ELSEWHERE),
        ({"policy": POLICY, "allow_self_lockout": "yes"}, FROM_ELSEWHERE),
        ({"policy": POLICY}, None),
        ({}, FROM_ELSEWHERE),
        ({"policy": POLICY, "state": "absent"}, FROM_ELSEWHERE),
    ],
)
def test_a_change_is_not_refused_without_a_reason(arguments, management):
    assert not run(arguments, {"management": management})[1].get("failed")


def test_a_check_says_that_the_change_would_be_refused():
    steps, result = run({"policy": POLICY}, {"management": FROM_ELSEWHERE}, check_mode=True)

    assert steps == ["look"]
    assert "would cut this controller off" in result["warnings"][0]


@pytest.mark.parametrize("policy", ["no json", {"class": "x y"}, [1]])
def test_what_is_no_policy_is_refused(policy):
    with pytest.raises(AnsibleActionFail, match="policy: "):
        run({"policy": policy}, {"management": FROM_OFFICE})


@pytest.mark.parametrize("seconds", [-1, 0, 4, 601])
def test_a_timeout_in_which_nobody_can_confirm_is_refused(seconds):
    with pytest.raises(AnsibleActionFail, match=f"rollback_timeout: got {seconds}, expected between 5 and 600 seconds"):
        run({"rollback_timeout": seconds})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"state": "gone", "ruleset": "x"}, "value of state must be one of: present, absent, got: gone"),
        ({"rules": "x", "ruleset": "x"}, "Unsupported parameters"),
        ({}, "state is present but all of the following are missing: ruleset"),
    ],
)
def test_arguments_are_checked_before_the_host_is_asked(arguments, message):
    with pytest.raises(AnsibleError, match=message):
        run(arguments, ruleset=None)


@pytest.mark.parametrize("empty", ["", " \n", None])
def test_an_empty_ruleset_is_refused_where_one_should_be_present(empty):
    with pytest.raises(AnsibleError, match="ruleset"):
        run({"ruleset": empty})
