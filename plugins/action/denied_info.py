# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what the hosts have denied, whose that was, and what would allow it."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import (
    FleetAction,
    compiled,
    failing_on,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.attribution import Attribution
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials import about, denials
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.denials_table import answer, lines
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.state import read_state
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.sources import look_up
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import host_addresses
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import IN_THE_QUESTION, Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import managed_at_ends, question
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends

QUESTION = ("sender", "receiver", "port")


class ActionModule(FleetAction):
    """Show one table, of all hosts that were asked."""

    def run(self, tmp=None, task_vars=None):
        """Show the table, and return all of it as data."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "registered": {"type": "str", "default": "_gatehouse_live"},
                **{name: {"type": "str"} for name in QUESTION},
            }
        )
        problems, wrong = Problems(), Problems(place=IN_THE_QUESTION)
        variables = self.variables(task_vars, problems)
        fleet = compiled(variables, problems)
        asked, hosts = None, list(fleet.hosts)
        if any(arguments[name] for name in QUESTION):
            with failing_on(wrong):
                asked, hosts = self._asked(fleet, variables, [arguments[name] or None for name in QUESTION], wrong)
        play = {*task_vars["ansible_play_hosts_all"]}
        states = {host: _said(host, arguments["registered"], task_vars) for host in hosts if host in play}
        not_asked = [host for host in hosts if host not in play]
        found = denials(Attribution(fleet, _unmanaged(fleet, variables)), states, not_asked, asked)
        shown = list((answer if asked else lines)(found, fleet.sets))
        for line in shown:
            self._display.display(line)
        # With -v, what is shown above would follow again on one line, and all that it was made of.
        return {"changed": False, "_ansible_verbose_override": True, **found.as_data(), "lines": shown}

    @staticmethod
    def _asked(fleet, variables, words, problems):
        """Return what says whether something is asked for, and the hosts at the ends of the question."""
        ends = Ends(fleet, variables.inventory([word for word in words[:2] if word in variables.known]), look_up)
        found = question(ends, *words, problems)
        has_ends = found.sender or found.receiver
        return about(ends, found), managed_at_ends(ends, found) if has_ends else [*fleet.hosts]


def _said(host, registered, task_vars):
    """Return what a host has said; one without a result was not reached."""
    result = task_vars["hostvars"].raw_get(host).get(registered)
    return read_state(host, plain(result) if result else {"unreachable": True})


def _unmanaged(fleet, variables):
    """Return the hosts of the inventory that are in no class, by their addresses, as far as these are declared."""
    others = [host for host in variables.known if host not in fleet.hosts]
    try:
        inventory = variables.inventory(others)
    except AnsibleActionFail:  # a template of a host that the model is not about must not hide what was denied
        return {}
    return {
        network.network_address: host
        for host in others
        for network in host_addresses(host, inventory, lambda _name: ()).networks
    }
