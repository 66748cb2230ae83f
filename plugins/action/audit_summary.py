# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what an audit has found on all hosts."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.audit import lines


class ActionModule(ActionBase):
    """Show one table, of the hosts with findings."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Show the table."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {"registered": {"type": "str", "default": "_gatehouse_live"}}
        )
        hostvars = task_vars["hostvars"]
        results = {
            host: hostvars.raw_get(host).get(arguments["registered"]) for host in task_vars["ansible_play_hosts_all"]
        }
        asked = {host: result for host, result in results.items() if result}
        for line in lines(asked):
            self._display.display(line)
        return {"changed": False, "hosts": [host for host, result in asked.items() if result.get("findings")]}
