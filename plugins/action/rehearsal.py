# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a host rehearse a ruleset before it is in force."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.rehearsal_arguments import REHEARSAL
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import HostAction
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.rehearse import policy_of, rehearsed, said


class ActionModule(HostAction):
    """Rehearse one host's ruleset."""

    def run(self, tmp=None, task_vars=None):
        """Return how the rehearsal went, and show that the run goes on."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(REHEARSAL)
        result = rehearsed(self, policy_of(arguments["policy"]), arguments, task_vars)
        if not result.get("failed"):
            self._display.display(f"{task_vars['inventory_hostname']}: {said(result)}")
        return result
