# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a change: look, refuse what would cut us off, load, confirm over a new connection."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible_collections.gatehouse.firewall.plugins.action.rehearsal import rehearsed
from ansible_collections.gatehouse.firewall.plugins.action.ruleset_info import HostAction
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import CONCERNS
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import (
    ARGUMENTS,
    LOOK,
    REQUIRED_IF,
    RULESETS,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.rehearsal_arguments import REHEARSAL
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.confirmation import (
    LOST,
    NOT_NEW,
    OVER_NETWORK,
    is_another,
    is_over,
    not_confirmed,
    unreached,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.lockout import fail_closed, lockout
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.surroundings import declared_of, weighed
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.observed import (
    read_observed,
    remarks,
    would_cut,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.reviewed import PlanError, read_plan
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError

INFO = "gatehouse.firewall.ruleset_info"
APPLY = "gatehouse.firewall.ruleset"
RULESET_OF = {"nftables": "ruleset", "iptables": "iptables_ruleset"}
KEPT = ("backend", "backend_reason", "diff")
LOOKED_AT = (
    "answers",
    "cautions",
    "concerns",
    "differs",
    "differs_in_addresses_alone",
    "drift",
    "ebpf",
    "findings",
    "host_names",
    "in_force",
    "in_force_since",
    "management",
    "managers",
    "metrics",
    "observed",
    "observed_full",
    "observed_since",
    "packages",
    "primed",
    "tracks_connections",
    "usage",
    "way_back",
)
NOT_CHECKED = "not installed yet, so that the host can't check the ruleset: {}"
BLIND = (
    "{0} redirects packets before netfilter sees them, so that this host firewall can't judge {1}. Let what redirects "
    "them enforce it (Calico's preDNAT policies do), and say pre_dnat: {{ports: []}} of the class {2}"
)
SHORT_SIGHTED = (
    "An eBPF program sees the packets on {0} before netfilter does. If it redirects node ports in kube-proxy's place, "
    "this host firewall can't judge {1}"
)
OTHERS = (
    "This host's firewall has another manager: {0}. Two managers undo each other's work. Set gatehouse_takeover: true "
    "to have it stopped and disabled once our rules are confirmed, and put back by remove; or do it yourself, but stop "
    "only ufw, firewalld, netfilter-persistent and lfd: to stop any other may flush everybody's rules, and it is "
    "enough to disable it"
)
UNREADABLE = (
    "What this host has observed can't be read: {0}. Look at what it runs, or set gatehouse_accept_observed: true to "
    "have all denied that no flow allows"
)
NOT_HARDENED = "This host has no rules of ours yet: harden it"
MORE_THAN_ADDRESSES = (
    "More than addresses differ on this host from what the model says of it: rules, too, or what is loaded at the next "
    "boot. Nothing was changed; plan shows the difference, harden makes it"
)
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 5, 600
SSH = 22
GRACE = 15  # seconds in which a host that has gone back should answer again


class ActionModule(HostAction):
    """Apply a rendered ruleset to one host."""

    def run(self, tmp=None, task_vars=None):
        """Return the module's result; a host that is where it should be costs one look and no more."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS, required_if=REQUIRED_IF)
        self._check_timeout(arguments["rollback_timeout"])
        self._task_vars = task_vars
        found = self._look(arguments)
        if found.get("failed"):
            return found
        if arguments["state"] == "absent":
            found["managers"] = []
        not_here = self._not_for_addresses(found) if arguments["addresses_alone"] else None
        if not_here:
            return not_here
        warnings = self._judge_or_take_back(arguments, found) if arguments["state"] == "present" else []
        warnings += found.get("cautions", [])
        if self._task.check_mode or not (found["differs"] or found["managers"]):
            return self._outcome(found, changed=bool(found["differs"] or found["managers"]), warnings=warnings)
        result = self._apply(arguments, found) if arguments["state"] == "present" else self._step(state="absent")
        return {**result, "warnings": [*warnings, *result.get("warnings", [])]} if warnings else result

    @staticmethod
    def _not_for_addresses(found):
        """Return the result for a host on which more than addresses may differ; None for any other."""
        if not found["tracks_connections"]:
            return {"changed": False, "skipped": True, "skip_reason": NOT_HARDENED}
        if found["differs"] and not found["differs_in_addresses_alone"]:
            return {"changed": False, "failed": True, "msg": MORE_THAN_ADDRESSES}
        return None

    def _judge_or_take_back(self, arguments, found):
        try:
            return self._judge(arguments, found)
        except AnsibleActionFail:
            if found.get("primed"):
                self._step(step="unprime", **self._wanted(arguments, found))
            raise

    @staticmethod
    def _wanted(arguments, found):
        key = RULESET_OF[found["backend"]]
        return {"backend": found["backend"], "answers": found["answers"], key: arguments[key]}

    def _judge(self, arguments, found):
        """Fail where the ruleset must not be applied; return what else its owner should know."""
        if arguments["plan"] and found["differs"]:
            self._refuse_unreviewed(arguments["plan"], found)
        warnings = self._refuse_company(found["managers"]) if found["managers"] and not arguments["takeover"] else []
        warnings += self._refuse_concerns(arguments, found)
        if found["differs"] or any(found["ebpf"].values()):
            policy = self._policy(arguments)
            if policy and policy.pre_dnat:
                warnings += self._refuse_blindness(policy, found["ebpf"])
            if policy and found["differs"] and found["management"] and not arguments["allow_self_lockout"]:
                warnings += self._refuse_lockout(policy, found["management"])
            if policy and found["differs"] and not policy.observe:
                warnings += self._refuse_cuts(policy, found, arguments["accept_observed"])
        if self._task.check_mode and found["differs"] and found["packages"]:
            warnings.append(NOT_CHECKED.format(", ".join(found["packages"])))
        return warnings

    def _refuse_unreviewed(self, path, found):
        """Fail where the host would change in another way than the plan shows that was reviewed."""
        try:
            plan = read_plan(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, PlanError) as error:
            raise AnsibleActionFail(f"gatehouse_plan: {path}: {error}") from error
        if "diff" not in found:
            raise AnsibleActionFail("plan: got a task without its difference, expected diff: true beside it")
        refusal = plan.refusal(self._task_vars["inventory_hostname"], found["diff"])
        if refusal:
            raise AnsibleActionFail(f"{refusal}. Nothing was changed. Plan again, and look at what is new.")

    def _look(self, arguments):
        if arguments["state"] == "absent":
            return self._execute_module(INFO, {"ruleset": ""}, task_vars=self._task_vars)
        for key in RULESET_OF.values():
            other = any(arguments[another] for another in RULESET_OF.values() if another != key)
            if not str(arguments[key] or "").strip() and (arguments[key] is not None or not other):
                expected = "expected a rendered ruleset (state: absent takes ours away)"
                raise AnsibleActionFail(f"{key}: got nothing, {expected}")
        wanted = {key: arguments[key] for key in LOOK if arguments[key] is not None}
        policy = None if arguments["declared"] else self._policy(arguments)
        wanted.update({"declared": declared_of(policy)} if policy else {})
        if self._task.check_mode or arguments["addresses_alone"]:
            return self._execute_module(INFO, wanted, task_vars=self._task_vars)
        return self._step(step="look", **wanted)

    @staticmethod
    def _policy(arguments):
        policy = arguments["policy"]
        if not policy:
            return None
        try:
            return from_data(json.loads(policy) if isinstance(policy, str) else policy)
        except (ModelError, ValueError) as error:
            raise AnsibleActionFail(f"policy: {error}") from error

    def _refuse_lockout(self, policy, management):
        """Fail where the new policy would cut the connection in use; in check mode, return that as a warning."""
        try:
            refusal = lockout(policy, management)
        except ValueError as error:
            raise AnsibleActionFail(f"the host's ssh connection: {error}") from error
        if refusal and not self._task.check_mode:
            raise AnsibleActionFail(refusal)
        return [refusal] if refusal else []

    def _refuse_cuts(self, policy, found, accepted):
        """Fail where the host has seen, observing, what it would deny; in check mode, return that as a warning."""
        try:
            observed = read_observed(found)
        except AnswerError as error:
            return self._refuse_question(UNREADABLE.format(error), accepted)
        if observed is None:
            return []
        refused = self._refuse_question(would_cut(policy, observed), accepted)
        return [*remarks(observed, datetime.datetime.now(datetime.timezone.utc)), *refused]

    def _refuse_question(self, refusal, accepted):
        if refusal and not accepted and not self._task.check_mode:
            raise AnsibleActionFail(f"{refusal}. Nothing was changed")
        return [refusal] if refusal else []

    def _refuse_company(self, managers):
        """Fail where the host's firewall has another manager; in check mode, return that as a warning."""
        states = {(True, True): "active and enabled", (True, False): "active", (False, True): "enabled"}
        names = [f"{one['name']} ({one['unit']} is {states[one['active'], one['enabled']]})" for one in managers]
        refusal = OTHERS.format(", ".join(names))
        if not self._task.check_mode:
            raise AnsibleActionFail(refusal)
        return [refusal]

    def _refuse_concerns(self, arguments, found):
        """Fail where a host must not change for what it alone knows; return what else it knows, in check mode all."""
        refused = {kind: concern.refused for kind, concern in CONCERNS.items()}
        host = self._task_vars.get("inventory_hostname", "")
        try:
            refusals, warnings = weighed(found, refused, arguments["takeover"] and bool(found["managers"]), host)
        except AnswerError as error:
            raise AnsibleActionFail(f"What the host has found can't be read: {error}") from error
        if refusals and not self._task.check_mode:
            raise AnsibleActionFail(f"{'. '.join(refusals)}. Nothing was changed")
        return [*refusals, *warnings]

    @staticmethod
    def _refuse_blindness(policy, ebpf):
        """Fail where node ports are redirected before netfilter; return a warning where that can't be known."""
        ports = policy.pre_dnat.ports
        if ebpf["kube_proxy"]:
            raise AnsibleActionFail(BLIND.format(ebpf["kube_proxy"], ports, policy.node_class))
        return [SHORT_SIGHTED.format(", ".join(ebpf["interfaces"]), ports)] if ebpf["interfaces"] else []

    def _apply(self, arguments, found):
        wanted = self._wanted(arguments, found)
        result = self._change(arguments, found, wanted) if found["differs"] else {"changed": True}
        if found["managers"] and not result.get("failed"):
            result = {**result, **self._step(step="take_over", **wanted)}
        return {**result, **{key: found[key] for key in KEPT if key in found}}

    def _change(self, arguments, found, wanted):
        if found["packages"] and arguments["install"]:
            installed = self._install(found["packages"])
            if installed.get("failed"):
                return installed
        if not found["tracks_connections"] and not found.get("primed"):
            primed = self._step(step="prime", **wanted)
            if primed.get("failed"):
                return primed
        refusal = self._rehearse(arguments, found, wanted) if arguments["rehearse"] else None
        if refusal:
            return refusal
        timeout = arguments["rollback_timeout"]
        loaded = self._step(step="load", rollback_timeout=timeout, **wanted)
        if loaded.get("failed"):
            return loaded
        over = loaded.get("connection", "") if self._begins_anew() else ""
        keep = {"change": loaded["change"], "connection": over, "fallback": self._fallback(arguments, found)}
        confirmed = self._confirm(timeout, **keep, **wanted)
        if confirmed is None or "confirmed" not in confirmed:
            failed = bool(confirmed and confirmed.get("failed"))
            return confirmed if failed else self._not_confirmed(arguments, found, wanted, confirmed or {})
        return confirmed if confirmed["new_connection"] else self._with_warning(confirmed)

    def _begins_anew(self):
        """Return whether the connection is one over the network that can be made anew."""
        kind = type(self._connection)
        resets = getattr(kind, "reset", None) is not ConnectionBase.reset
        return resets and self._plugin().rpartition(".")[2] in OVER_NETWORK

    def _plugin(self):
        return str(getattr(self._connection, "transport", "") or type(self._connection).__name__)

    def _with_warning(self, result):
        return {**result, "warnings": [*result.get("warnings", []), NOT_NEW.format(self._plugin())]}

    def _rehearse(self, arguments, found, wanted):
        """Return the result of a rehearsal that has failed, of a host that is as it was; None where all is well."""
        missing = next((key for key in ("policy", "addresses") if not arguments[key]), None)
        if missing:
            result = {"failed": True, "msg": f"{missing}: got nothing, expected what a rehearsal needs"}
        else:
            defaults = {key: one["default"] for key, one in REHEARSAL.items() if "default" in one}
            given = {key: arguments[key] for key in ("policy", "addresses", *RULESETS)}
            result = rehearsed(self, {**defaults, **given, "backend": found["backend"]}, self._task_vars)
        if result.get("failed") and not found["tracks_connections"]:
            self._step(step="unprime", **wanted)
        return {"changed": False, **result} if result.get("failed") else None

    def _fallback(self, arguments, found):
        policy = self._policy(arguments)
        if not policy:
            return ""
        port = found["management"]["port"] if found["management"] else int(self._task_vars.get("ansible_port") or SSH)
        rest = fail_closed(policy, port)
        if rest is None:
            return ""
        return nftables.render(rest) if found["backend"] == "nftables" else joined(iptables.render(rest))

    def _confirm(self, timeout, **arguments):
        """Return what the host says of the confirmation; None where it wasn't reached in time."""
        return self._over_new_connection(timeout, APPLY, is_another, step="confirm", **arguments)

    def _not_confirmed(self, arguments, found, wanted, answer):
        """Return the result of a change that wasn't confirmed in time, by what the kernel has now."""
        seen, management = None, found["management"]
        if "too_late" not in answer:
            seen = self._over_new_connection(GRACE, INFO, is_over, **wanted)
            if seen and not seen.get("failed") and not seen["differs"]:
                return {"changed": True, "confirmed": True, "new_connection": True, "warnings": [LOST]}
        timeout = arguments["rollback_timeout"]
        words = unreached(management, timeout)
        gone_back, msg = not_confirmed(answer, seen, timeout, GRACE, words, self._reason(arguments, management))
        return {"failed": True, "changed": False, "confirmed": False, "gone_back": gone_back, "msg": msg}

    def _reason(self, arguments, management):
        policy = self._policy(arguments)
        if not policy or not management:
            return "The new ruleset needs a flow for that"
        return lockout(policy, management) or (
            "No flow of the model is missing for that, as far as can be seen: look for what else filters on the way"
        )

    def _over_new_connection(self, seconds, module, is_enough, **arguments):
        """Run a module over a connection made after the change, until its result is enough.

        Return the last result; None where no connection could be made in time.
        """
        result, deadline = None, time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if hasattr(self._connection, "reset"):
                    self._connection.reset()
                result = self._execute_module(module, arguments, task_vars=self._task_vars)
                if is_enough(result):
                    return result
            except AnsibleConnectionFailure:
                pass
            time.sleep(0.5)
        return result

    def _step(self, **arguments):
        return self._execute_module(APPLY, arguments, task_vars=self._task_vars)

    def _install(self, packages):
        task = self._task.copy()
        task.args = {"name": packages, "state": "present"}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.package",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return action.run(task_vars=self._task_vars)

    @staticmethod
    def _check_timeout(seconds):
        if not SHORTEST_TIMEOUT <= seconds <= LONGEST_TIMEOUT:
            expected = f"between {SHORTEST_TIMEOUT} and {LONGEST_TIMEOUT} seconds"
            raise AnsibleActionFail(f"rollback_timeout: got {seconds}, expected {expected}")

    @staticmethod
    def _outcome(found, changed, warnings=()):
        kept = {key: value for key, value in found.items() if key not in LOOKED_AT}
        return {**kept, "changed": changed, **({"warnings": list(warnings)} if warnings else {})}
