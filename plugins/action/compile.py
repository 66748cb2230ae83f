# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Ansible's inventory and variables to the core and back: the only place that knows both."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.inventory.helpers import sort_groups
from ansible.plugins.action import ActionBase
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.compile import Fleet, Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.declaration import (
    HOST_KEYS,
    MODEL_KEYS,
    PREFIX,
    DeclaredVariables,
    Source,
    declare,
    misspelt,
    plain,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.errors import ModelError, Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.inputs import load_profile, look_up
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.pipeline import build
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.policy_data import to_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.render import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils.resolve import Inventory


class ActionModule(ActionBase):
    """Compile the model for the whole inventory."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return the rulesets by key, and each managed host's key and class."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {"directory": {"type": "path"}, "hosts": {"type": "list", "elements": "str", "default": []}}
        )
        variables = FleetVariables(task_vars, self._loader, self._templar)
        problems = Problems()
        try:
            declaration = declare(variables.sources(), load_profile, problems)
            fleet = build(declaration, variables.inventory(), look_up, datetime.date.today(), problems)
        except ModelError as error:
            raise AnsibleActionFail(str(error)) from error
        policies, hosts = one_policy_each(fleet)
        rulesets = {key: nftables.render(policy) for key, policy in policies.items()}
        backends = {host: fleet.hosts[host].backend for host in hosts}
        with_iptables = sorted({hosts[host] for host, backend in backends.items() if backend != "nftables"})
        iptables_rulesets = {key: iptables.render(policies[key]) for key in with_iptables}
        result = {
            "changed": False,
            "rulesets": rulesets,
            "iptables_rulesets": iptables_rulesets,
            "policies": {key: json.dumps(to_data(policy)) for key, policy in policies.items()},
            "hosts": hosts,
            "classes": dict(fleet.classes),
            "flows": {name: len(flows_of(policy)) for name, policy in fleet.policies.items()},
            "canaries": canaries(fleet, arguments["hosts"]),
            "warnings": list(warnings_about(fleet, arguments["hosts"])),
        }
        if arguments["directory"] and not self._task.check_mode:
            files = {}
            for host in arguments["hosts"]:
                if host in hosts:
                    files.update(plan_files(host, backends[host], hosts[host], rulesets, iptables_rulesets))
            result["changed"] = write_files(Path(arguments["directory"]), files)
        return result


class FleetVariables:
    """The variables of all groups and hosts of the inventory, as far as they concern the model.

    Read from the inventory itself and not from ``hostvars``, in which facts stand above what is declared.
    """

    def __init__(self, task_vars, loader, templar):
        """Take what an action plugin is given."""
        self._task_vars = task_vars
        self._hostvars = task_vars["hostvars"]
        self._inventory = self._hostvars._inventory
        self._loader = loader
        self._templar = templar
        self._of_group = {name: self._own_variables(group) for name, group in self._inventory.groups.items()}
        self._of_host = {name: self._own_variables(host) for name, host in self._inventory.hosts.items()}

    def sources(self) -> list[Source]:
        """Return every place that sets a variable of the model; one above the inventory hides all places below it."""
        below = list(self._inventory_sources())
        above = {key: self._task_vars[key] for key in self._task_vars if self._is_set_above(key, below)}
        sources = [Source("", self._templated("", above, None))]
        for origin, raw, member in below:
            visible = {key: value for key, value in raw.items() if key not in (*above, *HOST_KEYS)}
            sources.append(Source(origin, self._templated(origin, visible, member)))
        return sources

    def inventory(self) -> Inventory:
        """Return the groups, and each host's own declared variables, read when they are asked for."""
        groups = {name: tuple(hosts) for name, hosts in self._task_vars["groups"].items()}
        return Inventory(groups, DeclaredVariables(self._declared, self._inventory.hosts))

    def _is_set_above(self, key: str, below: list[tuple[str, dict, str | None]]) -> bool:
        if key not in MODEL_KEYS and not misspelt(key):
            return False
        if key in self._hostvars._variable_manager.extra_vars:
            return True
        value = self._task_vars[key]
        return value is not None and not any(raw.get(key) == value for _origin, raw, _member in below)

    def _inventory_sources(self) -> Iterator[tuple[str, dict, str | None]]:
        groups = sorted(self._inventory.groups.values(), key=lambda group: (group.depth, group.name))
        for group in groups:
            members = sorted(host.name for host in group.get_hosts())
            origin = "" if group.name == "all" else f"group {group.name}"
            yield origin, self._of_group[group.name], members[0] if members else None
        for name, variables in sorted(self._of_host.items()):
            yield f"host {name}", variables, name

    def _own_variables(self, entity) -> dict:
        paths = get_vars_from_inventory_sources(self._loader, self._inventory._sources, [entity], "all")
        beside_playbook = get_vars_from_path(self._loader, self._loader.get_basedir(), [entity], "all")
        merged = combine_vars(combine_vars(entity.get_vars(), paths), beside_playbook)
        return {key: value for key, value in merged.items() if key.startswith(PREFIX) or key in HOST_KEYS}

    def _declared(self, name: str) -> dict[str, object]:
        """Return a host's declared variables; of several groups, the one that Ansible ranks highest counts."""
        found = {}
        for group in sort_groups(self._inventory.hosts[name].get_groups()):
            found.update(self._of_group[group.name])
        found.update(self._of_host[name])
        found.update(self._hostvars._variable_manager.extra_vars)
        return self._templated(f"host {name}", {key: found[key] for key in HOST_KEYS if key in found}, name)

    def _templated(self, origin: str, raw: Mapping[str, object], member: str | None) -> dict[str, object]:
        if not raw or not self._templar.is_template(raw):
            return plain(raw)
        available = self._task_vars if member is None else self._hostvars.raw_get(member)
        try:
            return plain(self._templar.copy_with_new_env(available_variables=available).template(raw))
        except AnsibleError as error:
            where = f" ({origin})" if origin else ""
            raise AnsibleActionFail(f"The model{where} has a template that fails: {error}") from error


def one_policy_each(fleet: Fleet) -> tuple[dict[str, Policy], dict[str, str]]:
    """Return the policies by key and the key of each host: a class's name, with the interfaces where they matter."""
    policies: dict[str, Policy] = {}
    hosts = {}
    for host, node_class in fleet.classes.items():
        policy = fleet.policy_of(host)
        sides = [f"{side}={','.join(names)}" for side, names in sorted(policy.interfaces.items())]
        key = hosts[host] = " ".join([node_class, *sides])
        policies.setdefault(key, policy)
    return policies, hosts


def flows_of(policy: Policy) -> set[str]:
    """Return the names of the flows that a policy lets through."""
    return {rule.flow for rule in (*policy.ingress, *policy.egress)}


def canaries(fleet: Fleet, hosts: list[str]) -> list[str]:
    """Return the first of these hosts in each node class: those to change before the others."""
    first: dict[str, str] = {}
    for host in hosts:
        if host in fleet.classes:
            first.setdefault(fleet.classes[host], host)
    return list(first.values())


def plan_files(host, backend, key, rulesets, iptables_rulesets) -> dict[str, str]:
    """Return the files of one host's ruleset, by name, for the backend that is asked for, or else the best."""
    ruleset = iptables_rulesets[key] if backend == "iptables" else {"nft": rulesets[key]}
    return {f"{host}.{ending}": text for ending, text in ruleset.items()}


def warnings_about(fleet: Fleet, hosts: list[str]) -> Iterator[str]:
    """Yield what a user should know although nothing is wrong."""
    unmanaged = sorted(set(hosts) - set(fleet.classes))
    if unmanaged:
        yield f"In no node class, and left as they are: {', '.join(unmanaged)}"
    if fleet.expired:
        yield f"Closed, because their last day is over: {', '.join(fleet.expired)}"


def write_files(directory: Path, files: Mapping[str, str]) -> bool:
    """Write the files that differ from what is there: all of them, or none; return whether there were any."""
    temporary = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = directory / name
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            handle, temporary[path] = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        for path, written in temporary.items():
            Path(written).replace(path)
    except OSError as error:
        for written in temporary.values():
            Path(written).unlink(missing_ok=True)
        raise AnsibleActionFail(f"can't write the plan: {error}") from error
    return bool(temporary)
