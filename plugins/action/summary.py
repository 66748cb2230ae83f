# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sum up what a batch of hosts, and those before it, have come to."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.summary import (
    by_class,
    complaint,
    lists,
    not_changed,
    outcome,
    table,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.files import write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.reviewed import FILE, plan_text

WRITTEN = "This plan is in {0}: harden -e gatehouse_plan={0} makes it, and nothing else"


class ActionModule(ActionBase):
    """Show the table, and say whether the run must stop here."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Show the table, and return its numbers."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "classes": {"type": "dict", "required": True},
                "flows": {"type": "dict", "required": True},
                "registered": {"type": "str", "default": "_gatehouse_applied"},
                "directory": {"type": "path"},
                "stopped": {"type": "str"},
            }
        )
        classes, hostvars = arguments["classes"], task_vars["hostvars"]
        results = {
            host: hostvars.raw_get(host).get(arguments["registered"])
            for host in task_vars["ansible_play_hosts_all"]
            if host in classes
        }
        outcomes = [outcome(host, classes[host], result) for host, result in results.items()]
        numbers = by_class(outcomes, arguments["flows"])
        for line in (*table(numbers), *lists(outcomes)):
            self._display.display(line)
        if arguments["directory"] and not self._task.check_mode:
            text = plan_text({host: plain(result) for host, result in results.items() if result}, classes)
            write_files(Path(arguments["directory"]), {FILE: text})
            self._display.display(WRITTEN.format(Path(arguments["directory"], FILE)))
        message = complaint(numbers)
        if message:
            self._display.display(message)
        # Those that could not be changed have failed by themselves. This host may be none of them.
        stop, group = not_changed(outcomes), arguments["stopped"]
        joined = self._joined(stop[0], group, task_vars) if stop and group else {}
        return {**joined, "changed": False, "classes": numbers, "stop": bool(stop)}

    def _joined(self, host, group, task_vars):
        """Have a host join a group, as Ansible's own action does it."""
        task = self._task.copy()
        task.args = {"name": host, "groups": [group]}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.add_host",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return action.run(task_vars=task_vars)
