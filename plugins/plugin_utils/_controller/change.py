# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The controller's side of a change: look, refuse what would cut us off, load, confirm over a new connection."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ...module_utils._audit.concerns import CONCERNS
from ...module_utils._backends.iptables_text import joined
from ...module_utils._host.ruleset_arguments import LOOK, RULESETS
from ...module_utils._probe.rehearsal_arguments import REHEARSAL
from .._change.confirmation import LOST, NOT_NEW, NOT_RUN, is_another, is_over, not_confirmed, unreached
from .._change.lockout import fail_closed, lockout
from .._change.objections import NOT_CHECKED, NOT_INSTALLED, NOTHING_CHANGED, UnreadableError, objections
from .._change.reasons import reasons
from .._change.shrinking import shrinkage
from .._change.soak import newly_denied
from .._change.surroundings import declared_of
from .._host_facts.before import allows
from .._host_facts.reader import AnswerError
from .._host_rules import iptables, nftables
from .._model.confirm_checks import Check, checks_at, note_too_long
from .._model.soak import soak_at
from .._plan.reviewed import PlanError, read_plan
from .._policy.compile import Policy
from .._values.problems import Problems, Where
from .connection import begins_anew, over_new_connection, plugin_of
from .host_action import HostAction
from .kept_look import KeptLook
from .rehearse import policy_of, rehearsed

INFO = "gatehouse.firewall.ruleset_info"
STEP = "gatehouse.firewall.ruleset_step"
RULESET_OF = {"nftables": "ruleset", "iptables": "iptables_ruleset"}
KEPT = ("backend", "backend_reason", "diff")
NOT_HARDENED = "This host has no rules of ours yet: harden it"
MORE_THAN_ADDRESSES = (
    "More than addresses differ on this host from what the model says of it: rules, too, or what is loaded at the next "
    "boot. Nothing was changed; plan shows the difference, harden makes it"
)
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 5, 600
SSH = 22
GRACE = 15  # seconds in which a host that has gone back should answer again

Result = dict[str, Any]


class HostChange:
    """One host's way to a ruleset, or to none of ours."""

    def __init__(self, action: HostAction, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> None:
        """Take the action plugin, through which modules run, and its arguments."""
        self._action = action
        self._arguments = arguments
        self._task_vars = task_vars
        self._is_dry_run = action._task.check_mode

    def result(self) -> Result:
        """Bring the host there; a host that is where it should be costs one look and no more."""
        self._check_arguments()
        if self._arguments["compare_alone"]:
            return self._compared()
        found = self._look()
        if found.get("failed"):
            return found
        is_wanted = self._arguments["state"] == "present"
        if not is_wanted:
            found["managers"] = []
        not_here = self._not_for_addresses(found) if self._arguments["addresses_alone"] else None
        if not_here:
            return not_here
        warnings = self._judge_or_take_back(found) if is_wanted else []
        warnings += found.get("cautions", [])
        differs = bool(found["differs"] or found["managers"])
        if self._is_dry_run or not differs:
            result = {**{key: found[key] for key in KEPT if key in found}, "changed": differs}
        else:
            result = self._apply(found) if is_wanted else self._step("remove")
        warnings += result.get("warnings", [])
        why = {"reasons": self._reasons(found)} if is_wanted and result.get("changed") else {}
        return {**result, **why, **({"warnings": warnings} if warnings else {})}

    def _reasons(self, found: Result) -> list[str]:
        try:
            return reasons(found, self.policy)
        except AnswerError as error:
            raise AnsibleActionFail(str(error)) from error

    def _compared(self) -> Result:
        """Fail where the host holds addresses that the model has lost, with all else that speaks against a change.

        What else there is, and why the host can't be reached, is left to its change to say.
        """
        same = {"changed": False}
        try:
            found = self._look()
        except AnsibleConnectionFailure:
            return same
        if found.get("failed") or not self.policy:
            return same
        allowed = self._arguments["accept_shrink"]
        try:
            has_shrunk = shrinkage(self.policy, found, allowed)
        except AnswerError:
            return same
        return {**same, "warnings": self._judge(found)} if has_shrunk else same

    @cached_property
    def policy(self) -> Policy | None:
        """The policy behind the ruleset; None where the task doesn't say it."""
        return policy_of(self._arguments["policy"]) if self._arguments["policy"] else None

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The commands that have to succeed on the host before a change is confirmed."""
        return self._read_checks(Problems())

    def _read_checks(self, problems: Problems) -> tuple[Check, ...]:
        return checks_at(Where("confirm_checks"), self._arguments["confirm_checks"], problems)

    def _check_arguments(self) -> None:
        seconds = self._arguments["rollback_timeout"]
        if not SHORTEST_TIMEOUT <= seconds <= LONGEST_TIMEOUT:
            expected = f"between {SHORTEST_TIMEOUT} and {LONGEST_TIMEOUT} seconds"
            raise AnsibleActionFail(f"rollback_timeout: got {seconds}, expected {expected}")
        problems = Problems()
        soak_at(Where("soak"), self._arguments["soak"], problems)
        note_too_long(Where("confirm_checks"), self._read_checks(problems), seconds, problems)
        if problems.found:
            raise AnsibleActionFail("\n".join(map(str, problems.found)))
        if self._arguments["state"] == "absent":
            return
        for key in RULESET_OF.values():
            text = self._arguments[key]
            other = any(self._arguments[another] for another in RULESET_OF.values() if another != key)
            if not str(text or "").strip() and (text is not None or not other):
                expected = "expected a rendered ruleset (state: absent takes ours away)"
                raise AnsibleActionFail(f"{key}: got nothing, {expected}")

    def _look(self) -> Result:
        if self._arguments["state"] == "absent":
            return self._run(INFO, ruleset="")
        wanted = {key: self._arguments[key] for key in LOOK if self._arguments[key] is not None}
        if not self._arguments["declared"] and self.policy:
            wanted["declared"] = declared_of(self.policy)
        host = self._task_vars.get("inventory_hostname", "")
        kept = KeptLook(host, {**wanted, "diff": self._action._task.diff})
        seen = kept.take()
        if self._arguments["compare_alone"]:
            found = self._run(INFO, **wanted)
            if not (found.get("failed") or found["differs"] or found["managers"]):
                kept.keep(found)
            return found
        if seen and not self._is_dry_run:
            return seen
        # The step starts connection tracking on a bare host, which only a change of its rules may.
        if self._is_dry_run or self._arguments["addresses_alone"]:
            return self._run(INFO, **wanted)
        return self._step("look", **wanted)

    @staticmethod
    def _not_for_addresses(found: Result) -> Result | None:
        """Return the result for a host on which more than addresses may differ; None for any other."""
        if not found["tracks_connections"]:
            return {"changed": False, "skipped": True, "skip_reason": NOT_HARDENED}
        if found["differs"] and not found["differs_in_addresses_alone"]:
            return {"changed": False, "failed": True, "msg": MORE_THAN_ADDRESSES}
        return None

    def _judge_or_take_back(self, found: Result) -> list[str]:
        try:
            return self._judge(found)
        except AnsibleActionFail:
            if found.get("tracking_started"):
                self._step("stop_tracking", **self._wanted(found))
            raise

    def _judge(self, found: Result) -> list[str]:
        """Fail where the host must not change; return what its owner should know. A dry run only says most of it."""
        if self._arguments["plan"] and found["differs"]:
            self._refuse_unreviewed(found)
        policy = self.policy if found["differs"] or any(found["ebpf"].values()) else None
        refused = {kind: concern.refused for kind, concern in CONCERNS.items()}
        host = self._task_vars.get("inventory_hostname", "")
        try:
            objected = list(objections(policy, found, self._arguments, refused, host))
        except UnreadableError as error:
            raise AnsibleActionFail(str(error)) from error
        refusals = [one.text for one in objected if one.refuses and (one.always or not self._is_dry_run)]
        if refusals:
            raise AnsibleActionFail("\n".join(refusals))
        warnings = [one.text for one in objected]
        if self._is_dry_run and found["differs"] and found["packages"]:
            warnings.append(NOT_CHECKED.format(", ".join(found["packages"])))
        if self._is_dry_run and found["differs"] and self.checks:
            warnings.append(NOT_RUN.format(", ".join(check.name for check in self.checks)))
        return warnings

    def _refuse_unreviewed(self, found: Result) -> None:
        """Fail where the host would change in another way than the plan shows that was reviewed."""
        path = self._arguments["plan"]
        try:
            plan = read_plan(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, PlanError) as error:
            raise AnsibleActionFail(f"gatehouse_plan: {path}: {error}") from error
        if "diff" not in found:
            raise AnsibleActionFail("plan: got a task without its difference, expected diff: true beside it")
        refusal = plan.refusal(self._task_vars["inventory_hostname"], found["diff"])
        if refusal:
            raise AnsibleActionFail(f"{NOTHING_CHANGED.format(refusal)}. Plan again, and look at what is new.")

    def _apply(self, found: Result) -> Result:
        wanted = self._wanted(found)
        result = self._change_and_watch(found, wanted) if found["differs"] else {"changed": True}
        if found["managers"] and not result.get("failed"):
            result = {**result, **self._step("take_over", **wanted)}
        return {**result, **{key: found[key] for key in KEPT if key in found}}

    def _wanted(self, found: Result) -> Result:
        """Return what each step is told: the ruleset of the host's backend, and what is behind its names."""
        key = RULESET_OF[found["backend"]]
        return {"backend": found["backend"], "answers": found["answers"], key: self._arguments[key]}

    def _change(self, found: Result, wanted: Result) -> Result:
        # Tracking starts before the load, so that connections which are open now are known to the new rules; a
        # rehearsal that fails costs the host nothing.
        for prepare in (self._install, self._start_tracking, self._rehearse):
            failed = prepare(found, wanted)
            if failed:
                return failed
        loaded = self._step("load", rollback_timeout=self._arguments["rollback_timeout"], **wanted)
        if loaded.get("failed"):
            return loaded
        confirmed = self._confirm(loaded, found, wanted)
        if confirmed and confirmed.get("failed"):
            return confirmed
        if not confirmed or "confirmed" not in confirmed:
            return self._not_confirmed(found, wanted, confirmed or {})
        if confirmed["new_connection"]:
            return confirmed
        warnings = [*confirmed.get("warnings", []), NOT_NEW.format(plugin_of(self._action._connection))]
        return {**confirmed, "warnings": warnings}

    def _change_and_watch(self, found: Result, wanted: Result) -> Result:
        """Change the host, and fail where it then denies something to the fleet that it did not deny before."""
        seconds = soak_at(Where("soak"), self._arguments["soak"], Problems())
        if not seconds:
            return self._change(found, wanted)
        before = self._run(INFO)
        result = self._change(found, wanted)
        if result.get("failed"):
            return result
        time.sleep(seconds)
        try:
            complaint = newly_denied(before, self._run(INFO))
        except AnswerError as error:
            raise AnsibleActionFail(str(error)) from error
        return {**result, "failed": True, "msg": complaint} if complaint else result

    def _install(self, found: Result, _wanted: Result) -> Result | None:
        """Install what is missing; return the result where that has failed."""
        if not found["packages"] or not self._arguments["install"]:
            return None
        installed: Result = self._action.install(found["packages"], self._task_vars)
        if not installed.get("failed"):
            return None
        return {**installed, "msg": NOT_INSTALLED.format(", ".join(found["packages"]), str(installed["msg"]).strip())}

    def _start_tracking(self, found: Result, wanted: Result) -> Result | None:
        """Start connection tracking; return the result where that has failed."""
        if found["tracks_connections"] or found.get("tracking_started"):
            return None
        tracking_started = self._step("start_tracking", **wanted)
        return tracking_started if tracking_started.get("failed") else None

    def _rehearse(self, found: Result, wanted: Result) -> Result | None:
        """Rehearse, if that is asked for; return the result where that has failed, of a host that is as it was."""
        if not self._arguments["rehearse"]:
            return None
        if not self.policy or not self._arguments["addresses"]:
            missing = "addresses" if self.policy else "policy"
            result = {"failed": True, "msg": f"{missing}: got nothing, expected what a rehearsal needs"}
        else:
            defaults = {key: one["default"] for key, one in REHEARSAL.items() if "default" in one}
            given = {key: self._arguments[key] for key in ("addresses", *RULESETS)}
            arguments = {**defaults, **given, "backend": found["backend"]}
            result = rehearsed(self._action, self.policy, arguments, self._task_vars)
        if result.get("failed") and not found["tracks_connections"]:
            self._step("stop_tracking", **wanted)
        return {"changed": False, **result} if result.get("failed") else None

    def _confirm(self, loaded: Result, found: Result, wanted: Result) -> Result | None:
        """Return what the host says of the confirmation; None where it wasn't reached in time."""
        # The host compares this connection with the one over which it confirms: ssh may keep one for all
        # (ControlMaster).
        over = loaded.get("connection", "") if begins_anew(self._action._connection) else ""
        checks = [vars(check) for check in self.checks]
        keep = {"change": loaded["change"], "connection": over, "fallback": self._fallback(found), "checks": checks}
        keep |= {"allows": allows(self.policy)} if self.policy else {}
        return over_new_connection(
            self._action._connection,
            self._arguments["rollback_timeout"],
            lambda: self._step("confirm", **keep, **wanted),
            is_another,
        )

    def _fallback(self, found: Result) -> str:
        """Return what to load at a boot at which the ruleset can't be; nothing where it is unknown, or it observes."""
        if not self.policy:
            return ""
        port = found["management"]["port"] if found["management"] else int(self._task_vars.get("ansible_port") or SSH)
        rest = fail_closed(self.policy, port)
        if rest is None:
            return ""
        return nftables.render(rest) if found["backend"] == "nftables" else joined(iptables.render(rest))

    def _not_confirmed(self, found: Result, wanted: Result, answer: Result) -> Result:
        """Return the result of a change that wasn't confirmed in time, by what the kernel has now."""
        seen, management, timeout = None, found["management"], self._arguments["rollback_timeout"]
        if not {"too_late", "failed_check"} & {*answer}:
            # Only the answer may have been lost: the host says whether it has confirmed.
            connection = self._action._connection
            seen = over_new_connection(connection, GRACE, lambda: self._run(INFO, **wanted), is_over)
            if seen and not seen.get("failed") and not seen["differs"]:
                return {"changed": True, "confirmed": True, "new_connection": True, "warnings": [LOST]}
        words = unreached(management, timeout)
        gone_back, msg = not_confirmed(answer, seen, timeout, GRACE, words, self._reason(management))
        return {"failed": True, "changed": False, "confirmed": False, "gone_back": gone_back, "msg": msg}

    def _reason(self, management: Mapping[str, Any] | None) -> str:
        if not self.policy or not management:
            return "The new ruleset needs a flow for that"
        return lockout(self.policy, management) or (
            "No flow of the model is missing for that, as far as can be seen: look for what else filters on the way"
        )

    def _step(self, step: str, **arguments: Any) -> Result:
        return self._run(STEP, step=step, **arguments)

    def _run(self, module: str, **arguments: Any) -> Result:
        return self._action._execute_module(module, arguments, task_vars=self._task_vars)
