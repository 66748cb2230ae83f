# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of Calico's objects: check them, see what differs, and have it done in order."""

from __future__ import annotations

import itertools

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.names import API_VERSION
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.progress import Progress, in_force, plan
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.step import DELETE, VERSION
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.steps import KINDS, batches, difference
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import refuse_facts
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import (
    GatehouseError,
    ModelError,
    Problems,
)

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
        existing = self._existing(wanted, client)
        planned = self._plan(wanted, existing)
        done, warnings = planned.steps, warnings + planned.warnings
        if done and not self._task.check_mode:
            progress = Progress(wanted, existing)
            self._carry_out(progress, client)
            done, warnings = progress.done, warnings + progress.warnings
        result = {"changed": bool(done), "steps": [f"{step.name}: {step.word}" for step in done]}
        if warnings:
            result["warnings"] = warnings
        return {**result, "diff": [difference(step) for step in done]}

    def _checked(self, wanted):
        """Return the linter's warnings; fail where it has errors."""
        findings = lint(wanted)
        if findings.errors:
            raise AnsibleActionFail(str(ModelError(findings.errors)))
        return [str(warning) for warning in findings.warnings]

    def _existing(self, wanted, client):
        existing = plain(client.existing(KINDS))
        if any(one["kind"] in client.unsupported for one in wanted):
            raise AnsibleActionFail(NO_STAGED.format(", ".join(sorted(client.unsupported))))
        return existing

    def _plan(self, wanted, existing):
        problems = Problems()
        planned = plan(wanted, existing, problems)
        if problems.found:
            raise AnsibleActionFail(str(ModelError(problems.found)))
        return planned

    def _carry_out(self, progress, client):
        """Take the steps; where that fails, say what is in force by then."""
        try:
            progress.carry_out(lambda batch, kinds: plain(client.write(batch, kinds)))
        except (AnsibleError, GatehouseError) as error:
            raise AnsibleActionFail(f"{error}\n{self._in_force(progress.wanted, client)}") from error

    def _in_force(self, wanted, client):
        try:
            return in_force(wanted, plain(client.existing(KINDS)))
        except AnsibleError as error:
            return f"What is in force now can't be read: {error}"

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

    def existing(self, kinds):
        """Return the objects of some kinds."""
        return self._listed(kinds=list(kinds))

    def write(self, batch, kinds):
        """Take the steps, those of a kind together; return the objects of some kinds as they are then."""
        return self._listed(batches=batches(batch), kinds=list(kinds))

    def _listed(self, **arguments):
        result = self._run(**arguments)
        self.unsupported += result["unsupported"]
        return result["objects"]

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

    def existing(self, kinds):
        """Return the objects of some kinds."""
        found = []
        for kind in kinds:
            result = self._run("kubernetes.core.k8s_info", api_version=API_VERSION, kind=kind)
            if result.get("api_found", True):
                found += [{"apiVersion": API_VERSION, "kind": kind, **one} for one in result["resources"]]
            elif kind == STAGED:
                self.unsupported.append(kind)
            else:
                raise AnsibleActionFail(NOT_SERVED.format(kind))
        return found

    def write(self, batch, kinds):
        """Take one step after the other; return the objects of some kinds as they are then."""
        for how, steps in itertools.groupby(batch, self._how):
            # The module takes a list, in its order and up to the first that fails; to start it costs more than a step.
            self._run("kubernetes.core.k8s", resource_definition=[step.request for step in steps], **how)
        return self.existing(kinds)

    def _how(self, step):
        """Return how a step is taken: an object is replaced whole, and goes or changes as it was read or not at all."""
        if step.action != DELETE:
            return {"state": "present", "force": bool(step.before)}
        version = step.before["metadata"].get(VERSION)
        preconditions = {"delete_options": {"preconditions": {VERSION: version}}} if version else {}
        return {"state": "absent", **preconditions}

    def _run(self, name, **arguments):
        try:
            return self._action.module(name, **self._action.arguments["connection"], **arguments)
        except AnsibleError as error:
            if "was not found" in str(error) or "Failed to import" in str(error):
                raise AnsibleActionFail(NO_COLLECTION.format(error)) from error
            raise
