# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a change: look first, install what is missing, then change in one go."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.gatehouse.firewall.plugins.module_utils.ruleset_arguments import ARGUMENTS, REQUIRED_IF

INFO = "gatehouse.firewall.ruleset_info"
APPLY = "gatehouse.firewall.ruleset"
LOOKED_AT = ("differs", "drift", "has_nft", "has_table")
WITHOUT_NFT = "there is no nft yet: the ruleset can't be checked on this host before the package is installed"


class ActionModule(ActionBase):
    """Apply a rendered ruleset to one host."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        """Return the module's result; a host that is where it should be costs one look and no more."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS, required_if=REQUIRED_IF)
        if arguments["state"] == "primed":
            return self._change(arguments, task_vars)
        wanted = arguments["ruleset"] if arguments["state"] == "present" else ""
        found = self._execute_module(INFO, {"ruleset": wanted}, task_vars=task_vars)
        if found.get("failed") or not found["differs"]:
            return self._outcome(found, changed=False)
        if self._task.check_mode:
            warnings = [] if found["has_nft"] else [WITHOUT_NFT]
            return self._outcome(found, changed=True, warnings=warnings)
        if wanted and not found["has_table"]:
            return self._apply_first(arguments, found, task_vars)
        return self._change(arguments, task_vars)

    def _apply_first(self, arguments, found, task_vars):
        """Prime and apply in two steps: what the connection exchanges in between makes it known to the kernel."""
        if not found["has_nft"] and arguments["package"]:
            installed = self._install(arguments["package"], task_vars)
            if installed.get("failed"):
                return installed
        primed = self._change({"state": "primed"}, task_vars)
        result = primed if primed.get("failed") else self._change(arguments, task_vars)
        if result.get("failed"):
            self._change({"state": "absent"}, task_vars)
        return result

    def _change(self, arguments, task_vars):
        # All changes pass here: the door for a refusal before, and for a confirmation over a new connection after.
        return self._execute_module(APPLY, arguments, task_vars=task_vars)

    def _install(self, package, task_vars):
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
        return action.run(task_vars=task_vars)

    @staticmethod
    def _outcome(found, changed, warnings=()):
        kept = {key: value for key, value in found.items() if key not in LOOKED_AT}
        return {**kept, "changed": changed, **({"warnings": list(warnings)} if warnings else {})}
