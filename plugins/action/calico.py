# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of Calico's objects: check them, see what differs, and have it done in order."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.action.ruleset_info import refuse_facts
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.calico.lint import lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.calico.names import API_VERSION
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.calico.steps import (
    DELETE,
    KINDS,
    batches,
    difference,
    rivals,
    steps,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.declaration import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.errors import ModelError, Problems

STAGED = "StagedGlobalNetworkPolicy"
ARGUMENTS = {
    "objects": {"type": "list", "elements": "dict", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "via": {"type": "str", "choices": ["calicoctl", "kubernetes"], "default": "calicoctl"},
    "calicoctl": {"type": "str", "default": "calicoctl"},
    "connection": {"type": "dict", "default": {}},
}
NOT_SERVED = (
    "This Kubernetes API serves no {0} of projectcalico.org/v3. It needs Calico's API server, or Calico with native v3 "
    "resources; or else use calicoctl (gatehouse_calico_via: calicoctl). crd.projectcalico.org is never written: "
    "nothing validates what is written there"
)
NO_STAGED = "This Calico has no {0}, which gatehouse_calico.mode: observe needs: Calico 3.30 and later have it"
NO_COLLECTION = "gatehouse_calico_via: kubernetes needs the collection kubernetes.core and its Python library: {0}"


class ActionModule(ActionBase):
    """Bring Calico's datastore to the objects."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        """Return what was done, or would be."""
        super().run(tmp, task_vars)
        refuse_facts(task_vars)
        self._task_vars = task_vars
        _validation, self._arguments = self.validate_argument_spec(ARGUMENTS)
        wanted = plain(self._arguments["objects"]) if self._arguments["state"] == "present" else []
        warnings = self._checked(wanted)
        client = {"calicoctl": Calicoctl, "kubernetes": Kubernetes}[self._arguments["via"]](self)
        found = self._steps(wanted, client, warnings)
        if found and not self._task.check_mode:
            client.do(found)
        result = {"changed": bool(found), "steps": [f"{step.name}: {step.word}" for step in found]}
        if warnings:
            result["warnings"] = warnings
        return {**result, "diff": [difference(step) for step in found]}

    def _checked(self, wanted):
        """Return the linter's warnings; fail where it has errors."""
        findings = lint(wanted)
        if findings.errors:
            raise AnsibleActionFail(str(ModelError(findings.errors)))
        return [str(warning) for warning in findings.warnings]

    def _steps(self, wanted, client, warnings):
        existing = plain(client.existing())
        if any(one["kind"] in client.unsupported for one in wanted):
            raise AnsibleActionFail(NO_STAGED.format(", ".join(sorted(client.unsupported))))
        problems = Problems()
        found = steps(wanted, existing, problems)
        warnings += rivals(wanted, existing, problems)
        if problems.found:
            raise AnsibleActionFail(str(ModelError(problems.found)))
        return found

    def module(self, name, **arguments):
        """Run a module where the task runs; fail where it does."""
        result = self._execute_module(name, arguments, task_vars=self._task_vars)
        if result.get("failed"):
            raise AnsibleActionFail(result.get("msg") or str(result))
        return result

    @property
    def arguments(self):
        """Return the task's own arguments."""
        return self._arguments


class Calicoctl:
    """Calico's datastore by calicoctl."""

    def __init__(self, action):
        """Take the action that runs modules."""
        self._action = action
        self.unsupported = []

    def existing(self):
        """Return the objects of all kinds that may be ours."""
        result = self._run(kinds=list(KINDS))
        self.unsupported = result["unsupported"]
        return result["objects"]

    def do(self, found):
        """Take the steps, those of a kind together."""
        self._run(batches=batches(found))

    def _run(self, **arguments):
        return self._action.module(
            "gatehouse.firewall.calicoctl", path=self._action.arguments["calicoctl"], **arguments
        )


class Kubernetes:
    """Calico's objects by the Kubernetes API."""

    def __init__(self, action):
        """Take the action that runs modules."""
        self._action = action
        self.unsupported = []

    def existing(self):
        """Return the objects of all kinds that may be ours."""
        found = []
        for kind in KINDS:
            result = self._run("kubernetes.core.k8s_info", api_version=API_VERSION, kind=kind)
            if result.get("api_found", True):
                found += [{"apiVersion": API_VERSION, "kind": kind, **one} for one in result["resources"]]
            elif kind == STAGED:
                self.unsupported.append(kind)
            else:
                raise AnsibleActionFail(NOT_SERVED.format(kind))
        return found

    def do(self, found):
        """Take one step after the other; an object is replaced whole."""
        for step in found:
            state = {"state": "absent"} if step.action == DELETE else {"state": "present", "force": bool(step.before)}
            self._run("kubernetes.core.k8s", resource_definition=step.wanted, **state)

    def _run(self, name, **arguments):
        try:
            return self._action.module(name, **self._action.arguments["connection"], **arguments)
        except AnsibleError as error:
            if "was not found" in str(error) or "Failed to import" in str(error):
                raise AnsibleActionFail(NO_COLLECTION.format(error)) from error
            raise
