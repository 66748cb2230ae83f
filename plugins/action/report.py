# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model for people, written on the controller: a page, and the matrix for wikis, spreadsheets and diagrams."""

from __future__ import annotations

import datetime
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.action.compile import FleetVariables, compiled
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.declaration import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.errors import Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.live import read_live
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.page.report import Report
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.plan_files import write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.query import flow_matrix
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render.matrix import FORMS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render.page import page
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.reviewed import planned

FILES = {"markdown": "flows.md", "csv": "flows.csv", "mermaid": "flows.mmd"}


class ActionModule(ActionBase):
    """Write the model for people."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Write the files that differ from what is there, and return their names."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "directory": {"type": "path", "required": True},
                "registered": {"type": "str", "default": ""},
                "planned": {"type": "str", "default": ""},
            }
        )
        problems = Problems()
        fleet = compiled(FleetVariables(self._task, task_vars, self._loader, self._templar, problems), problems)
        cells, model = flow_matrix(fleet.resolved.model, datetime.date.today()), fleet.resolved.model
        live = {
            host: read_live(host, result)
            for host, result in _results(arguments["registered"], fleet, task_vars["hostvars"]).items()
        }
        if arguments["planned"]:
            results = _results(arguments["planned"], fleet, task_vars["hostvars"])
            files = {"report.html": page(Report(fleet, cells, live, planned(results, fleet.classes)))}
        else:
            files = {FILES[form]: write(cells, model) for form, write in FORMS.items()}
            files["report.html"] = page(Report(fleet, cells, live))
        try:
            # What is in a plan's folder is the owner's alone, as the plan is.
            mode = 0o600 if arguments["planned"] else 0o644
            changed = not self._task.check_mode and write_files(Path(arguments["directory"]), files, mode)
        except OSError as error:
            raise AnsibleActionFail(f"can't write the report: {error}") from error
        return {"changed": changed, "files": sorted(files)}


def _results(registered, fleet, hostvars):
    """Return what was registered by this name on each host that was asked; nothing where there is no name."""
    results = {host: hostvars.raw_get(host).get(registered) for host in fleet.hosts} if registered else {}
    return {host: plain(result) for host, result in results.items() if result and not result.get("skipped")}
