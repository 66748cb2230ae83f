"""The order of the steps of a change, and what is said where one fails."""

from __future__ import annotations

import json
import re
import time
import types

import pytest
from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.connection import ConnectionBase
from ansible_collections.gatehouse.firewall.plugins.action import ruleset as plugin
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import CONCERNS
from ansible_collections.gatehouse.firewall.plugins.module_utils._host import host_firewall
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import STEP
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept import rollback
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change import confirmation
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.confirmation import LOST, NOT_NEW
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller import change, kept_look
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller import connection as connection_
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.change import HostChange
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import to_data
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build, good

NO_EBPF = {"kube_proxy": "", "interfaces": []}
FOUND = {
    "answers": {"git.example.org": ["203.0.113.173"]},
    "changed": False,
    "differs": True,
    "differs_in_addresses_alone": False,
    "host_names": [],
    "packages": [],
    "tracks_connections": True,
    "drift": [],
    "management": None,
    "managers": [],
    "ebpf": NO_EBPF,
    "in_force": "the ruleset confirmed last is in force",
    "rollback": "",
    "backend": "nftables",
    "backend_reason": "the host has nft 1.0.6",
    "findings": [{"kind": "model_changed", "text": "new in the model: ingress 443/tcp", "flow": ""}],
}
REASONS = {"reasons": ["The model has changed"]}
BACKEND = {"backend": "nftables", "backend_reason": "the host has nft 1.0.6"}
CONFIRMED = {"changed": True, "confirmed": True, "new_connection": True, "persisted": True}
LOADED = {"changed": True, "change": "17", "connection": "203.0.113.7 50021"}
DONE = {"load": LOADED, "confirm": CONFIRMED}
POLICY = to_data(build(good()).policy_of("web1"))
FRONT = 'ip saddr @office.v4 counter accept comment "flow:front"'
FROM_OFFICE = {"source": "203.0.113.7", "destination": "192.0.2.1", "port": 443}
FROM_ELSEWHERE = {**FROM_OFFICE, "source": "198.51.100.1"}


class Action(plugin.ActionModule):
    """The action plugin over a host that answers each step as it is told."""

    def __init__(self, arguments, found, answers, check_mode):
        task = types.SimpleNamespace(args=arguments, async_val=0, check_mode=check_mode, diff=False)
        shell = types.SimpleNamespace(tmpdir="/nowhere")
        connection = types.SimpleNamespace(_shell=shell, transport="ssh", reset=lambda: self.steps.append("reset"))
        super().__init__(task, connection, None, None, None, None)
        self._load_name = "ruleset"
        self.steps = []
        self.given = []
        self.refusals = []
        self.answers = {"look": [{**FOUND, **found}], **{step: [answer] for step, answer in answers.items()}}

    def _execute_module(self, module_name=None, module_args=None, **_others):
        self.given.append(module_args)
        is_look = module_name == change.INFO
        step = "look" if is_look else module_args["step"]
        is_look = is_look or step == "look"
        self.steps.append(step)
        if not is_look:
            checked = ArgumentSpecValidator(STEP).validate(module_args)
            self.refusals += [f"{step}: {message}" for message in checked.error_messages]
        answers = self.answers.get(step, [DONE.get(step, {"changed": True})])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def install(self, packages, _task_vars):
        self.steps.append(f"install {' '.join(packages)}")
        return self.answers.get("install", [{"changed": True}])[0]


@pytest.fixture(autouse=True)
def _folder_of_the_run(monkeypatch, tmp_path):
    """Have each test be a run of its own."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    """Let time pass by sleeping only, at once."""
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(connection_.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(connection_.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))
    monkeypatch.setattr(change.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))


def run(arguments=None, found=None, answers=None, check_mode=False, ruleset="wanted", host=""):
    given = {"ruleset": ruleset} if ruleset is not None else {}
    action = Action({**given, **(arguments or {})}, found or {}, answers or {}, check_mode)
    result = action.run(task_vars={"inventory_hostname": host})
    return action.steps, result


def test_a_host_that_is_where_it_should_be_costs_one_look():
    steps, result = run(found={"differs": False})

    assert (steps, result) == (["look"], {"changed": False, **BACKEND})


def test_a_change_is_loaded_and_then_confirmed_over_a_new_connection():
    steps, result = run()

    assert steps == ["look", "load", "reset", "confirm"]
    assert result == {**CONFIRMED, **BACKEND, **REASONS}


def test_the_host_is_told_which_connection_the_change_came_over():
    action = Action({"ruleset": "wanted"}, {}, {}, False)
    action.run(task_vars={})

    assert action.given[-1]["connection"] == LOADED["connection"]


class NoReset(ConnectionBase):
    """A connection plugin that can't begin anew."""

    transport = "ssh"

    def __init__(self):
        self._shell = types.SimpleNamespace(tmpdir="/nowhere")

    def _connect(self):
        """Do nothing."""

    exec_command = put_file = fetch_file = close = _connect


@pytest.mark.parametrize(
    ("connection", "transport"), [(None, "local"), (None, "community.docker.docker"), (NoReset(), "ssh")]
)
def test_where_the_connection_is_none_over_the_network_or_cannot_be_reset_the_result_says_so(connection, transport):
    answers = {"confirm": {**CONFIRMED, "new_connection": False}}
    action = Action({"ruleset": "wanted"}, {}, answers, False)
    action._connection = connection or action._connection
    action._connection.transport = transport
    result = action.run(task_vars={})

    assert action.given[-1]["connection"] == ""
    assert (result["confirmed"], result["new_connection"]) == (True, False)
    assert result["warnings"] == [NOT_NEW.format(transport)]


def test_the_connection_of_the_change_confirms_nothing_until_the_timeout_and_that_is_said():
    answers = {"confirm": {"changed": False, "same_connection": "203.0.113.7 50021"}}
    steps, result = run({"rollback_timeout": 5}, {}, answers)

    assert steps == ["look", "load", *["reset", "confirm"] * 10, "reset", "look"]
    assert (result["failed"], result["confirmed"], result["gone_back"]) == (True, False, True)
    assert "the host still saw the connection over which it was loaded, from 203.0.113.7 50021" in result["msg"]
    assert "so it has gone back to its previous ruleset by itself" in result["msg"]


@pytest.mark.parametrize("differs", [True, False])
def test_what_the_owner_should_know_of_a_host_is_a_warning_each_time(differs):
    found = {"differs": differs, "cautions": ["others than root can change its Python"]}

    assert run(found=found)[1]["warnings"] == ["others than root can change its Python"]
    assert run(found=found, check_mode=True)[1]["warnings"] == ["others than root can change its Python"]


def test_every_step_is_for_the_ruleset_with_the_answers_that_the_host_was_compared_with():
    action = Action({"ruleset": "wanted"}, {}, {}, False)
    action.run(task_vars={})

    assert [arguments["answers"] for arguments in action.given[1:]] == [FOUND["answers"]] * 2


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"differs": False}, {"changed": False, **BACKEND}),
        ({"tracks_connections": False}, {"changed": False, "skipped": True, "skip_reason": change.NOT_HARDENED}),
        ({}, {"changed": False, "failed": True, "msg": change.MORE_THAN_ADDRESSES}),
    ],
    ids=["as it should be", "nothing of ours", "other rules"],
)
def test_a_host_that_may_get_other_addresses_alone_gets_nothing_else(found, expected):
    assert run({"addresses_alone": True}, found) == (["look"], expected)


def test_other_addresses_are_a_change_like_any_other():
    found = {"differs_in_addresses_alone": True}

    assert run({"addresses_alone": True}, found)[0] == ["look", "load", "reset", "confirm"]


@pytest.mark.parametrize(
    ("found", "arguments", "steps"),
    [
        ({"tracks_connections": False, "tracking_started": True}, {}, ["look", "load", "reset", "confirm"]),
        (
            {"tracks_connections": False, "packages": ["iptables", "ipset"]},
            {},
            ["look", "install iptables ipset", "start_tracking", "load", "reset", "confirm"],
        ),
        ({"packages": ["nftables"]}, {"install": False}, ["look", "load", "reset", "confirm"]),
        ({}, {"state": "absent"}, ["look", "remove"]),
    ],
)
def test_a_host_gets_the_steps_that_it_needs(found, arguments, steps):
    assert run(arguments, found)[0] == steps


@pytest.mark.parametrize("arguments", [{}, {"state": "absent"}])
def test_the_module_takes_the_arguments_of_every_step(arguments):
    action = Action({"ruleset": "wanted", **arguments}, {"tracks_connections": False}, {}, False)
    action.run(task_vars={})

    assert action.refusals == []


@pytest.mark.parametrize("arguments", [{}, {"state": "absent"}])
def test_a_check_looks_and_changes_nothing(arguments):
    steps, result = run(arguments, check_mode=True)

    reasons = {} if arguments else REASONS
    assert (steps, result) == (["look"], {"changed": True, **BACKEND, **reasons})


def test_a_check_of_a_host_without_nft_says_that_it_saw_less():
    warnings = run(found={"packages": ["nftables"]}, check_mode=True)[1]["warnings"]

    assert warnings == ["not installed yet, so that the host can't check the ruleset: nftables"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_diff_is_the_one_of_the_look(check_mode):
    diff = {"before": "a\n", "after": "b\n"}

    assert run(found={"diff": diff}, check_mode=check_mode)[1]["diff"] == diff


FAILED = {"failed": True, "msg": "no"}


@pytest.mark.parametrize(
    ("found", "answers", "steps"),
    [
        (FAILED, {}, ["look"]),
        (
            {"tracks_connections": False, "packages": ["nft"]},
            {"start_tracking": FAILED},
            ["look", "install nft", "start_tracking"],
        ),
        ({}, {"load": FAILED}, ["look", "load"]),
    ],
)
def test_a_step_that_fails_is_the_last(found, answers, steps):
    done, result = run(found=found, answers=answers)

    assert done == steps
    assert (result["failed"], result["msg"]) == (True, "no")


def test_a_package_that_cannot_be_installed_is_named_with_what_to_do():
    done, result = run(found={"packages": ["iptables", "ipset"]}, answers={"install": FAILED})

    assert done == ["look", "install iptables ipset"]
    assert result["failed"]
    assert result["msg"].startswith("This host lacks iptables, ipset, and its package manager can't install them: no\n")


def test_a_connection_that_fails_is_tried_again_until_the_host_has_gone_back():
    answers = {"confirm": AnsibleConnectionFailure("refused")}
    steps, result = run({"rollback_timeout": 5}, {"management": FROM_OFFICE}, answers)

    assert steps == ["look", "load", *["reset", "confirm"] * 10, "reset", "look"]
    assert (result["failed"], result["changed"], result["confirmed"]) == (True, False, False)
    assert "from 203.0.113.7 at port 443/tcp over a new connection within 5 s of the change" in result["msg"]
    assert "It answers again." in result["msg"]


def test_a_connection_that_comes_back_in_time_confirms():
    action = Action({"ruleset": "wanted"}, {}, {}, False)
    action.answers["confirm"] = [AnsibleConnectionFailure("refused"), CONFIRMED]

    assert action.run(task_vars={})["confirmed"]


@pytest.mark.parametrize("gone_back", [True, False])
def test_a_confirmation_that_comes_too_late_is_a_failure_and_says_what_the_host_says(gone_back):
    late = "its rollback has failed, and no rules of ours are in force"
    answer = {"changed": False, "too_late": late, "gone_back": gone_back}
    steps, result = run(
        {"policy": POLICY, "allow_self_lockout": True}, {"management": FROM_ELSEWHERE}, {"confirm": answer}
    )

    assert steps == ["look", "load", "reset", "confirm"]
    assert "That port is open by front (from office), but" in result["msg"]
    assert (result["failed"], result["confirmed"], result["gone_back"]) == (True, False, gone_back)
    assert late in result["msg"]


SEEN = [
    ({}, True, "so it has gone back to its previous ruleset by itself. It answers again"),
    ({"in_force": "no rules of ours are in force"}, True, "gone back to no rules of ours by itself"),
    (
        {"in_force": "rules of ours are in force that"},
        False,
        "rollback was due: rules of ours are in force that",
    ),
    ({"rollback": "has failed"}, False, "its rollback has failed, and the ruleset confirmed last is in force"),
    ({"failed": True, "msg": "no"}, False, "Asked what it has now, the host says: no"),
]


@pytest.mark.parametrize(("seen", "gone_back", "words"), SEEN)
def test_a_host_that_could_not_be_reached_in_time_is_asked_what_it_has_now(seen, gone_back, words):
    action = Action({"ruleset": "wanted"}, {}, {"confirm": AnsibleConnectionFailure("refused")}, False)
    action.answers["look"] = [FOUND, {**FOUND, **seen}]
    result = action.run(task_vars={})

    assert (result["failed"], result["gone_back"]) == (True, gone_back)
    assert words in result["msg"]


def test_what_a_host_has_is_asked_until_its_rollback_is_over():
    action = Action({"ruleset": "wanted"}, {}, {"confirm": AnsibleConnectionFailure("refused")}, False)
    waits, goes = {**FOUND, "rollback": "waits"}, {**FOUND, "rollback": "is under way"}
    action.answers["look"] = [FOUND, waits, goes, FOUND]
    result = action.run(task_vars={})

    assert action.steps[-6:] == ["reset", "look"] * 3
    assert "gone back to its previous ruleset by itself" in result["msg"]


def test_a_confirmation_whose_answer_was_lost_is_one():
    action = Action({"ruleset": "wanted"}, {}, {"confirm": AnsibleConnectionFailure("refused")}, False)
    action.answers["look"] = [FOUND, {**FOUND, "differs": False}]
    result = action.run(task_vars={})

    assert (result["changed"], result["confirmed"], result["warnings"]) == (True, True, [LOST])


def test_a_host_that_answers_no_more_is_not_said_to_have_gone_back():
    action = Action({"ruleset": "wanted"}, {}, {"confirm": AnsibleConnectionFailure("refused")}, False)
    action.answers["look"] = [FOUND, AnsibleConnectionFailure("refused")]
    result = action.run(task_vars={})

    assert result["gone_back"] is False
    assert "its own rollback was due. It doesn't answer within 15 s either" in result["msg"]
    assert "has gone back" not in result["msg"]


def test_controller_and_host_mean_the_same_by_the_same_words():
    names = ("WAITS", "UNDER_WAY")
    assert [getattr(confirmation, name) for name in names] == [getattr(rollback, name) for name in names]
    assert confirmation.CONFIRMED_LAST == host_firewall.CONFIRMED_LAST
    assert confirmation.NONE_OF_OURS == host_firewall.NONE_OF_OURS


@pytest.mark.parametrize(
    ("arguments", "management", "why"),
    [
        ({}, None, "The new ruleset needs a flow for that."),
        ({"policy": POLICY}, FROM_OFFICE, "No flow of the model is missing for that"),
        (
            {"policy": POLICY, "allow_self_lockout": True},
            FROM_ELSEWHERE,
            "That port is open by front (from office), but",
        ),
    ],
)
def test_a_change_that_was_undone_says_which_flow_was_missing(arguments, management, why):
    _steps, result = run(arguments, {"management": management}, {"confirm": AnsibleConnectionFailure("refused")})

    assert why in result["msg"]


@pytest.mark.parametrize("policy", [POLICY, json.dumps(POLICY)], ids=["as data", "as text"])
def test_a_change_that_would_cut_the_controller_off_is_refused_before_anything_happens(policy):
    with pytest.raises(AnsibleActionFail, match="This ruleset would cut this controller off: it reaches the host from"):
        run({"policy": policy}, {"management": FROM_ELSEWHERE})


def test_a_change_that_would_take_the_controllers_source_for_spoofed_is_refused_before_anything_happens():
    interfaces = {"private": ["eth0"], "public": ["eth1"]}
    policy = {**POLICY, "antispoof": "sides", "interfaces": interfaces}
    ways = {"comes_by": "eth1", "goes_back": "eth0"}

    with pytest.raises(AnsibleActionFail, match="gatehouse_antispoof: sides takes that for a spoofed source"):
        run({"policy": policy}, {"management": {**FROM_OFFICE, **ways}})
    allowed = {"policy": policy, "allow_self_lockout": True}
    assert not run(allowed, {"management": {**FROM_OFFICE, **ways}})[1].get("failed")


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
        ({}, "state is present but any of the following are missing: ruleset, iptables_ruleset"),
    ],
)
def test_arguments_are_checked_before_the_host_is_asked(arguments, message):
    with pytest.raises(AnsibleError, match=message):
        run(arguments, ruleset=None)


@pytest.mark.parametrize("empty", ["", " \n", None])
def test_an_empty_ruleset_is_refused_where_one_should_be_present(empty):
    with pytest.raises(AnsibleError, match="ruleset"):
        run({"ruleset": empty})


IPTABLES = {"ipset": "", "rules.v4": "*filter\n", "rules.v6": "*filter\n"}


@pytest.mark.parametrize("given", [{"ruleset": "a", "iptables_ruleset": IPTABLES}, {"iptables_ruleset": IPTABLES}])
def test_the_host_gets_the_ruleset_of_its_backend_alone(given):
    action = Action(given, {"backend": "iptables"}, {}, False)
    asked = []

    def answer(_name, module_args, **_others):
        asked.append(module_args)
        looked = module_args.get("step") == "look"
        return dict(FOUND, backend="iptables") if looked else DONE[module_args["step"]]

    action._execute_module = answer
    action.run(task_vars={})

    assert asked[0] == {**given, "backend": "auto", "step": "look"}
    assert [sorted(arguments) for arguments in asked[1:]] == [
        ["answers", "backend", "iptables_ruleset", "rollback_timeout", "step"],
        ["answers", "backend", "change", "checks", "connection", "fallback", "iptables_ruleset", "step"],
    ]


UFW = {"name": "ufw", "unit": "ufw.service", "active": True, "enabled": False}


@pytest.mark.parametrize("differs", [True, False])
def test_a_host_with_another_manager_is_refused_and_told_why(differs):
    with pytest.raises(
        AnsibleActionFail, match=r"another manager: ufw \(ufw.service is active\).*gatehouse_takeover: true"
    ):
        run(found={"managers": [UFW], "differs": differs})


def test_a_check_says_that_a_host_with_another_manager_would_be_refused():
    steps, result = run(found={"managers": [UFW]}, check_mode=True)

    assert steps == ["look"]
    assert "another manager: ufw" in result["warnings"][0]


@pytest.mark.parametrize(
    ("differs", "steps"),
    [(True, ["look", "load", "reset", "confirm", "take_over"]), (False, ["look", "take_over"])],
)
def test_another_manager_is_taken_over_once_our_rules_are_confirmed(differs, steps):
    done, result = run({"takeover": True}, {"managers": [UFW], "differs": differs})

    assert done == steps
    assert result["changed"]


def test_another_manager_stays_where_our_rules_were_not_confirmed():
    answers = {"confirm": {"changed": False, "rolled_back": True}}

    assert "take_over" not in run({"takeover": True}, {"managers": [UFW]}, answers)[0]


@pytest.mark.parametrize(("differs", "steps"), [(True, ["look", "remove"]), (False, ["look"])])
def test_another_manager_is_no_matter_where_ours_is_removed(differs, steps):
    assert run({"state": "absent"}, {"managers": [UFW], "differs": differs})[0] == steps


def concern(kind):
    return {"kind": kind, "text": f"there is {kind}. Do something", "flow": ""}


@pytest.mark.parametrize("kind", [kind for kind, one in CONCERNS.items() if one.refused == "always"])
def test_what_the_host_alone_knows_may_be_a_reason_to_refuse_it(kind):
    found = {"concerns": [concern(kind)], "tracking_started": True}
    action = Action({"ruleset": "wanted"}, found, {}, False)
    with pytest.raises(AnsibleActionFail, match=f"there is {kind}. Do something. Nothing was changed"):
        action.run(task_vars={})

    assert action.steps == ["look", "stop_tracking"]
    assert "there is" in run(found=found, check_mode=True)[1]["warnings"][0]
    steps, result = run(found={**found, "differs": False})
    assert (steps, result["warnings"]) == (["look"], [f"there is {kind}. Do something"])


@pytest.mark.parametrize("kind", [kind for kind, one in CONCERNS.items() if one.refused == "never"])
def test_or_one_to_warn_which_says_of_which_host(kind):
    action = Action({"ruleset": "wanted"}, {"concerns": [concern(kind)]}, {}, False)
    result = action.run(task_vars={"inventory_hostname": "web1"})

    assert action.steps == ["look", "load", "reset", "confirm"]
    assert result["warnings"] == [f"web1: there is {kind}. Do something"]
    assert "concerns" not in run(found={"concerns": [concern(kind)], "differs": False})[1]


@pytest.mark.parametrize("differs", [True, False])
def test_a_manager_is_not_taken_over_where_what_the_host_forwards_may_go_with_it(differs):
    found = {"managers": [UFW], "concerns": [concern("forwarding_lost")], "differs": differs}
    with pytest.raises(AnsibleActionFail, match="there is forwarding_lost"):
        run({"takeover": True}, found)

    assert not run({"takeover": True}, {**found, "managers": []})[1].get("failed")


def test_the_host_is_told_what_its_policy_says_unless_the_task_does():
    action = Action({"ruleset": "wanted", "policy": POLICY, "addresses": {"private": ["192.0.2.1"]}}, {}, {}, False)
    action.run(task_vars={})
    assert action.given[0]["declared"]["ingress"] == ["80/tcp", "443/tcp"]
    assert action.given[0]["addresses"] == {"private": ["192.0.2.1"]}

    action = Action({"ruleset": "wanted", "policy": POLICY, "declared": {"ingress": ["1/tcp"]}}, {}, {}, False)
    action.run(task_vars={})
    assert action.given[0]["declared"] == {"ingress": ["1/tcp"]}
    assert all("declared" not in arguments for arguments in action.given[1:])


def test_a_host_that_answers_nonsense_is_refused():
    with pytest.raises(AnsibleActionFail, match="What the host has found can't be read: concerns: got 'x'"):
        run(found={"concerns": "x"})


NODE = {**POLICY, "pre_dnat": [{"ports": ["30000-32767/tcp"]}]}
CILIUM = {"kube_proxy": "Cilium's replacement of kube-proxy (/pin)", "interfaces": ["eth0"]}
UNKNOWN = {"kube_proxy": "", "interfaces": ["eth0", "eth1"]}


@pytest.mark.parametrize("differs", [True, False])
@pytest.mark.parametrize("check_mode", [True, False])
def test_node_ports_that_ebpf_redirects_first_are_refused(differs, check_mode):
    with pytest.raises(
        AnsibleActionFail, match=r"Cilium.*redirects packets before netfilter .* can't judge 30000-32767/tcp"
    ):
        run({"policy": NODE}, {"differs": differs, "ebpf": CILIUM}, check_mode=check_mode)


@pytest.mark.parametrize("differs", [True, False])
def test_where_ebpf_may_redirect_node_ports_the_user_is_warned(differs):
    (warning,) = run({"policy": NODE}, {"differs": differs, "ebpf": UNKNOWN})[1]["warnings"]

    assert warning.startswith("An eBPF program sees the packets on eth0, eth1 before netfilter does.")


@pytest.mark.parametrize("ebpf", [CILIUM, UNKNOWN])
def test_ebpf_is_no_matter_where_nothing_is_judged_before_dnat(ebpf):
    assert "warnings" not in run({"policy": POLICY}, {"ebpf": ebpf})[1]


@pytest.mark.parametrize(
    ("arguments", "management", "rules"),
    [
        ({"policy": POLICY}, FROM_OFFICE, [FRONT]),
        ({"policy": POLICY}, None, [FRONT]),  # nobody may at 22: all may
        ({}, FROM_OFFICE, None),
    ],
)
def test_the_host_keeps_a_ruleset_for_a_boot_at_which_the_other_cannot_be_loaded(arguments, management, rules):
    action = Action({"ruleset": "wanted", **arguments}, {"management": management}, {}, False)
    fallback = HostChange(action, {"policy": None, **arguments}, {})._fallback({**FOUND, "management": management})

    if rules is None:
        assert fallback == ""
    else:
        assert [
            line.strip() for line in fallback.splitlines() if "accept comment" in line and "ip saddr" in line
        ] == rules
        assert "output_tcp" not in fallback


def test_a_change_that_is_refused_leaves_no_primer():
    action = Action(
        {"ruleset": "wanted", "policy": POLICY}, {"management": FROM_ELSEWHERE, "tracking_started": True}, {}, False
    )
    with pytest.raises(AnsibleActionFail, match="would cut this controller off"):
        action.run(task_vars={})

    assert action.steps == ["look", "stop_tracking"]


SEEN = {
    "observed": [
        {"direction": "ingress", "address": "198.51.100.9", "protocol": "tcp", "port": 8080, "packets": 12,
         "first": "2026-11-20T08:00:00Z", "last": "2026-11-21T09:00:00Z"}
    ],
    "observed_full": [],
    "observed_since": "2026-11-01T00:00:00Z",
}  # fmt: skip
OBSERVING = to_data(build(good({"hosts.web1.gatehouse_mode": "observe"})).policy_of("web1"))


def test_a_host_that_observes_does_not_enforce_what_would_cut_somebody():
    with pytest.raises(AnsibleActionFail, match="would cut 1 of what it has seen") as refusal:
        run({"policy": POLICY}, SEEN)

    assert "ingress 8080/tcp from 198.51.100.9: 12, last 2026-11-21T09:00:00Z" in str(refusal.value)


def policy_of(mode):
    return to_data(build(good({"hosts.web1.gatehouse_mode": mode})).policy_of("web1"))


@pytest.mark.parametrize(
    ("was", "becomes", "direction", "refused"),
    [
        (["ingress", "egress"], {"egress": "observe"}, "ingress", True),
        (["ingress", "egress"], {"egress": "observe"}, "egress", False),
        (["ingress", "egress"], {"ingress": "observe"}, "egress", True),
        (["egress"], "enforce", "egress", True),
        (["egress"], {"ingress": "observe"}, "egress", True),
        (["egress"], {"egress": "observe"}, "egress", False),
    ],
)
def test_a_step_from_observing_to_enforcing_is_asked_about_its_own_direction(was, becomes, direction, refused):
    seen = {**SEEN, "observed_directions": was, "observed": [{**SEEN["observed"][0], "direction": direction}]}
    if refused:
        with pytest.raises(AnsibleActionFail, match="would cut 1 of what it has seen"):
            run({"policy": policy_of(becomes)}, seen)
    else:
        assert run({"policy": policy_of(becomes)}, seen)[0] == ["look", "load", "reset", "confirm"]


def test_a_host_that_goes_on_observing_one_direction_is_told_nothing_of_how_long_it_has():
    seen = {**SEEN, "observed_directions": ["egress"], "observed": [], "observed_since": ""}
    _steps, result = run({"policy": policy_of({"egress": "observe"})}, seen)

    assert "warnings" not in result


def test_it_does_where_its_owner_accepts_that_and_is_told_what_will_be_cut():
    steps, result = run({"policy": POLICY, "accept_observed": True}, SEEN)

    assert steps == ["look", "load", "reset", "confirm"]
    assert "198.51.100.9" in result["warnings"][0]


def test_in_check_mode_open_questions_are_a_warning():
    steps, result = run({"policy": POLICY}, SEEN, check_mode=True)

    assert (steps, result["changed"]) == (["look"], True)
    assert "would cut 1 of what it has seen" in result["warnings"][0]
    assert "observed" not in result


def test_a_host_that_goes_on_observing_is_asked_nothing_and_gets_no_fallback():
    action = Action({"ruleset": "wanted", "policy": OBSERVING}, SEEN, {}, False)
    result = action.run(task_vars={})

    assert "warnings" not in result
    assert action.given[-1]["fallback"] == ""


def test_a_host_that_has_seen_nothing_yet_is_said_to_have_seen_nothing():
    _steps, result = run({"policy": POLICY}, {"observed": [], "observed_full": [], "observed_since": ""})

    assert "has seen nothing yet" in result["warnings"][0]


SPOILT = {**SEEN, "observed_since": "yesterday"}


def test_a_host_whose_observations_can_not_be_read_is_refused_and_not_enforced_blindly():
    with pytest.raises(AnsibleActionFail, match="observed can't be read: observed_since: got 'yesterday'"):
        run({"policy": POLICY}, SPOILT)


@pytest.mark.parametrize("more", [{"accept_observed": True}, {}], ids=["accepted", "check mode"])
def test_where_that_is_accepted_or_only_looked_at_it_is_a_warning(more):
    _steps, result = run({"policy": POLICY, **more}, SPOILT, check_mode=not more)

    assert "can't be read" in result["warnings"][0]


SHRUNK = {"lost": [{"peer": "office", "family": 4, "held": 3, "share": 334, "example": "203.0.113.7"}]}
SMALLER = "34% of the 3 of office (IPv4), 203.0.113.7 among them"


@pytest.mark.parametrize("more", [{}, {"compare_alone": True}, {"addresses_alone": True}], ids=str)
def test_a_host_that_holds_more_than_the_model_has_is_left_alone(more):
    found = {**SHRUNK, "management": FROM_ELSEWHERE, "differs_in_addresses_alone": True}
    action = Action({"ruleset": "wanted", "policy": POLICY, **more}, found, {}, False)

    with pytest.raises(AnsibleActionFail, match=re.escape(SMALLER)) as refused:
        action.run(task_vars={})
    assert "would cut this controller off" in str(refused.value)
    assert action.steps == ["look"]


def test_a_shrink_that_is_accepted_goes_through_without_a_word():
    steps, result = run({"policy": POLICY, "accept_shrink": ["office"]}, SHRUNK)

    assert (steps, "warnings" in result) == (["look", "load", "reset", "confirm"], False)


def test_a_dry_run_says_that_a_model_has_shrunk():
    _steps, result = run({"policy": POLICY}, SHRUNK, check_mode=True)

    assert [SMALLER in warning for warning in result["warnings"]] == [True]


@pytest.mark.parametrize(
    "found",
    [{}, {"failed": True, "msg": "no nft"}, {"management": FROM_ELSEWHERE}, {"lost": "nonsense"}],
    ids=["nothing lost", "failed", "another objection", "unreadable"],
)
def test_a_comparison_alone_leaves_all_else_to_the_change(found):
    assert run({"policy": POLICY, "compare_alone": True}, found) == (["look"], {"changed": False})


def test_a_comparison_leaves_a_host_that_is_out_of_reach_to_the_change():
    answers = {"look": AnsibleConnectionFailure("no route")}

    assert run({"policy": POLICY, "compare_alone": True}, answers=answers) == (["look"], {"changed": False})


def test_a_host_that_was_where_it_should_be_when_it_was_compared_is_not_looked_at_again():
    at = {"differs": False, "cautions": ["refresh runs as root with /x"], "deprecations": [object()]}
    assert run({"policy": POLICY, "compare_alone": True}, at) == (["look"], {"changed": False})

    steps, result = run({"policy": POLICY}, {"differs": True})
    assert (steps, result) == ([], {"changed": False, "warnings": at["cautions"], **BACKEND})
    steps, result = run({"policy": POLICY}, at)
    assert (steps, result["changed"]) == (["look"], False)  # it counts once


@pytest.mark.parametrize(
    "seen",
    [
        {"differs": True},
        {"differs": False, "managers": [UFW]},
        {"failed": True, "msg": "no nft", "exception": object()},
    ],
    ids=["differs", "another manager", "failed"],
)
def test_any_other_host_is_looked_at_again_before_it_changes(seen):
    run({"policy": POLICY, "compare_alone": True}, seen)

    assert run({"policy": POLICY})[0] == ["look", "load", "reset", "confirm"]


@pytest.mark.parametrize(
    ("arguments", "how"),
    [
        ({"policy": POLICY}, {"ruleset": "another"}),
        ({"policy": POLICY, "backend": "iptables"}, {}),
        ({"policy": POLICY}, {"check_mode": True}),
        ({"policy": POLICY}, {"host": "web2"}),
        ({"policy": POLICY}, {"later": kept_look.OUTDATED + 1}),
    ],
    ids=["another ruleset", "another backend", "a dry run", "another host", "later"],
)
def test_a_look_counts_for_the_same_question_alone_and_not_for_long(arguments, how, monkeypatch):
    run({"policy": POLICY, "compare_alone": True}, {"differs": False})
    now = time.time() + how.pop("later", 0)
    monkeypatch.setattr(kept_look.time, "time", lambda: now)

    assert run(arguments, {"differs": False}, **how)[0] == ["look"]


def test_a_comparison_that_gets_no_answer_leaves_no_older_one():
    compared = {"policy": POLICY, "compare_alone": True}
    run(compared, {"differs": False})
    run(compared, answers={"look": AnsibleConnectionFailure("no route")})

    assert run({"policy": POLICY}, {"differs": False})[0] == ["look"]


def test_what_a_host_has_lost_is_read_strictly():
    with pytest.raises(AnsibleActionFail, match="What the host has lost can't be read: lost: got 'nonsense'"):
        run({"policy": POLICY}, {"lost": "nonsense"})


DENIED = {
    "direction": "ingress",
    "address": "192.0.2.2",
    "protocol": "tcp",
    "port": 22,
    "known": True,
    "packets": 3,
    "first": "2026-11-30T10:00:00Z",
    "last": "2026-11-30T10:00:00Z",
}
KEEPING = {"denied": [], "denied_full": [], "denied_since": "2026-11-30T09:00:00Z"}


@pytest.mark.parametrize(("rows", "failed"), [([], None), ([DENIED], True)])
def test_a_host_is_watched_after_its_change_and_fails_where_it_denies_the_fleet_what_it_did_not_before(rows, failed):
    before = {**FOUND, **KEEPING}
    looks = [before, before, {**before, "denied": rows}]
    action = Action({"ruleset": "wanted", "soak": "2m"}, {}, {}, False)
    action.answers["look"] = looks
    result = action.run(task_vars={})

    assert action.steps == ["look", "look", "load", "reset", "confirm", "look"]
    assert (result["confirmed"], result.get("failed")) == (True, failed)
    assert ("22/tcp from 192.0.2.2" in result.get("msg", "")) == bool(failed)


@pytest.mark.parametrize(("found", "arguments"), [({"differs": False}, {"soak": "2m"}), ({}, {"soak": 0})])
def test_a_host_that_did_not_change_or_that_nobody_wants_to_watch_is_looked_at_once(found, arguments):
    steps, _result = run(arguments, found={**KEEPING, **found})
    assert steps.count("look") == 1


def test_a_time_to_watch_that_is_none_is_refused_before_the_host_is_asked():
    with pytest.raises(AnsibleActionFail, match="soak: got 'long', expected seconds, or a time such as 90s"):
        run({"soak": "long"})


CHECKS = ["pg_isready", {"command": "curl -fs http://localhost/", "name": "web", "timeout": 5}]


def test_checks_are_run_by_the_step_that_confirms():
    action = Action({"ruleset": "wanted", "confirm_checks": CHECKS}, {}, {}, False)
    action.run(task_vars={})

    assert action.refusals == []
    assert action.steps == ["look", "load", "reset", "confirm"]
    assert action.given[-1]["checks"] == [
        {"name": "'pg_isready'", "command": "pg_isready", "timeout": 10},
        {"name": "web", "command": "curl -fs http://localhost/", "timeout": 5},
    ]


@pytest.mark.parametrize(
    ("output", "end"), [("asking\nrefused", "Its last lines:\nasking\nrefused"), ("", "It has printed nothing")]
)
@pytest.mark.parametrize("gone_back", [True, False])
def test_a_check_that_fails_is_a_change_that_was_not_confirmed_and_is_asked_no_more(gone_back, output, end):
    check = {"name": "web", "why": "has ended with exit code 7", "output": output}
    after = "the host has gone back, and the ruleset confirmed last is in force"
    answer = {"changed": False, "failed_check": check, "after": after, "gone_back": gone_back}
    steps, result = run({"confirm_checks": CHECKS}, answers={"confirm": answer})

    assert steps == ["look", "load", "reset", "confirm"]
    assert (result["failed"], result["confirmed"], result["gone_back"]) == (True, False, gone_back)
    assert result["msg"].startswith("The check web has ended with exit code 7, so that the change was not confirmed")
    assert result["msg"].endswith(f"the ruleset confirmed last is in force. {end}")


@pytest.mark.parametrize("differs", [True, False])
def test_a_check_mode_runs_no_check_and_says_so_where_something_would_change(differs):
    steps, result = run({"confirm_checks": CHECKS}, {"differs": differs}, check_mode=True)

    assert steps == ["look"]
    said = ["Not run in check mode, as nothing was loaded: 'pg_isready', web. A change is confirmed once these succeed"]
    assert result.get("warnings", []) == (said if differs else [])


def test_checks_that_cannot_be_run_in_time_or_at_all_are_refused_before_the_host_is_asked():
    action = Action({"ruleset": "wanted", "confirm_checks": [*CHECKS, {"comand": 1}, ["x"]]}, {}, {}, False)
    with pytest.raises(AnsibleActionFail) as refused:
        action.run(task_vars={})

    assert action.steps == []
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "confirm_checks[2].comand",
        "confirm_checks[2].command",
        "confirm_checks[3]",
    ]
    with pytest.raises(AnsibleActionFail, match="confirm_checks: got 15, expected at most 0 s for all checks"):
        run({"confirm_checks": CHECKS, "rollback_timeout": 10})
