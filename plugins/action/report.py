# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model for people, written on the controller: a page, and the matrix for wikis, spreadsheets and diagrams."""

from __future__ import annotations

import datetime
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import FleetAction, compiled
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts import usage_history as usage_file
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.attribution import Attribution
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials import denials
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials_metrics import FILE as METRICS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials_metrics import denials_metrics
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.missing_flows import FILE, missing_flows
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import read_state
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.usage import updated, uses
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.flow_tables import FORMS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.page import page
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.report import Report
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.usage import unused_flow, usage_lines, usage_page
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.files import write_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.reviewed import planned
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.flow_matrix import flow_matrix
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems

FILES = {"markdown": "flows.md", "csv": "flows.csv", "mermaid": "flows.mmd"}
USAGE_PAGE = "usage.md"
PAGE = "report.html"
REPORT = "report"


class ActionModule(FleetAction):
    """Write the model for people."""

    def run(self, tmp=None, task_vars=None):
        """Write the files that differ from what is there, and return their names."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "directory": {"type": "path"},
                "directory_of": {"type": "str"},
                "registered": {"type": "str", "default": ""},
                "unused_days": {"type": "int", "default": 30},
                "planned": {"type": "str", "default": ""},
            },
            required_one_of=[("directory", "directory_of")],
            mutually_exclusive=[("directory", "directory_of")],
        )
        problems = Problems()
        variables = self.variables(task_vars, problems)
        directory = Path(self.directory(arguments, variables) or REPORT)
        fleet = compiled(variables, problems)
        files, told = self._files(arguments, directory, fleet, task_vars["hostvars"])
        try:
            # What is in a plan's folder is the owner's alone, as the plan is.
            mode = 0o600 if arguments["planned"] else 0o644
            changed = not self._task.check_mode and write_files(directory, files, mode)
        except OSError as error:
            raise AnsibleActionFail(f"can't write the report: {error}") from error
        if not self._task.check_mode and not arguments["planned"]:
            self._display.display(f"The report page is {directory / PAGE}")
        return {"changed": changed, "files": sorted(files), **told}

    def _files(self, arguments, directory, fleet, hostvars):
        """Return the files, and what else there is to say; of a plan, the page alone."""
        cells, model = flow_matrix(fleet.resolved.model, datetime.date.today()), fleet.resolved.model
        if arguments["planned"]:
            classes = {host: fleet.classes_of(host) for host in fleet.hosts}
            plan = planned(_results(arguments["planned"], fleet, hostvars), classes)
            return {PAGE: page(Report(fleet, cells, plan=plan))}, {}
        said = _results(arguments["registered"], fleet, hostvars)
        live = {host: read_state(host, result) for host, result in said.items()}
        files = {FILES[form]: write(cells, model) for form, write in FORMS.items()}
        files[PAGE] = page(Report(fleet, cells, live))
        seen = {host: one.unallowed for host, one in live.items() if one.unallowed}
        is_outdated = (directory / FILE).exists() and not all(one.silence for one in live.values())
        is_news = any(one.observed or (one.denied and one.denied.seen) for one in live.values())
        if is_news or is_outdated:
            files[FILE] = missing_flows(fleet, seen).text()
        if any(one.denied for one in live.values()):
            files[METRICS] = denials_metrics(denials(Attribution(fleet), live), fleet.sets)
        usage_files, usage = self._usage(directory, fleet, live, arguments["unused_days"])
        unreadable = [f"{host}: {one.silence}" for host, one in live.items() if one.unreadable]
        return {**files, **usage_files}, {**usage, **({"warnings": unreadable} if unreadable else {})}

    @staticmethod
    def _usage(directory, fleet, live, days):
        """Return the files of what is used, and the results about it; nothing where no host has said anything."""
        if days < 1:
            raise AnsibleActionFail(f"gatehouse_unused_days: got {days}, expected a number of days, of at least 1")
        path = directory / usage_file.FILE
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        try:
            history = usage_file.read_history(path.read_text(encoding="utf-8")) if path.exists() else {}
        except (OSError, ValueError, usage_file.UsageError) as error:
            raise AnsibleActionFail(f"{path}: {error}") from error
        if all(one.silence for one in live.values()):
            return {}, {}
        history = updated(history, live, now, days)
        found = uses(fleet, history, now)
        texts = {usage_file.FILE: usage_file.history_text(history), USAGE_PAGE: usage_page(found, days, now)}
        unused = [unused_flow(one) for one in found if one.is_unused(days, now)]
        return texts, {"unused_flows": unused, "usage": usage_lines(found, days, now)}


def _results(registered, fleet, hostvars):
    """Return what was registered by this name on each host that was asked; nothing where there is no name."""
    results = {host: hostvars.raw_get(host).get(registered) for host in fleet.hosts} if registered else {}
    return {host: plain(result) for host, result in results.items() if result and not result.get("skipped")}
