# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's classes, by their addresses, written on the controller for another fleet's model."""

from __future__ import annotations

import datetime
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import (
    FleetAction,
    compiled,
    failing_on,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.git import commit_of
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.export import exported
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.files import write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems


class ActionModule(FleetAction):
    """Write a fleet's classes for another fleet's model."""

    def run(self, tmp=None, task_vars=None):
        """Write the file where it differs from what is there, and return its path."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {"path": {"type": "path"}, "path_of": {"type": "str"}, "prefix": {"type": "str", "default": ""}},
            required_one_of=[("path", "path_of")],
            mutually_exclusive=[("path", "path_of")],
        )
        problems = Problems()
        variables = self.variables(task_vars, problems)
        path = arguments["path"] or variables.path(arguments["path_of"])
        fleet = compiled(variables, problems)
        if not path:
            raise AnsibleActionFail(f"{arguments['path_of']}: got nothing, expected the path of the file to write")
        with failing_on(Problems()) as wrong:
            commit = commit_of(task_vars.get("inventory_dir") or ".")
            text = exported(fleet, arguments["prefix"], datetime.date.today(), commit, wrong)
        try:
            file = Path(path)
            changed = not self._task.check_mode and write_files(file.parent, {file.name: text}, 0o644)
        except OSError as error:
            raise AnsibleActionFail(f"can't write the export: {error}") from error
        return {"changed": changed, "path": path}
