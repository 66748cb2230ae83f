# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What every task about one host begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from . import internals
from .alone import Runner
from .facts import Facts, without_orders
from .host_python import with_reason


class HostAction(ActionBase):
    """A task about one host, whose answers set nothing on the controller."""

    _supports_check_mode = True
    _supports_async = False
    _runner: Runner | None = None

    def run(self, tmp: object = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Fail where the host's facts are named like variables of ours, of which the task may have read some."""
        refuse_facts(task_vars or {})
        found: dict[str, Any] = super().run(tmp, task_vars)
        return found

    def _execute_module(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return what the host's module answers, without what Ansible would do on its word."""
        result = self._alone(*args, **kwargs)
        if result is None:
            result = with_reason(self, super()._execute_module(*args, **kwargs))
        return without_orders(kwargs["task_vars"]["inventory_hostname"], result)

    def _alone(
        self, module: str = "", arguments: Mapping[str, Any] | None = None, *, task_vars: Mapping[str, Any], **_how: Any
    ) -> dict[str, Any] | None:
        """Return what a module of ours answers without Ansible's part of it; None where Ansible has to run it."""
        if not module:  # the task's own, which is a public one
            return None
        self._runner = self._runner or Runner(self, task_vars)
        return self._runner.result(module, arguments or {})


def refuse_facts(task_vars: Mapping[str, Any]) -> None:
    """Fail where a task's host has facts that are named like variables of ours."""
    if "hostvars" in task_vars:  # a task without a host's variables has read none
        manager = internals.variable_manager(task_vars["hostvars"])
        refusal = Facts(manager).refusal(task_vars["inventory_hostname"])
        if refusal:
            raise AnsibleActionFail(refusal)
