# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring one host to a rendered ruleset."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import ARGUMENTS, REQUIRED_IF
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.builtin import run_builtin
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.change import HostChange
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import HostAction


class ActionModule(HostAction):
    """Apply a rendered ruleset to one host."""

    def run(self, tmp=None, task_vars=None):
        """Return what came of it."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS, required_if=REQUIRED_IF)
        return HostChange(self, arguments, task_vars).result()

    def install(self, packages, task_vars):
        """Install packages on the host, by its own package manager."""
        return run_builtin(self, "package", {"name": packages, "state": "present"}, task_vars)
