# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sum up what a batch of hosts, and those before it, have come to."""

from __future__ import annotations

import time
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.summary import (
    by_classes,
    complaint,
    lists,
    not_changed,
    outcome,
    progress,
    table,
    would_change,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.builtin import run_builtin
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.files import write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.reviewed import FILE, plan_text
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import set_name
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain

WRITTEN = "This plan is in {0}: harden -e gatehouse_plan={0} makes it, and nothing else"
NOTHING = "Nothing would change, and so the plan in {0} has nothing to make"


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
                "fail_on_change": {"type": "bool", "default": False},
                "dry_run": {"type": "bool", "default": False},
                "since": {"type": "float"},
            }
        )
        classes, hostvars = arguments["classes"], task_vars["hostvars"]
        results = {
            host: hostvars.raw_get(host).get(arguments["registered"])
            for host in task_vars["ansible_play_hosts_all"]
            if host in classes
        }
        outcomes = [outcome(host, set_name(classes[host]), result) for host, result in results.items()]
        numbers = by_classes(outcomes, arguments["flows"])
        self._tell(numbers, outcomes, arguments)
        if arguments["directory"] and not self._task.check_mode:
            self._write(Path(arguments["directory"]), results, classes, numbers)
        message = complaint(numbers)
        if message:
            self._display.display(message)
        # Those that could not be changed have failed by themselves. This host may be none of them.
        stop, group = not_changed(outcomes), arguments["stopped"]
        joined = {}
        if stop and group:
            joined = run_builtin(self, "add_host", {"name": stop[0], "groups": [group]}, task_vars)
        result = {**joined, "changed": False, "classes": numbers, "stop": bool(stop)}
        changing = would_change(numbers) if arguments["fail_on_change"] else ""
        return {**result, "failed": True, "msg": changing} if changing else result

    def _tell(self, numbers, outcomes, arguments):
        dry_run = self._task.check_mode or arguments["dry_run"]
        took = time.time() - (arguments["since"] or time.time())
        for line in filter(None, (*table(numbers, dry_run), *lists(outcomes), progress(numbers, took))):
            self._display.display(line)

    def _write(self, directory, results, classes, numbers):
        """Write what each host would let through, for ``harden -e gatehouse_plan``."""
        text = plan_text({host: plain(result) for host, result in results.items() if result}, classes)
        write_files(directory, {FILE: text})
        words = WRITTEN if would_change(numbers) else NOTHING
        self._display.display(words.format(directory / FILE))
