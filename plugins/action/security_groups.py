# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a VPC's security groups to the model, by the modules of amazon.aws: these are all that talks to AWS."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws import groups as security_group
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.changes import (
    TAG,
    changes,
    in_order,
    left_over,
    note_users,
    ours,
    read_state,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws.limits import remarks
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import FleetAction, compiled
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.host_action import refuse_facts
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError, Problems

ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent", "planned"], "default": "present"},
    "vpc_id": {"type": "str"},
    "region": {"type": "str"},
    "endpoint_url": {"type": "str"},
    "tag": {"type": "str", "default": "firewall"},
    "adopt": {"type": "list", "elements": "str", "default": []},
}
MISSING = (
    "security groups need the collection amazon.aws (ansible-galaxy collection install amazon.aws), and boto3 for the "
    "Python that runs its modules on localhost; nothing was changed"
)


class ActionModule(FleetAction):
    """Compute the security groups, and have amazon.aws create, change or delete them."""

    _requires_connection = True  # amazon.aws runs where the task does

    def run(self, tmp=None, task_vars=None):
        """Return what the groups are, and whether that is a change."""
        super().run(tmp, task_vars)
        refuse_facts(task_vars)
        _validation, self._arguments = self.validate_argument_spec(
            ARGUMENTS, required_if=[("state", "present", ["vpc_id"]), ("state", "absent", ["vpc_id"])]
        )
        self._task_vars = task_vars
        try:
            if self._arguments["state"] == "absent":
                return self._remove()
            return self._bring_to_the_model()
        except ModelError as error:
            raise AnsibleActionFail(str(error)) from error

    def _bring_to_the_model(self):
        fleet, tag = self._fleet(), self._arguments["tag"]
        groups = security_group.render(fleet)
        result = {
            "changed": False,
            "groups": [security_group.to_data(group) for group in groups],
            "table": security_group.to_table(groups),
            "warnings": list(remarks(fleet, groups)),
        }
        if self._arguments["state"] == "planned":
            for line in security_group.to_lines(result["table"]):
                self._display.display(line)
            return result
        live, problems = self._look(), Problems()
        found = changes(groups, live, tag, self._arguments["adopt"], problems)
        problems.raise_if_any()
        left = ", ".join(left_over(live, groups, tag))
        result["warnings"].extend([f"Security groups of ours that the model doesn't have: {left}"] if left else [])
        result["changed"] = bool(found)
        result["diff"] = [_difference(change.group.name, change.before, change.after) for change in found]
        made = {} if self._task.check_mode else self._apply(found)
        names = {group.name for group in groups}
        result["group_ids"] = {**{one.name: one.group_id for one in live if one.name in names}, **made}
        return result

    def _apply(self, found):
        """Create and change groups, none of which keeps the rule that lets everything out; return their ids by name."""
        made = {}
        for change, has_rules in in_order(found):
            data = security_group.to_data(change.group)
            rules = {key: data[key] if has_rules else [] for key in ("rules", "rules_egress")}
            made[data["name"]] = self._set(data["name"], change.description, **rules)["group_id"]
        return made

    def _remove(self):
        live, problems = ours(self._look(), self._arguments["tag"]), Problems()
        ids = [group.group_id for group in live]
        interfaces = self._ask("ec2_eni_info", filters={"group-id": ids})["network_interfaces"] if ids else []
        note_users(live, interfaces, problems)
        problems.raise_if_any()
        if not self._task.check_mode:
            for group in live:  # a group that another one names can't be deleted
                self._set(group.name, group.description, rules=[], rules_egress=[])
            for group in live:
                self._ask("ec2_security_group", group_id=group.group_id, state="absent")
        return {
            "changed": bool(live),
            "deleted": [group.name for group in live],
            "diff": [_difference(group.name, group.lines, ()) for group in live],
        }

    def _fleet(self):
        """Return the fleet that the variables declare. It may have no host: groups need no more than node classes."""
        problems = Problems()
        return compiled(self.variables(self._task_vars, problems), problems, may_be_empty=True)

    def _look(self):
        filters = {"vpc-id": self._arguments["vpc_id"]}
        return read_state(self._ask("ec2_security_group_info", filters=filters)["security_groups"])

    def _set(self, name, description, **rules):
        tags = {TAG: self._arguments["tag"]}
        vpc = self._arguments["vpc_id"]
        return self._ask(
            "ec2_security_group", name=name, description=description, vpc_id=vpc, tags=tags, purge_tags=False, **rules
        )

    def _ask(self, module, **arguments):
        """Run a module of amazon.aws; raise what it fails with."""
        name = f"amazon.aws.{module}"
        if not self._shared_loader_obj.module_loader.find_plugin(name):
            raise AnsibleActionFail(MISSING)
        common = {key: self._arguments[key] for key in ("region", "endpoint_url") if self._arguments[key]}
        result = self._execute_module(module_name=name, module_args={**common, **arguments}, task_vars=self._task_vars)
        if result.get("failed"):
            message = result.get("msg") or "it failed without a word; -vvv shows what it printed"
            raise AnsibleActionFail(f"{name}: {message}", result=result)
        return result


def _difference(name, before, after):
    header = f"security group {name}"
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }
