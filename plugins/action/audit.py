# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what is not as it should be on one host."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import LOOK
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.builtin import run_builtin
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import HostAction
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.audit import left_behind

INFO = "gatehouse.firewall.ruleset_info"
_TOLD = ("findings", "observed", "observed_directions", "observed_since")


class ActionModule(HostAction):
    """Look at the host, leave the numbers to node_exporter, and fail on findings where that is asked for."""

    def run(self, tmp=None, task_vars=None):
        """Return what ruleset_info does."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                **LOOK,
                "managed": {"type": "bool", "default": True},
                "fail": {"type": "bool", "default": False},
                "textfile": {"type": "path"},
            },
            required_if=[("managed", True, ["ruleset", "iptables_ruleset"], True)],
        )
        wanted = (
            {key: arguments[key] for key in LOOK if arguments[key] is not None}
            if arguments["managed"]
            else {"ruleset": ""}
        )
        found = self._execute_module(INFO, wanted, task_vars=task_vars)
        if not found.get("failed") and not arguments["managed"]:
            found["findings"] = left_behind(task_vars["inventory_hostname"]) if found["differs"] else []
        written = self._write(arguments["textfile"], found, task_vars)
        if found.get("failed") or written.get("failed"):
            return {**found, **written}
        count = len(found["findings"])
        if not count or not arguments["fail"]:
            return {**found, "changed": False}
        # All else that the host has said would be printed, too, and bury the message.
        told = {key: found[key] for key in _TOLD if key in found}
        return {**told, "failed": True, "msg": f"{count} finding{'s' if count > 1 else ''}, see the table"}

    def _write(self, path, found, task_vars):
        """Write the numbers on the host, where a file is named; return the result where that has failed."""
        if not path or "metrics" not in found:
            return {}
        file = {"content": found["metrics"], "dest": path, "mode": "0644"}
        written = run_builtin(self, "copy", file, task_vars)
        return written if written.get("failed") else {}
