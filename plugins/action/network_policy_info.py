# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile the model into NetworkPolicies, and compare them with what a cluster has."""

from __future__ import annotations

from dataclasses import asdict

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.fleet import (
    FleetAction,
    compiled,
    declared_model,
    failing_on,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes import network_policies as network_policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.audit import compare
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes.pod_flows import pod_remarks
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.detected_options import api_server
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems


class ActionModule(FleetAction):
    """Compile the model's NetworkPolicies, on the controller."""

    def run(self, tmp=None, task_vars=None):
        """Return the policies, and where the cluster differs from them if it is told what the cluster has."""
        super().run(tmp, task_vars)
        lists = {name: {"type": "list", "elements": "dict"} for name in ("endpoints", "live")}
        _validation, arguments = self.validate_argument_spec({**lists, "resolve": {"type": "bool", "default": True}})
        problems = Problems()
        variables = self.variables(task_vars, problems)
        if not arguments["resolve"]:
            namespaces = network_policy.namespaces(declared_model(variables, problems))
            return {"changed": False, "namespaces": namespaces, **_compared([], arguments["live"])}
        fleet = compiled(variables, problems)
        if fleet.resolved.model.undetected and arguments["endpoints"] is not None:
            fleet = compiled(variables, problems, self._detected(fleet, plain(arguments["endpoints"])))
        objects = network_policy.render(fleet)
        result = {
            "changed": False,
            "objects": objects,
            "namespaces": network_policy.namespaces(fleet.resolved.model),
            "undetected": sorted(fleet.resolved.model.undetected),
        }
        warnings = [] if arguments["live"] is None else list(pod_remarks(fleet))
        return {**result, **_compared(objects, arguments["live"]), "warnings": warnings}

    def _detected(self, fleet, endpoints):
        problems = Problems()
        with failing_on(problems):
            return api_server(fleet.resolved.model.undetected, endpoints, problems)


def _compared(objects, live):
    if live is None:
        return {}
    found = compare(objects, plain(live))
    return {
        "ours": [_named(one) for one in found.ours],
        "surplus": [_named(one) for one in found.surplus],
        "foreign": [_named(one) for one in found.foreign],
        "findings": [asdict(one) for one in found.findings],
    }


def _named(policy):
    return {key: policy["metadata"].get(key, "default") for key in ("name", "namespace")}
