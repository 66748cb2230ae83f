# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Have a host rehearse a ruleset, and hold what its kernel did to the policy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail

from ...module_utils._contract.probe_words import NOT_ASKED
from ...module_utils._host.ruleset_arguments import RULESETS
from .._policy.as_data import from_data
from .._policy.compile import Policy
from .._probe.judge import passed
from .._probe.rehearsal import as_data, disagreements, legs, rehearsal
from .._values.problems import ModelError
from .host_action import HostAction

STEP = "gatehouse.firewall.rehearsal_step"
SHOWN = 10
REFUSED = (
    "In a rehearsal, this host's kernel did another thing than the model says with {wrong} of {asked} packets. Nothing "
    "was changed on the host:\n{lines}"
)
INCONCLUSIVE = "The rehearsal has answered {told} of {asked} probes: {why}. Nothing was changed on the host"


def policy_of(policy: Any) -> Policy:
    """Return the policy that a task was given, as data or as JSON."""
    try:
        return from_data(json.loads(policy) if isinstance(policy, str) else policy)
    except (ModelError, ValueError) as error:
        raise AnsibleActionFail(f"policy: {error}") from error


def rehearsed(
    action: HostAction, policy: Policy, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]
) -> dict[str, Any]:
    """Have a host rehearse, for an action plugin; return the result, which has failed where the host must not go on."""
    try:
        asked = rehearsal(policy, arguments["addresses"], arguments["max"], arguments["seed"])
    except (ModelError, ValueError) as error:
        raise AnsibleActionFail(f"policy: {error}") from error
    if action._task.check_mode:
        return {"changed": False, "asked": len(asked)}
    wanted = {key: arguments[key] for key in RULESETS if arguments[key] is not None}
    wanted |= {"answers": {}, "legs": legs(policy, arguments["addresses"]), "probes": as_data(asked)}
    found = action._execute_module(STEP, {**wanted, "seconds": arguments["seconds"]}, task_vars=task_vars)
    return found if found.get("failed") or "seen" not in found else judged(asked, found)


def said(result: Mapping[str, Any]) -> str:
    """Return how a rehearsal went that has not failed, in one line."""
    if "inconclusive" not in result:
        return f"{result['asked']} probes would be asked"
    line = f"{result['asked']} probes asked, and all is as the model says"
    if not result["inconclusive"]:
        return line
    return f"{line}; {result['inconclusive']} have shown nothing ({', '.join(result['inconclusive_because'])})"


def judged(asked: Sequence[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a rehearsal that was held."""
    seen = [passed(answer) for answer in found["seen"]]
    lines = disagreements(asked, seen)
    inconclusive = [answer for answer, one in zip(found["seen"], seen) if one is None]
    counts = {
        "asked": len(asked),
        "inconclusive": len(inconclusive),
        "inconclusive_because": sorted(set(inconclusive)),
        "disagreements": lines,
    }
    result = {"changed": False, "backend": found["backend"], **counts}
    if lines:
        shown = lines[:SHOWN] + ([f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])
        message = REFUSED.format(wrong=len(lines), asked=len(asked), lines="\n".join(shown))
        return {**result, "failed": True, "msg": message}
    if NOT_ASKED in inconclusive or (inconclusive and len(inconclusive) == len(asked)):
        message = INCONCLUSIVE.format(told=len(asked) - len(inconclusive), asked=len(asked), why=inconclusive[-1])
        return {**result, "failed": True, "msg": message}
    return result
