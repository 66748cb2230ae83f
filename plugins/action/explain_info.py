# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer what reaches what, and why, from the model alone."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import (
    FleetAction,
    compiled,
    failing_on,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.sources import look_up
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import ask, classes_of
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends


class ActionModule(FleetAction):
    """Explain a question, on the controller."""

    def run(self, tmp=None, task_vars=None):
        """Show the answer, and return it."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {name: {"type": "str"} for name in ("sender", "receiver", "port", "host")},
            required_one_of=[("sender", "receiver", "host")],
            mutually_exclusive=[("sender", "host"), ("receiver", "host"), ("port", "host")],
        )
        problems = Problems()
        variables = self.variables(task_vars, problems)
        named = [text for text in (arguments["sender"], arguments["receiver"]) if text in variables.known]
        ends = Ends(compiled(variables, problems), variables.inventory(named), look_up)
        with failing_on(problems):
            if arguments["host"]:
                found = classes_of(ends, arguments["host"], problems)
            else:
                found = ask(ends, arguments["sender"], arguments["receiver"], arguments["port"], problems)
        for line in found.lines:
            self._display.display(line)
        return {"changed": False, "allowed": found.allowed, "answer": list(found.lines)}
