# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the live ruleset of a host; and what every task about one host begins with."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.facts import Facts, without_orders


class HostAction(ActionBase):
    """A task about one host, whose answers set nothing on the controller."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        """Fail where the host's facts are named like variables of ours, of which the task may have read some."""
        refuse_facts(task_vars)
        return super().run(tmp, task_vars)

    def _execute_module(self, *args, **kwargs):
        """Return what the host's module answers, without what Ansible would do on its word."""
        result = super()._execute_module(*args, **kwargs)
        return without_orders(kwargs["task_vars"]["inventory_hostname"], result)


class ActionModule(HostAction):
    """Run the module on the host."""

    def run(self, tmp=None, task_vars=None):
        """Return the module's result."""
        super().run(tmp, task_vars)
        return self._execute_module(task_vars=task_vars)


def refuse_facts(task_vars):
    """Fail where a task's host has facts that are named like variables of ours."""
    if "hostvars" in task_vars:  # a task without a host's variables has read none
        refusal = Facts(task_vars["hostvars"]._variable_manager).refusal(task_vars["inventory_hostname"])
        if refusal:
            raise AnsibleActionFail(refusal)
