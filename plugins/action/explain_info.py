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
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import (
    ask,
    classes_of,
    managed_at_ends,
    question,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends

NO_QUESTION = (
    "got no question, expected one such as -e from=web1 -e to=db1 -e on=5432/tcp; from or to alone lists all there is, "
    "and -e host=web1 names the host's classes"
)
NOT_LIVE = "live: got true with host, whose classes the model alone says; expected from, to or both"
NONE_ASKED = "No host of the play is at either end and managed: none is asked what it has denied"


class ActionModule(FleetAction):
    """Explain a question, on the controller."""

    def run(self, tmp=None, task_vars=None):
        """Show the answer, and return it."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                **{name: {"type": "str"} for name in ("sender", "receiver", "port", "host")},
                "live": {"type": "bool", "default": False},
            },
            mutually_exclusive=[("sender", "host"), ("receiver", "host"), ("port", "host")],
        )
        if not any(arguments[name] for name in ("sender", "receiver", "host")):
            raise AnsibleActionFail(NO_QUESTION)
        if arguments["live"] and arguments["host"]:
            raise AnsibleActionFail(NOT_LIVE)
        problems, asked = Problems(), Problems(place=IN_THE_QUESTION)
        variables = self.variables(task_vars, problems)
        named = [text for text in (arguments["sender"], arguments["receiver"]) if text in variables.known]
        ends = Ends(compiled(variables, problems), variables.inventory(named), look_up)
        words = [arguments[name] or None for name in ("sender", "receiver", "port")]
        with failing_on(asked):
            found = classes_of(ends, arguments["host"], asked) if arguments["host"] else ask(ends, *words, asked)
            hosts = managed_at_ends(ends, question(ends, *words, asked)) if arguments["live"] else []
        hosts = [host for host in hosts if host in task_vars["ansible_play_hosts_all"]]
        told = [*found.lines, *([NONE_ASKED] if arguments["live"] and not hosts else [])]
        for line in told:
            self._display.display(line)
        asked_for = dict(zip(("sender", "receiver", "port"), words))
        return {"changed": False, "allowed": found.allowed, "answer": told, "hosts": hosts, "question": asked_for}
