# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer what reaches what, and why, from the model alone."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import (
    FleetAction,
    compiled,
    failing_on,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.sources import look_up
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import IN_THE_QUESTION, Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import ask, classes_of
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends

NO_QUESTION = (
    "got no question, expected one such as -e from=web1 -e to=db1 -e on=5432/tcp; from or to alone lists all there is, "
    "and -e host=web1 names the host's classes"
)


class ActionModule(FleetAction):
    """Explain a question, on the controller."""

    def run(self, tmp=None, task_vars=None):
        """Show the answer, and return it."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {name: {"type": "str"} for name in ("sender", "receiver", "port", "host")},
            mutually_exclusive=[("sender", "host"), ("receiver", "host"), ("port", "host")],
        )
        if not any(arguments[name] for name in ("sender", "receiver", "host")):
            raise AnsibleActionFail(NO_QUESTION)
        problems, asked = Problems(), Problems(place=IN_THE_QUESTION)
        variables = self.variables(task_vars, problems)
        named = [text for text in (arguments["sender"], arguments["receiver"]) if text in variables.known]
        ends = Ends(compiled(variables, problems), variables.inventory(named), look_up)
        with failing_on(asked):
            if arguments["host"]:
                found = classes_of(ends, arguments["host"], asked)
            else:
                found = ask(ends, arguments["sender"], arguments["receiver"], arguments["port"], asked)
        for line in found.lines:
            self._display.display(line)
        return {"changed": False, "allowed": found.allowed, "answer": list(found.lines)}
