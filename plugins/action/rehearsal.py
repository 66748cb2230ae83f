# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a host rehearse a ruleset, and hold what it saw to the policy."""

from __future__ import annotations

import json

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.action.ruleset_info import HostAction
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import RULESETS
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.prober import NOT_ASKED
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.rehearsal_arguments import REHEARSAL
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.judge import passed
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.rehearsal import (
    as_data,
    disagreements,
    legs,
    rehearsal,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError

MODULE = "gatehouse.firewall.rehearsal"
SHOWN = 10
REFUSED = (
    "In a rehearsal, this host's kernel did another thing than the model says with {wrong} of {asked} packets. Nothing "
    "was changed on the host:\n{lines}"
)
UNTOLD = "The rehearsal has answered {told} of {asked} questions: {why}. Nothing was changed on the host"


class ActionModule(HostAction):
    """Rehearse one host's ruleset."""

    def run(self, tmp=None, task_vars=None):
        """Return how the rehearsal went, and show that the run goes on."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {**REHEARSAL, "policy": {"type": "raw", "required": True}, "addresses": {"type": "dict", "required": True}}
        )
        result = rehearsed(self, arguments, task_vars)
        if not result.get("failed"):
            self._display.display(f"{task_vars['inventory_hostname']}: {said(result)}")
        return result


def rehearsed(action, arguments, task_vars):
    """Have a host rehearse, for an action plugin; return the result, which has failed where the host must not go on."""
    policy = arguments["policy"]
    try:
        policy = from_data(json.loads(policy) if isinstance(policy, str) else policy)
        asked = rehearsal(policy, arguments["addresses"], arguments["max"], arguments["seed"])
    except (ModelError, ValueError) as error:
        raise AnsibleActionFail(f"policy: {error}") from error
    if action._task.check_mode:
        return {"changed": False, "asked": len(asked)}
    wanted = {key: arguments[key] for key in RULESETS if arguments[key] is not None}
    wanted |= {"answers": {}, "legs": legs(policy, arguments["addresses"]), "questions": as_data(asked)}
    found = action._execute_module(MODULE, {**wanted, "seconds": arguments["seconds"]}, task_vars=task_vars)
    return found if found.get("failed") or "seen" not in found else judged(asked, found)


def said(result):
    """Return how a rehearsal went that has not failed, in one line."""
    if "untold" not in result:
        return f"{result['asked']} questions would be asked"
    untold = f"; {result['untold']} have shown nothing ({', '.join(result['untold_because'])})" * bool(result["untold"])
    return f"{result['asked']} questions asked, and all is as the model says{untold}"


def judged(asked, found):
    """Return the result of a rehearsal that was held."""
    seen = [passed(answer) for answer in found["seen"]]
    lines = disagreements(asked, seen)
    untold = [answer for answer, one in zip(found["seen"], seen) if one is None]
    counts = {"asked": len(asked), "untold": len(untold), "untold_because": sorted(set(untold)), "disagreements": lines}
    result = {"changed": False, "backend": found["backend"], **counts}
    if lines:
        shown = lines[:SHOWN] + ([f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])
        message = REFUSED.format(wrong=len(lines), asked=len(asked), lines="\n".join(shown))
        return {**result, "failed": True, "msg": message}
    if NOT_ASKED in untold or (untold and len(untold) == len(asked)):
        message = UNTOLD.format(told=len(asked) - len(untold), asked=len(asked), why=untold[-1])
        return {**result, "failed": True, "msg": message}
    return result
