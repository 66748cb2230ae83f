# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose what to ask the hosts of a fleet with packets."""

from __future__ import annotations

from dataclasses import asdict

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import FleetAction
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.play import warnings_about
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.choose import probes

MOST = 100_000


class ActionModule(FleetAction):
    """Choose the probes, once for the fleet."""

    def run(self, tmp=None, task_vars=None):
        """Return each managed host's probes; one that asks none has an empty list."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "hosts": {"type": "list", "elements": "str", "required": True},
                "max": {"type": "int", "default": 1000},
                "seed": {"type": "str", "default": "1"},
            }
        )
        most, hosts = arguments["max"], arguments["hosts"]
        if not 1 <= most <= MOST:
            raise AnsibleActionFail(f"max: got {most}, expected between 1 and {MOST} probes")
        fleet = self.fleet(task_vars)
        found = probes(fleet, hosts, most - most // 10, arguments["seed"])
        by_host = {host: [] for host in hosts if host in fleet.hosts}
        for probe in found:
            by_host[probe.sender].append(asdict(probe))
        asking = sum(map(bool, by_host.values()))
        verb = "Would ask" if self._task.check_mode else "Asking"
        self._display.display(f"{verb} {len(found)} probes from {asking} hosts to each other")
        warnings = list(warnings_about(fleet, hosts))
        return {"changed": False, "probes": by_host, "count": len(found), "warnings": warnings}
