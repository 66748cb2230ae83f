# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile the model for the whole inventory."""

from __future__ import annotations

import time
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.shrinking import KEY as ACCEPT_SHRINK
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.shrinking import accepted_names
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import (
    FleetAction,
    compiled,
    failing_on,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan import files as plan_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.manifests import (
    manifest_files,
    security_group_remarks,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.play import as_result, for_iptables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems


class ActionModule(FleetAction):
    """Compile the model for the whole inventory."""

    def run(self, tmp=None, task_vars=None):
        """Return the rulesets by key, and each managed host's key and classes."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "directory": {"type": "path"},
                "directory_of": {"type": "str"},
                "hosts": {"type": "list", "elements": "str", "default": []},
            }
        )
        problems = Problems()
        variables = self.variables(task_vars, problems)
        paths = {"directory": self.directory(arguments, variables), "plan": variables.path("gatehouse_plan")}
        accepted = variables.value(ACCEPT_SHRINK)
        fleet = compiled(variables, problems)
        with_facts = variables.facts.like_ours_by_host(task_vars["ansible_play_hosts_all"])
        with failing_on(problems):
            with_iptables = for_iptables(fleet, variables.backend, problems)
            found = as_result(fleet, arguments["hosts"], with_facts, with_iptables, variables.backend, problems)
            found["accept_shrink"] = accepted_names(accepted, fleet.resolved.networks, problems)
        result = {
            "changed": False,
            "_ansible_verbose_override": True,  # as gathered facts have it: -v would print all rulesets on one line
            "compiled_at": time.time(),
            **found,
            **{key: path for key, path in paths.items() if path},
        }
        if paths["directory"] and not self._task.check_mode:
            result["changed"] = self._write(arguments["hosts"], variables, fleet, result)
        return result

    def _write(self, hosts, variables, fleet, result):
        """Write the plan of the hosts that the run is about; return whether it differs from what was there."""
        files = manifest_files(result["manifests"])
        result["warnings"].extend(security_group_remarks(fleet))
        with failing_on(Problems()) as problems:
            plan_files.note_names([host for host in hosts if host in result["hosts"]], problems)
        for host in hosts:
            if host in result["hosts"] and host not in result["hosts_with_facts"]:
                key, backend = result["hosts"][host], variables.templated_backend(fleet.hosts[host])
                ruleset, iptables_ruleset = result["rulesets"][key], result["iptables_rulesets"].get(key, {})
                files.update(plan_files.host_files(host, backend, ruleset, iptables_ruleset))
        try:
            return plan_files.write_files(Path(result["directory"]), files)
        except OSError as error:
            raise AnsibleActionFail(f"can't write the plan: {error}") from error
