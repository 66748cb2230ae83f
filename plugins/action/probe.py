# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask from one host, and say when it has done so."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import HostAction


class ActionModule(HostAction):
    """Run the module on the host, and show that the run goes on."""

    def run(self, tmp=None, task_vars=None):
        """Return the module's result."""
        super().run(tmp, task_vars)
        result = self._execute_module(task_vars=task_vars)
        if "results" in result:
            host = task_vars["inventory_hostname"]
            self._display.display(f"{host}: {len(result['results'])} probes sent")
        return result
