# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of Calico's objects: check them, see what differs, and have it done in order."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.lint import lint
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.progress import Progress, in_force, plan
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.steps import KINDS, difference
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.calico_clients import Calicoctl, Kubernetes
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import refuse_facts
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import (
    GatehouseError,
    ModelError,
    Problems,
)

ARGUMENTS = {
    "objects": {"type": "list", "elements": "dict", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "via": {"type": "str", "choices": ["calicoctl", "kubernetes"], "default": "calicoctl"},
    "calicoctl": {"type": "str", "default": "calicoctl"},
    "connection": {"type": "dict", "default": {}},
}
NO_STAGED = "This Calico has no {0}, which gatehouse_calico.mode: observe needs: Calico 3.30 and later have it"


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
