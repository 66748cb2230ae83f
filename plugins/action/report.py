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
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.plan_files import write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.query import flow_matrix
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render.matrix import FORMS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render.page import Report, page

FILES = {"markdown": "flows.md", "csv": "flows.csv", "mermaid": "flows.mmd"}
PAGE = "report.html"


class ActionModule(ActionBase):
    """Write the model for people."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Write the files that differ from what is there, and return their names."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {"directory": {"type": "path", "required": True}, "registered": {"type": "str", "default": ""}}
        )
        problems = Problems()
        fleet = compiled(
            FleetVariables(self._task, task_vars, self._loader, self._templar, problems), problems
        )
        cells, model = flow_matrix(fleet.resolved.model, datetime.date.today()), fleet.resolved.model
        files = {FILES[form]: write(cells, model) for form, write in FORMS.items()}
        live = self._live(arguments["registered"], fleet, task_vars["hostvars"])
        files[PAGE] = page(Report(fleet, cells, live))
        try:
            changed = not self._task.check_mode and write_files(Path(arguments["directory"]), files, mode=0o644)
        except OSError as error:
            raise AnsibleActionFail(f"can't write the report: {error}") from error
        if not self._task.check_mode:
            self._display.display(f"The page for everybody is {Path(arguments['directory'], PAGE)}")
        return {"changed": changed, "files": sorted(files)}

    @staticmethod
    def _live(registered, fleet, hostvars):
        """Return what each host that was asked has said."""
        results = {host: hostvars.raw_get(host).get(registered) for host in fleet.hosts} if registered else {}
        asked = {host: result for host, result in results.items() if result and not result.get("skipped")}
        return {host: read_live(host, plain(result)) for host, result in asked.items()}
