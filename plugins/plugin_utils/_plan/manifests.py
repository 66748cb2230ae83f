# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What stands once for the fleet, beside each host's ruleset: objects for others that enforce the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .._aws import groups as security_group
from .._aws.limits import declared, remarks
from .._calico import objects as calico
from .._kubernetes import network_policies as network_policy
from .._policy.compile import Fleet
from .._values.problems import ModelError, Problems

_NOTHING = "# gatehouse.firewall: no object\n"

Manifests = Mapping[str, Sequence[Mapping[str, Any]]]
"""Objects by the name of what enforces them, which is that of a plan's file, too."""


def manifests(fleet: Fleet, problems: Problems) -> Manifests:
    """Return all objects of a fleet; note what can't be expressed by them."""
    found: dict[str, Sequence[Mapping[str, Any]]] = {
        "calico": calico.render(fleet, problems),
        "security_groups": _security_groups(fleet, problems),
    }
    found = {name: objects for name, objects in found.items() if objects}
    # Without any policy, their file says so: one of an older plan would be taken for this one's.
    if network_policy.namespaces(fleet.resolved.model):
        found["network_policy"] = network_policy.render(fleet)
    return found


def _security_groups(fleet: Fleet, problems: Problems) -> list[Mapping[str, Any]]:
    """Return the security groups; where those of a profile can't express the model, none: they were not asked for."""
    try:
        return [security_group.to_data(group) for group in security_group.render(fleet)]
    except ModelError as error:
        if any(not group.where.is_shipped for group in declared(fleet)):
            problems.found.extend(error.problems)
        return []


def security_group_remarks(fleet: Fleet) -> list[str]:
    """Return what a user should know of the security groups in a plan, although nothing is wrong."""
    try:
        return list(remarks(fleet, security_group.render(fleet)))
    except ModelError as error:
        reasons = "; ".join(str(problem) for problem in error.problems)
        return [f"security_groups.yml is not written, since the profile's groups can't express the model: {reasons}"]


def manifest_files(found: Manifests) -> dict[str, str]:
    """Return the text of each file, by name: a YAML document for each object."""
    return {f"{name}.yml": dump(objects) or _NOTHING for name, objects in found.items()}


def dump(documents: Sequence[object]) -> str:
    """Return documents as YAML, their keys in the order that they have."""
    return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, explicit_start=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Writes lists as ansible-lint and yamllint want them: further in than their keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless  # it is true for a list under a key
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:
        del data  # what stands twice is written twice
        return True
