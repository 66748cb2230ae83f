# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Ansible's inventory and variables to the core and back: the only place that knows both."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.inventory.helpers import sort_groups
from ansible.module_utils.common.validation import check_type_path
from ansible.plugins.action import ActionBase
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.surroundings import declared_of
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.facts import Facts, Read
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.group_files import note_hidden_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.arguments import note_wrong
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import (
    HOST_KEYS,
    MODEL_KEYS,
    OWN_KEYS,
    PREFIX,
    DeclaredVariables,
    Source,
    declare,
    difference,
    distinct,
    is_of_model,
    note_chosen_by_hosts,
    plain,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.detected_options import with_detected
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Model
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.sources import load_profile, look_up
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._pipeline import build, read
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan import files as plan_files
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.manifests import (
    Manifests,
    manifest_files,
    manifests,
    security_group_remarks,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._plan.play import (
    canaries,
    flows_of,
    for_iptables,
    one_policy_each,
    own_addresses,
    warnings_about,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import to_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Fleet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Host, Inventory
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import (
    ModelError,
    Problems,
    Where,
    quoted,
)

NOT_A_FACT = "it in the inventory, in a play's or role's vars or on the command line; a fact is one host's own"
OF_THE_INVENTORY = (
    "it in the inventory (group_vars, host_vars), where every host's addresses, interfaces and modes are read"
)
_NOTHING = (None, "", {})  # off is false, and says something


class FleetAction(ActionBase):
    """A task about the whole fleet, which it knows from the inventory: it asks no host."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def variables(self, task_vars: Mapping[str, object], problems: Problems) -> FleetVariables:
        """Return the variables of all groups and hosts."""
        return FleetVariables(self._task, task_vars, self._loader, self._templar, problems)

    def fleet(self, task_vars: Mapping[str, object]) -> Fleet:
        """Return the compiled fleet; fail with every problem of the model."""
        problems = Problems()
        return compiled(self.variables(task_vars, problems), problems)

    @staticmethod
    def directory(arguments: Mapping[str, object], variables: FleetVariables) -> str | None:
        """Return the directory that a task names, or that the variable has whose name it says in its place."""
        name = arguments["directory_of"]
        return arguments["directory"] or (variables.path(name) if name else None)


class ActionModule(FleetAction):
    """Compile the model for the whole inventory."""

    def run(self, tmp=None, task_vars=None):
        """Return the rulesets by key, and each managed host's key and class."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "directory": {"type": "path"},
                "directory_of": {"type": "str"},
                "hosts": {"type": "list", "elements": "str", "default": []},
            }
        )
        problems = Problems()
        variables = self.variables(task_vars, problems)
        paths = {"directory": self.directory(arguments, variables), "plan": variables.path("gatehouse_plan")}
        fleet = compiled(variables, problems)
        with_facts = variables.facts.like_ours_by_host(task_vars["ansible_play_hosts_all"])
        policies, hosts = one_policy_each(fleet)
        rulesets = {key: nftables.render(policy) for key, policy in policies.items()}
        with failing_on(problems):
            with_iptables = for_iptables(fleet, variables.backend, problems)
        result = {
            "changed": False,
            "rulesets": rulesets,
            "iptables_rulesets": {key: iptables.render(policies[key]) for key in with_iptables},
            "policies": {key: json.dumps(to_data(policy)) for key, policy in policies.items()},
            "hosts": hosts,
            "classes": dict(fleet.classes),
            "addresses": {name: own_addresses(host) for name, host in fleet.hosts.items()},
            "interfaces": {name: dict(host.interfaces) for name, host in fleet.hosts.items() if host.interfaces},
            "declared": {key: declared_of(policy) for key, policy in policies.items()},
            "same_as": dict(fleet.same_as),
            "flows": {name: len(flows_of(policy)) for name, policy in fleet.policies.items()},
            "canaries": canaries(fleet, [host for host in arguments["hosts"] if host not in with_facts]),
            "manifests": with_manifests(fleet, problems),
            "warnings": list(warnings_about(fleet, arguments["hosts"])),
            "hosts_with_facts": with_facts,
            **{key: path for key, path in paths.items() if path},
        }
        if paths["directory"] and not self._task.check_mode:
            result["changed"] = self._write(arguments["hosts"], variables, fleet, result)
        return result

    def _write(self, hosts, variables, fleet, result):
        """Write the plan of the hosts that the run is about; return whether it differs from what was there."""
        files = manifest_files(result["manifests"])
        result["warnings"].extend(security_group_remarks(fleet))
        with failing_on(Problems()) as problems:
            plan_files.note_names([host for host in hosts if host in result["hosts"]], problems)
        for host in hosts:
            if host in result["hosts"] and host not in result["hosts_with_facts"]:
                key, backend = result["hosts"][host], variables.templated_backend(fleet.hosts[host])
                ruleset, iptables_ruleset = result["rulesets"][key], result["iptables_rulesets"].get(key, {})
                files.update(plan_files.host_files(host, backend, ruleset, iptables_ruleset))
        try:
            return plan_files.write_files(Path(result["directory"]), files)
        except OSError as error:
            raise AnsibleActionFail(f"can't write the plan: {error}") from error


@contextmanager
def failing_on(problems: Problems) -> Iterator[Problems]:
    """Fail the task with every problem that was noted or raised inside."""
    try:
        yield problems
        problems.raise_if_any()
    except ModelError as error:
        raise AnsibleActionFail(str(error)) from error


def compiled(variables: FleetVariables, problems: Problems, detected: Mapping[str, object] | None = None) -> Fleet:
    """Return the fleet that the variables declare, with options that were found out.

    It has at least one host or class of pods, or else somebody is in for a surprise.
    """
    with failing_on(problems):
        declaration = with_detected(declare(variables.sources(), load_profile, problems), detected or {})
        fleet = build(declaration, variables.inventory(), look_up, datetime.date.today(), problems)
        if not fleet.classes and not fleet.resolved.model.pods:
            classes = [row.value for row in declaration.user.classes]
            hint = "is this the inventory (-i) that is meant, and are its group_vars beside it?"
            problems.add(Where("gatehouse_classes"), classes or None, "a class with a host of the inventory", hint)
    return fleet


def with_manifests(fleet: Fleet, problems: Problems) -> Manifests:
    """Return what stands once for a fleet."""
    with failing_on(problems):
        return manifests(fleet, problems)


def declared(variables: FleetVariables, problems: Problems) -> Model:
    """Return the model that the variables declare, without looking up any name of it."""
    with failing_on(problems):
        return read(declare(variables.sources(), load_profile, problems), problems)


class FleetVariables:
    """The variables of all groups and hosts of the inventory, as far as they concern the model.

    Read from the inventory itself and not from ``hostvars``, in which facts stand above what is declared. What is set
    above the inventory is read where it is set, too: by its value in one host's variables nobody could tell.
    """

    def __init__(self, task, task_vars, loader, templar, problems):
        """Take what an action plugin is given, and note what is set where it doesn't count."""
        self._task = task
        self._play = task.get_play()
        self._task_vars = task_vars
        self._this = task_vars["inventory_hostname"]
        self._play_hosts = sorted(task_vars["ansible_play_hosts_all"])
        self._hostvars = task_vars["hostvars"]
        self._manager = self._hostvars._variable_manager
        self.facts = Facts(self._manager)
        self._inventory = self._hostvars._inventory
        self._loader = loader
        self._templar = templar
        self._problems = problems
        self._of_task = {key: task_vars[key] for key in task_vars if key not in self.facts.of(self._this)}
        self._task_vars = self._in_play(self._this)
        self._of_group = {name: self._own_variables(group) for name, group in self._inventory.groups.items()}
        self._of_host = {name: self._own_variables(host) for name, host in self._inventory.hosts.items()}
        self._defaults = self._role_defaults()
        self._above = {**self._found_by_value(), **self._set_above()}
        self._note_wrong()
        self._note_facts()
        self._note_misplaced()
        self._note_included()
        note_hidden_files(self._loader, self._inventory._sources, self._inventory.groups, problems)

    def sources(self) -> list[Source]:
        """Return every place that sets a variable of the model; one above the inventory hides all places below it."""
        hosts = self._play_hosts
        below = list(self._inventory_sources())
        above = {key: value for key, value in self._above.items() if is_of_model(key)}
        declared = {key for _origin, raw, _members in below for key in raw}
        defaults = {key: self._defaults[key] for key in self._defaults.keys() - above.keys() - declared}
        sources = [
            Source("", self._templated("", above, hosts, self._in_play)),
            Source("role defaults", self._templated("role defaults", _of_model(defaults), hosts, self._in_play)),
        ]
        for origin, raw, members in below:
            visible = {key: value for key, value in _of_model(raw).items() if key not in above}
            sources.append(Source(origin, self._templated(origin, visible, members, self._anywhere)))
        return sources

    def inventory(self) -> Inventory:
        """Return the groups, and each host's own declared variables, read when they are asked for."""
        groups = {name: tuple(hosts) for name, hosts in self._task_vars["groups"].items()}
        return Inventory(groups, DeclaredVariables(self._declared, self._inventory.hosts))

    def backend(self, host: Host) -> str:
        """Return the backend that a role asks for on a host, or its template; it may be set above the inventory."""
        places = (self._manager.extra_vars, self._set_for(host.name), self._above)
        return next((found["gatehouse_backend"] for found in places if found.get("gatehouse_backend")), host.backend)

    def templated_backend(self, host: Host) -> str:
        """Return the backend of a host of the play."""
        raw = {"gatehouse_backend": self.backend(host)}
        return self._templated(f"host {host.name}", raw, [host.name], self._in_play)["gatehouse_backend"]

    def path(self, key: str) -> str | None:
        """Return the path on the controller that a variable has: one for all hosts, and no fact is asked for it."""
        raw = self._task_vars.get(key)
        if not raw:
            return None
        if key not in {**self._above, **self._set_for(self._this)}:
            self._one_value(Where(key), [(host, plain(self._in_inventory(host).get(key))) for host in self._play_hosts])
        return check_type_path(self._templated("", {key: raw}, self._play_hosts, self._in_play)[key])

    def _set_above(self) -> dict:
        """Return our variables of the play, the roles, the task with what includes it, and the command line."""
        role, chain = self._task._role, self._task.get_dep_chain()
        exported = [one.get_vars(include_params=False, only_exports=True) for one in self._play.roles if one.public]
        of_role = [role.get_vars(chain, include_params=True)] if role else []
        params = [role.get_role_params(chain)] if role else []
        of_task = [self._task.get_vars(), *params, self._task.get_include_params()]
        return _ours(self._play.get_vars(), *exported, *of_role, *of_task, self._manager.extra_vars)

    def _role_defaults(self) -> dict:
        role = self._task._role
        own = [role.get_default_vars(dep_chain=self._task.get_dep_chain())] if role else []
        return _ours(*(one.get_default_vars() for one in self._play.roles if one.public), *own)

    def _set_for(self, host: str) -> dict:
        """Return what tasks have set for one host: include_vars, and what counts more, set_fact and register."""
        return {**self._manager._vars_cache.get(host, {}), **self._manager._nonpersistent_fact_cache.get(host, {})}

    def _found_by_value(self) -> dict:
        """Return what neither the inventory nor a role's defaults say: vars_files or include_vars set it."""
        places = [self._defaults, *self._of_group.values(), *self._of_host.values()]
        this_hosts = self._set_for(self._this)
        return {
            key: value
            for key, value in self._task_vars.items()
            if is_of_model(key) or key in OWN_KEYS or (key == "gatehouse_backend" and key not in this_hosts)
            if value is not None and not any(raw.get(key) == value for raw in places)
        }

    def _note_wrong(self) -> None:
        """Note what no role could take, and what no host may choose, before any host is asked."""
        groups = {f"group {name}" if name != "all" else "": found for name, found in self._of_group.items()}
        hosts = {f"host {name}": found for name, found in self._of_host.items()}
        for place, found in [("", self._above), *groups.items(), *hosts.items()]:
            note_wrong(place, found, self._templar.is_template, self._problems)
        note_chosen_by_hosts(hosts, self._above, self._problems)

    def _note_facts(self) -> None:
        """Note what set_fact has set as if it were part of the model: it would be ignored."""
        facts = self._manager._nonpersistent_fact_cache
        for key in (*MODEL_KEYS, *OWN_KEYS):
            host = next((host for host in sorted(facts) if key in facts[host]), None)
            if host:
                self._problems.add(Where(key, f"a fact of {host}"), plain(facts[host][key]), NOT_A_FACT)

    def _note_misplaced(self) -> None:
        """Note a host's own variables that stand outside the inventory: they would be ignored, too."""
        included = {f"include_vars for {host}": found for host, found in sorted(self._manager._vars_cache.items())}
        places = {"in a role's defaults": self._defaults, **included, "of a play, role or task": self._above}
        facts = {key for found in self._manager._nonpersistent_fact_cache.values() for key in found}
        for key in OWN_KEYS:
            place = next((place for place, found in places.items() if found.get(key) not in _NOTHING), None)
            if place and key not in self._manager.extra_vars and key not in facts:
                self._problems.add(Where(key, place), plain(places[place][key]), OF_THE_INVENTORY)

    def _note_included(self) -> None:
        """Note what include_vars has set for one host of the play in another way than for another."""
        included = self._manager._vars_cache
        for key in sorted({key for found in included.values() for key in found} & {*MODEL_KEYS}):
            answers = [(host, plain(included.get(host, {}).get(key))) for host in self._play_hosts]
            self._one_value(Where(key), answers)

    def _one_value(self, where: Where, answers: list[tuple[str, object]]) -> object:
        """Return the value that all these hosts have, or the first one's and note the problem."""
        first, value = answers[0]
        other = next(((host, its) for host, its in answers if its != value), None)
        if other:
            place, got, firsts = difference(where, other[1], value)
            expected = f"one value for the whole fleet: this is what {other[0]} gets, and {first} gets {quoted(firsts)}"
            self._problems.add(place, got, expected)
        return value

    def _inventory_sources(self) -> Iterator[tuple[str, dict, list[str]]]:
        groups = sorted(self._inventory.groups.values(), key=lambda group: (group.depth, group.name))
        for group in groups:
            origin = "" if group.name == "all" else f"group {group.name}"
            yield origin, self._of_group[group.name], sorted(host.name for host in group.get_hosts())
        for name, variables in sorted(self._of_host.items()):
            yield f"host {name}", variables, [name]

    def _own_variables(self, entity) -> dict:
        paths = get_vars_from_inventory_sources(self._loader, self._inventory._sources, [entity], "all")
        beside_playbook = get_vars_from_path(self._loader, self._loader.get_basedir(), [entity], "all")
        merged = combine_vars(combine_vars(entity.get_vars(), paths), beside_playbook)
        return {key: value for key, value in merged.items() if key.startswith(PREFIX) or key in HOST_KEYS}

    def _declared(self, name: str) -> dict[str, object]:
        """Return a host's declared variables; of several groups, the one that Ansible ranks highest counts."""
        found = {**self._in_inventory(name), **self._manager.extra_vars}
        declared = {key: found[key] for key in HOST_KEYS if key in found}
        return self._templated(f"host {name}", declared, [name], self._anywhere)

    def _in_inventory(self, name: str) -> dict[str, object]:
        groups = self._inventory.hosts[name].get_groups() if name in self._inventory.hosts else []  # localhost, maybe
        places = [*(self._of_group[group.name] for group in sort_groups(groups)), self._of_host.get(name, {})]
        return {key: value for found in places for key, value in found.items()}

    def _anywhere(self, host: str) -> Mapping[str, object]:
        """Return all variables of a host, of the play or not."""
        return self.facts.below(host, self._hostvars.raw_get)

    def _in_play(self, host: str) -> Mapping[str, object]:
        """Return all variables of a host in this task; those of a loop are the same for all hosts."""
        known = self._task_vars
        hosts = {"_hosts": known["ansible_play_batch"], "_hosts_all": known["ansible_play_hosts_all"]}

        def read(name: str) -> Mapping[str, object]:
            return self._manager.get_vars(self._play, self._inventory.get_host(name), self._task, **hosts)

        is_known = host == self._this and not self.facts.of(host)
        return known if is_known else {**self._of_task, **self.facts.below(host, read)}

    def _templated(self, origin: str, raw: Mapping[str, object], hosts: list[str], read: Read) -> dict[str, object]:
        """Return what the raw values say for these hosts, which must be the same for each."""
        try:
            templates = {key: value for key, value in raw.items() if self._templar.is_template(value)}
            found = {key: plain(value) for key, value in raw.items() if key not in templates}
            answers: dict[str, list[tuple[str, object]]] = {key: [] for key in templates}
            for host, variables in distinct(templates, hosts or [self._this], read if hosts else self._in_play):
                templar = self._templar.copy_with_new_env(available_variables=variables)
                for key, value in plain(templar.template(templates)).items():
                    answers[key].append((host, value))
        except AnsibleError as error:
            where = f" ({origin})" if origin else ""
            raise AnsibleActionFail(f"The model{where} has a template that fails: {error}") from error
        return {**found, **{key: self._one_value(Where(key, origin), answers[key]) for key in answers}}


def _ours(*sets: Mapping[str, object]) -> dict[str, object]:
    """Return our own variables of several sets, of which the last counts most."""
    ours = ({key: value for key, value in found.items() if key.startswith(PREFIX)} for found in sets)
    return reduce(combine_vars, ours, {})


def _of_model(variables: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in variables.items() if is_of_model(key)}
