# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a change: look, refuse what would cut us off, load, confirm over a new connection."""

from __future__ import annotations

import json
import time

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.module_utils.ruleset_arguments import ARGUMENTS, REQUIRED_IF
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.errors import ModelError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.lockout import lockout
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.policy_data import from_data

INFO = "gatehouse.firewall.ruleset_info"
APPLY = "gatehouse.firewall.ruleset"
LOOKED_AT = ("differs", "drift", "has_nft", "has_table", "management")
WITHOUT_NFT = "there is no nft yet: the ruleset can't be checked on this host before the package is installed"
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 5, 600
GRACE = 15  # seconds in which a host that has gone back should answer again


class ActionModule(ActionBase):
    """Apply a rendered ruleset to one host."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        """Return the module's result; a host that is where it should be costs one look and no more."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS, required_if=REQUIRED_IF)
        self._check_timeout(arguments["rollback_timeout"])
        if arguments["state"] == "present" and not (arguments["ruleset"] or "").strip():
            raise AnsibleActionFail("ruleset: got nothing, expected a rendered ruleset (state: absent takes ours away)")
        self._task_vars = task_vars
        wanted = arguments["ruleset"] if arguments["state"] == "present" else ""
        found = self._execute_module(INFO, {"ruleset": wanted}, task_vars=task_vars)
        if found.get("failed") or not found["differs"]:
            return self._outcome(found, changed=False)
        warnings = self._refuse_lockout(arguments, found["management"]) if wanted else []
        if self._task.check_mode:
            return self._outcome(found, changed=True, warnings=warnings + ([] if found["has_nft"] else [WITHOUT_NFT]))
        if not wanted:
            return self._step(state="absent")
        return self._apply(arguments, found)

    def _refuse_lockout(self, arguments, management):
        """Fail where the new policy would cut the connection in use; in check mode, return that as a warning."""
        policy = arguments["policy"]
        if not policy or not management or arguments["allow_self_lockout"]:
            return []
        try:
            refusal = lockout(from_data(json.loads(policy) if isinstance(policy, str) else policy), management)
        except (ModelError, ValueError) as error:
            raise AnsibleActionFail(f"policy: {error}") from error
        if refusal and not self._task.check_mode:
            raise AnsibleActionFail(refusal)
        return [refusal] if refusal else []

    def _apply(self, arguments, found):
        if not found["has_nft"] and arguments["package"]:
            installed = self._install(arguments["package"])
            if installed.get("failed"):
                return installed
        if not found["has_table"]:
            # A step of its own: what the connection exchanges until the next one makes it known to the kernel.
            primed = self._step(step="prime", ruleset=arguments["ruleset"])
            if primed.get("failed"):
                return primed
        wanted, timeout = arguments["ruleset"], arguments["rollback_timeout"]
        loaded = self._step(step="load", ruleset=wanted, rollback_timeout=timeout)
        if loaded.get("failed"):
            return loaded if found["has_table"] else {**self._step(state="absent"), **loaded}
        result = self._confirm(wanted, timeout, found["management"])
        return {**result, **({"diff": found["diff"]} if "diff" in found else {})}

    def _confirm(self, wanted, timeout, management):
        result = self._over_new_connection(timeout, step="confirm", ruleset=wanted)
        if result is not None and not result.get("rolled_back"):
            return result
        answers = result is not None or self._over_new_connection(GRACE, module=INFO) is not None
        state = "answers again" if answers else f"doesn't answer within {GRACE} s either: look at it on its console"
        source = f" from {management['source']} at port {management['port']}/tcp" if management else ""
        return {
            "failed": True,
            "changed": False,
            "confirmed": False,
            "msg": f"Nobody could reach the host{source} over a new connection within {timeout} s of the change, so it "
            f"has gone back to its previous ruleset by itself. It {state}. The new ruleset needs a flow for that.",
        }

    def _over_new_connection(self, seconds, module=APPLY, **arguments):
        """Run a module over a connection made after the change; return None where none could be made in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if hasattr(self._connection, "reset"):
                    self._connection.reset()
                return self._execute_module(module, arguments, task_vars=self._task_vars)
            except AnsibleConnectionFailure:
                time.sleep(0.5)
        return None

    def _step(self, **arguments):
        return self._execute_module(APPLY, arguments, task_vars=self._task_vars)

    def _install(self, package):
        task = self._task.copy()
        task.args = {"name": package, "state": "present"}
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
