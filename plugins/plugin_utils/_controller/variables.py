# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the inventory, plays, roles and the command line say of the model: Ansible's variables, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.inventory.helpers import sort_groups
from ansible.module_utils.common.validation import check_type_path
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path

from .._model.arguments import note_wrong
from .._model.declaration import HOST_KEYS, OWN_KEYS, PREFIX, Source, is_declared, is_of_model
from .._model.model_files import KEY as FILES
from .._policy.resolve import Host, Inventory
from .._values.plain import plain
from .._values.problems import Problems, Where, quoted
from . import internals
from .facts import Facts, Read
from .group_files import note_hidden_files
from .role_lists import note_lists_of_roles
from .templates import difference, distinct

NOT_A_FACT = "it in the inventory, in a play's or role's vars or on the command line; a fact is one host's own"
OF_THE_INVENTORY = (
    "it in the inventory (group_vars, host_vars), where every host's addresses, interfaces and modes are read"
)
_PARSED = "a source that Ansible can parse: without it, its hosts would be missing in every host's ruleset"
_WITHOUT = "Ansible's warnings say what failed; take what is no inventory out of the folder, or from -i"
_NOTHING: tuple[object, ...] = (None, "", {})  # off is false, and says something
CONTROLLER_KEYS = {  # what the controller reads, writes and runs, and what holds for all hosts of a run
    "gatehouse_plan",
    "gatehouse_plan_dir",
    "gatehouse_report_dir",
    "gatehouse_calicoctl",
    "gatehouse_calico_delegate",
    "gatehouse_calico_environment",
    "gatehouse_calico_connection",
    "gatehouse_calico_via",
    "gatehouse_export",
    "gatehouse_accept_shrink",
    FILES,
}
_NOT_A_HOSTS = (
    "it in the variables of all hosts, of a play or on the command line: it is the controller's, and no host chooses it"
)


class FleetVariables:
    """The variables of all groups and hosts of the inventory, as far as they concern the model.

    Read from the inventory itself and not from ``hostvars``, in which facts stand above what is declared. What is set
    above the inventory is read where it is set, too: its value in one host's variables would not tell.
    """

    def __init__(self, task: Any, task_vars: Mapping[str, Any], loader: Any, templar: Any, problems: Problems) -> None:
        """Take what an action plugin is given."""
        self._task = task
        self._play = task.get_play()
        self._task_vars = task_vars
        self._this = task_vars["inventory_hostname"]
        self._play_hosts = sorted(task_vars["ansible_play_hosts_all"])
        self._hostvars = task_vars["hostvars"]
        self._manager = internals.variable_manager(self._hostvars)
        self.facts = Facts(self._manager)
        self._inventory = internals.inventory(self._hostvars)
        self._sources = internals.inventory_sources(self._inventory)
        self._loader = loader
        self._templar = templar
        self._problems = problems
        # Ansible ranks a host's facts above the inventory, and the model must not depend on what a host says of itself.
        # So this host's variables are read again without them.
        self._of_task = {key: task_vars[key] for key in task_vars if key not in self.facts.of(self._this)}
        self._task_vars = self._in_play(self._this)
        self._of_group = {name: self._own_variables(group) for name, group in self._inventory.groups.items()}
        self._of_host = {name: self._own_variables(host) for name, host in self._inventory.hosts.items()}
        self._defaults = self._role_defaults()
        self._above = {**self._found_by_value(), **self._set_above()}

    def note_problems(self) -> None:
        """Note what is set where it doesn't count, and what no role could take."""
        self._note_unparsed()
        self._note_wrong()
        self._note_facts()
        self._note_misplaced()
        self._note_included()
        note_lists_of_roles(self._play, self._task, self._task_vars, self._problems)
        note_hidden_files(self._loader, self._sources, self._inventory.groups, self._problems)

    def sources(self) -> list[Source]:
        """Return every place that sets a variable of the model; one above the inventory hides all places below it."""
        hosts = self._play_hosts
        below = list(self._inventory_sources())
        above = {key: value for key, value in self._above.items() if is_of_model(key)}
        declared = {key for _origin, raw, _members in below for key in raw}
        # Role defaults count least: any other place hides them.
        defaults = {key: self._defaults[key] for key in self._defaults.keys() - above.keys() - declared}
        sources = [
            self._source("", above, hosts, self._in_play),
            self._source("role defaults", _of_model(defaults), hosts, self._in_play),
        ]
        for origin, raw, members in below:
            visible = {key: value for key, value in _of_model(raw).items() if key not in above}
            sources.append(self._source(origin, visible, members, self._anywhere))
        return sources

    def _source(self, origin: str, raw: Mapping[str, object], hosts: list[str], read: Read) -> Source:
        return Source(origin, self._templated(origin, raw, hosts, read), self._folder(raw))

    def _folder(self, variables: Mapping[str, object]) -> Path | None:
        """Return the folder that paths of model files are relative to; of the command line, the working directory."""
        found = internals.folder_of(variables.get(FILES))
        return found or (Path.cwd() if FILES in self._manager.extra_vars else None)

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The inventory's groups, each with its hosts."""
        return {name: tuple(hosts) for name, hosts in self._task_vars["groups"].items()}

    @property
    def known(self) -> Mapping[str, object]:
        """The hosts of the inventory."""
        found: Mapping[str, object] = self._inventory.hosts
        return found

    def inventory(self, hosts: Iterable[str]) -> Inventory:
        """Return the groups, and the declared variables of these hosts."""
        return Inventory(self.groups, {host: self._declared(host) for host in hosts})

    def backend(self, host: Host) -> str:
        """Return the backend that a role asks for on a host, or its template; it may be set above the inventory."""
        places = (self._manager.extra_vars, self._set_for(host.name), self._above)
        return next((found["gatehouse_backend"] for found in places if found.get("gatehouse_backend")), host.backend)

    def templated_backend(self, host: Host) -> str:
        """Return the backend of a host of the play."""
        raw = {"gatehouse_backend": self.backend(host)}
        return str(self._templated(f"host {host.name}", raw, [host.name], self._in_play)["gatehouse_backend"])

    def path(self, key: str) -> str | None:
        """Return the path on the controller that a variable has, if any."""
        value = self.value(key)
        path: str | None = check_type_path(value) if value else None
        return path

    def value(self, key: str) -> object:
        """Return what a variable of the controller's has: one value for all hosts, and no fact is asked for it."""
        raw = self._task_vars.get(key)
        if not raw:
            return None
        # What the play or the command line sets is one value; the inventory may have another for each host.
        if key not in {**self._above, **self._set_for(self._this)}:
            self._one_value(Where(key), [(host, plain(self._in_inventory(host).get(key))) for host in self._play_hosts])
        return self._templated("", {key: raw}, self._play_hosts, self._in_play)[key]

    def _set_above(self) -> dict[str, Any]:
        """Return our variables of the play, the roles, the task with what includes it, and the command line."""
        role, chain = internals.role(self._task), self._task.get_dep_chain()
        # In Ansible's order of precedence: the play, roles that export theirs, this task's role and its parameters, and
        # the command line above all.
        exported = [one.get_vars(include_params=False, only_exports=True) for one in self._play.roles if one.public]
        of_role = [role.get_vars(chain, include_params=True)] if role else []
        params = [role.get_role_params(chain)] if role else []
        of_task = [self._task.get_vars(), *params, self._task.get_include_params()]
        return _ours(self._play.get_vars(), *exported, *of_role, *of_task, self._manager.extra_vars)

    def _role_defaults(self) -> dict[str, Any]:
        role = internals.role(self._task)
        own = [role.get_default_vars(dep_chain=self._task.get_dep_chain())] if role else []
        return _ours(*(one.get_default_vars() for one in self._play.roles if one.public), *own)

    def _set_for(self, host: str) -> dict[str, Any]:
        """Return what tasks have set for one host: include_vars, and what counts more, set_fact and register."""
        return {
            **internals.included_by_host(self._manager).get(host, {}),
            **internals.set_by_host(self._manager).get(host, {}),
        }

    def _found_by_value(self) -> dict[str, Any]:
        """Return what neither the inventory nor a role's defaults say: vars_files or include_vars set it."""
        # Ansible keeps no record of vars_files: what no known place has must be from there.
        places = [self._defaults, *self._of_group.values(), *self._of_host.values()]
        this_hosts = self._set_for(self._this)
        return {
            key: value
            for key, value in self._task_vars.items()
            if is_of_model(key) or key in OWN_KEYS or (key == "gatehouse_backend" and key not in this_hosts)
            if value is not None and not any(raw.get(key) == value for raw in places)
        }

    def _note_unparsed(self) -> None:
        """Note sources of the inventory that Ansible has left out with a warning: hosts may be missing."""
        for source in internals.unparsed_sources(self._inventory):
            self._problems.add(Where("inventory"), source, _PARSED, _WITHOUT)

    def _note_wrong(self) -> None:
        """Note what no role could take, and what no host may choose, before any host is asked."""
        groups = {f"group {name}" if name != "all" else "": found for name, found in self._of_group.items()}
        hosts = {f"host {name}": found for name, found in self._of_host.items()}
        for place, found in [("", self._above), *groups.items(), *hosts.items()]:
            note_wrong(place, found, self._templar.is_template, self._problems)
        note_chosen_by_hosts(hosts, self._above, self._problems)

    def _note_facts(self) -> None:
        """Note what set_fact has set as if it were part of the model: it would be ignored."""
        facts = internals.set_by_host(self._manager)
        known = {key for found in facts.values() for key in found if is_declared(key) or key in OWN_KEYS}
        for key in sorted(known):
            host = min(host for host in facts if key in facts[host])
            self._problems.add(Where(key, f"a fact of {host}"), plain(facts[host][key]), NOT_A_FACT)

    def _note_misplaced(self) -> None:
        """Note a host's own variables that stand outside the inventory: they would be ignored, too."""
        included = {
            f"include_vars for {host}": found
            for host, found in sorted(internals.included_by_host(self._manager).items())
        }
        places = {"in a role's defaults": self._defaults, **included, "of a play, role or task": self._above}
        facts = {key for found in internals.set_by_host(self._manager).values() for key in found}
        for key in OWN_KEYS:
            place = next((place for place, found in places.items() if found.get(key) not in _NOTHING), None)
            if place and key not in self._manager.extra_vars and key not in facts:
                self._problems.add(Where(key, place), plain(places[place][key]), OF_THE_INVENTORY)

    def _note_included(self) -> None:
        """Note what include_vars has set for one host of the play in another way than for another."""
        included = internals.included_by_host(self._manager)
        for key in sorted({key for found in included.values() for key in found if is_declared(key)}):
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

    def _inventory_sources(self) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        groups = sorted(self._inventory.groups.values(), key=lambda group: (group.depth, group.name))
        for group in groups:
            origin = "" if group.name == "all" else f"group {group.name}"
            yield origin, self._of_group[group.name], sorted(host.name for host in group.get_hosts())
        for name, variables in sorted(self._of_host.items()):
            yield f"host {name}", variables, [name]

    def _own_variables(self, entity: Any) -> dict[str, Any]:
        # Ansible reads group_vars and host_vars beside the inventory and beside the playbook; the latter count more.
        paths = get_vars_from_inventory_sources(self._loader, self._sources, [entity], "all")
        beside_playbook = get_vars_from_path(self._loader, self._loader.get_basedir(), [entity], "all")
        merged = combine_vars(combine_vars(entity.get_vars(), paths), beside_playbook)
        return {key: value for key, value in merged.items() if key.startswith(PREFIX) or key in HOST_KEYS}

    def _declared(self, name: str) -> dict[str, object]:
        """Return a host's declared variables; of several groups, the one that Ansible ranks highest counts."""
        # -e beats a host's own variables, too.
        found = {**self._in_inventory(name), **self._manager.extra_vars}
        declared = {key: found[key] for key in HOST_KEYS if key in found}
        return self._templated(f"host {name}", declared, [name], self._anywhere)

    def _in_inventory(self, name: str) -> dict[str, object]:
        # sort_groups is Ansible's own order: by depth, priority and name, and the last one counts.
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
            found: Mapping[str, object] = self._manager.get_vars(
                self._play, self._inventory.get_host(name), self._task, **hosts
            )
            return found

        is_known = host == self._this and not self.facts.of(host)
        return known if is_known else {**self._of_task, **self.facts.below(host, read)}

    def _templated(self, origin: str, raw: Mapping[str, object], hosts: list[str], read: Read) -> dict[str, object]:
        """Return what the raw values say for these hosts, which must be the same for each."""
        try:
            templates = {key: value for key, value in raw.items() if self._templar.is_template(value)}
            found = {key: plain(value) for key, value in raw.items() if key not in templates}
            answers: dict[str, list[tuple[str, object]]] = {key: [] for key in templates}
            # A group without hosts has no variables to be asked with: this host stands in for it.
            asked, read_of = (hosts, read) if hosts else ([self._this], self._in_play)
            for host, variables in distinct(templates, asked, read_of):
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


def note_chosen_by_hosts(
    hosts: Mapping[str, Mapping[str, object]], above: Mapping[str, object], problems: Problems
) -> None:
    """Note what a host's own variables say of what the controller reads, writes and runs; ``above`` hides them."""
    for place, variables in hosts.items():
        for key in sorted(CONTROLLER_KEYS & variables.keys() - above.keys()):
            problems.add(Where(key, place), plain(variables[key]), _NOT_A_HOSTS)
