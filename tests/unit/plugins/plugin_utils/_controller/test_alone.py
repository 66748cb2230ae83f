"""Modules of ours that run without Ansible's part of them: on this machine, over a shell as Ansible gives one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
import zipfile

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh_unit import program
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller import alone
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.alone import Runner

INFO, STEP = "gatehouse.firewall.ruleset_info", "gatehouse.firewall.ruleset_step"
REFRESH_UNIT = program.__module__
VARIABLES = {"ansible_python_interpreter": sys.executable}
# Refused by the host's side before it looks at anything.
REFUSED = {"backend": "iptables", "ruleset": "table inet gatehouse {\n}\n"}
REFUSALS = ("backend: got iptables, expected a ruleset for it as well", "only root can read and change the firewall")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to whom alone what is kept may belong")


@pytest.fixture(autouse=True)
def _folders(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(alone.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(alone, "KEPT", f"{tmp_path}/run/gatehouse/modules-{{}}")


class Action:
    """An action plugin whose host is this machine, or says what it is told to."""

    def __init__(self, says=None, *, pipelining=True, shell="sh", **task):
        found = {"delegate_to": None, "async_val": 0, "check_mode": False, "diff": False, **task}
        self._task = types.SimpleNamespace(**found)
        self._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(SHELL_FAMILY=shell))
        self._templar = types.SimpleNamespace(template=lambda value: value)
        self._pipelining = pipelining
        self.says = says
        self.code = 0
        self.runs = 0

    def _is_pipelining_enabled(self, _style):
        return self._pipelining

    def _compute_environment_string(self):
        return "HTTP_PROXY=x"

    def _low_level_execute_command(self, command, in_data):
        self.runs += 1
        if self.says is not None:
            return {"rc": self.code, "stdout": self.says, "stderr": "why"}
        done = subprocess.run(["sh", "-c", command], input=in_data, capture_output=True, check=False)
        return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}


def answer(**found):
    return f"Welcome!\n\ngatehouse-answer: {json.dumps(found)}\nlogout\n"


def is_refused(result):
    return bool(result) and result["failed"] and result["msg"].startswith(REFUSALS)


def test_a_module_does_what_it_does_with_ansibles_part():
    assert is_refused(Runner(Action(), VARIABLES).result(INFO, REFUSED))


def test_all_steps_after_a_look_that_worked_go_the_same_way():
    runner = Runner(Action(), VARIABLES)
    assert runner.result(STEP, {"step": "load", **REFUSED}) is None

    assert is_refused(runner.result(STEP, {"step": "look", **REFUSED}))
    assert is_refused(runner.result(STEP, {"step": "load", **REFUSED}))


@pytest.mark.parametrize(
    ("task", "variables"),
    [
        ({"pipelining": False}, VARIABLES),
        ({"shell": "powershell"}, VARIABLES),
        ({"delegate_to": "other"}, VARIABLES),
        ({"async_val": 60}, VARIABLES),
        ({}, {"ansible_python_interpreter": "auto_silent"}),
        ({}, {"ansible_python_interpreter": "/usr/bin/env python3"}),
        ({}, {"ansible_python_interpreter": "python3; reboot"}),
    ],
)
def test_ansible_runs_it_where_that_is_not_the_plain_way(task, variables):
    action = Action(answer(changed=False), **task)

    assert Runner(action, variables).result(INFO, {}) is None
    assert action.runs == 0


def test_no_step_is_taken_in_a_dry_run_but_a_look_is():
    action = Action(answer(changed=False), check_mode=True)

    assert Runner(action, VARIABLES).result(STEP, {"step": "look"}) is None
    assert Runner(action, VARIABLES).result(INFO, {}) == {"changed": False}


def test_other_modules_are_ansibles_to_run():
    assert Runner(Action(answer()), VARIABLES).result("gatehouse.firewall.rehearsal_step", {"step": "look"}) is None


def test_the_python_that_ansible_has_found_is_taken():
    found = {"ansible_python_interpreter": "auto", "ansible_facts": {"discovered_interpreter_python": sys.executable}}

    assert is_refused(Runner(Action(), found).result(INFO, REFUSED))


@pytest.mark.parametrize("says", ["", "sudo: a password is required", "gatehouse-answer: {", "gatehouse-answer: []"])
def test_a_look_without_an_answer_is_ansibles_to_run(says):
    runner = Runner(Action(says), VARIABLES)

    assert runner.result(STEP, {"step": "look"}) is None
    assert runner.result(STEP, {"step": "load"}) is None


def test_a_look_that_was_killed_is_nothing_to_begin_again():
    action = Action("")
    action.code = 137

    result = Runner(action, VARIABLES).result(STEP, {"step": "look"})
    assert (result["failed"], result["rc"]) == (True, 137)
    assert f"{STEP} has ended without an answer" in result["msg"]


def test_a_step_without_an_answer_may_have_been_taken_and_is_not_taken_again():
    action = Action(answer(changed=False))
    runner = Runner(action, VARIABLES)
    runner.result(STEP, {"step": "look"})
    action.says = "Killed"

    result = runner.result(STEP, {"step": "load"})
    assert (result["failed"], result["module_stdout"], result["module_stderr"]) == (True, "Killed", "why")
    assert f"{STEP} has ended without an answer" in result["msg"]


def test_what_is_for_ansible_alone_is_not_taken_from_a_host():
    says = answer(changed=True, _ansible_no_log=False, _ansible_item_label="x")

    assert Runner(Action(says), VARIABLES).result(INFO, {}) == {"changed": True}


def test_what_is_sent_is_the_same_in_each_run_and_nothing_but_our_modules():
    names = zipfile.ZipFile(io.BytesIO(alone.packed())).namelist()
    modules = [name for name in names if not name.endswith("__init__.py")]

    assert modules == sorted(modules)
    assert all(name.startswith("ansible_collections/gatehouse/firewall/plugins/module_utils/_") for name in modules)


# What a host keeps compiled.


class Emptied(Action):
    """One that sends no modules, so that only what the host has kept can run."""

    def _low_level_execute_command(self, command, in_data):
        return super()._low_level_execute_command(command, in_data.partition(b"\n")[0] + b"\n")


@pytest.fixture
def kept(tmp_path):
    folder = tmp_path / "run/gatehouse"
    folder.mkdir(mode=0o700)
    (folder / "modules-0ld").touch()
    assert is_refused(Runner(Action(), VARIABLES).result(INFO, REFUSED))
    (file,) = folder.iterdir()
    return file


@needs_root
def test_a_host_keeps_the_modules_compiled_in_place_of_earlier_ones(kept):
    assert (kept.stat().st_mode & 0o777, kept.name.startswith("modules-")) == (0o600, True)
    assert is_refused(Runner(Emptied(), VARIABLES).result(INFO, REFUSED))


@needs_root
def test_what_is_kept_has_the_program_of_the_refresh_service_as_the_sources_do(kept):
    code = f"import sys; sys.path.insert(0, {str(kept)!r}); from {REFRESH_UNIT} import program; print(program().hex())"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)

    assert bytes.fromhex(done.stdout) == program()


@needs_root
@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.parent.chmod(0o755),
        lambda file: file.chmod(0o660),
        lambda file: os.chown(file, 65534, -1),
        lambda file: os.chown(file.parent, 65534, -1),
        lambda file: file.unlink(),
        lambda file: file.rename(file.parent / "x") and file.symlink_to("x"),
    ],
    ids=["folder's mode", "mode", "owner", "folder's owner", "gone", "link"],
)
def test_what_others_than_root_could_have_changed_is_not_run(kept, spoil):
    spoil(kept)

    assert Runner(Emptied(), VARIABLES).result(INFO, REFUSED) is None
    assert is_refused(Runner(Action(), VARIABLES).result(INFO, REFUSED))


def test_a_host_that_has_nothing_of_ours_keeps_nothing(tmp_path):
    assert is_refused(Runner(Action(), VARIABLES).result(INFO, REFUSED))

    assert list((tmp_path / "run").iterdir()) == []
