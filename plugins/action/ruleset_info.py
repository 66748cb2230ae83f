# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the live ruleset of a host."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import HostAction


class ActionModule(HostAction):
    """Run the module on the host."""

    def run(self, tmp=None, task_vars=None):
        """Return the module's result."""
        super().run(tmp, task_vars)
        return self._execute_module(task_vars=task_vars)
