# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's questions as filters: each takes a model as plain data, and reaches nothing but its arguments."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils import _pipeline as pipeline
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws import groups as security_group
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes import network_policies as network_policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.declaration import (
    HOST_KEYS,
    LISTS,
    PREFIX,
    VALUES,
    Source,
    declare,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.sources import load_profile, look_up
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.flow_tables import FORMS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy import flow_matrix as query
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data, to_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Inventory
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import (
    ModelError,
    Problems,
    Where,
    near_miss,
    one_of,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.ask import explained
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.endpoints import Ends
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.explain import as_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.model_diff import changes

_TEXT = (str, "a text")
_MAPPING = (Mapping, "a mapping")
_EXPECTED = {
    "model": (Mapping, "a mapping of gatehouse_* variables"),
    "other": (Mapping, "a mapping of gatehouse_* variables"),
    "node_class": _TEXT,
    "direction": _TEXT,
    "peer": _TEXT,
    "host": _TEXT,
    "sender": _TEXT,
    "receiver": _TEXT,
    "port": _TEXT,
    "form": _TEXT,
    "objects": ((list, tuple, Mapping), "Calico's objects, in a list"),
    "groups": _MAPPING,
    "hostvars": _MAPPING,
}


def port_set(model, node_class, direction, peer):
    """Return the ports on which a class accepts from, or may reach, a peer: merged and sorted."""
    return query.port_set(_read(model), node_class, direction, peer, datetime.date.today()).texts()


def flow_matrix(model):
    """Return who may reach whom, one row for each pair of classes and zones."""
    return [
        {
            "from": cell.sender,
            "to": cell.receiver,
            "end": cell.end,
            "ports": cell.ports.texts(),
            "flows": list(cell.flows),
            "at": list(cell.at),
        }
        for cell in query.flow_matrix(_read(model), datetime.date.today())
    ]


def flow_table(model, form="markdown"):
    """Return who may reach whom, as a text for people."""
    if form not in FORMS:
        raise AnsibleFilterError(f"flow_table: form: got {form}, expected {one_of(FORMS)}")
    found = _read(model)
    return FORMS[form](query.flow_matrix(found, datetime.date.today()), found)


def host_policy(model, host, groups, hostvars):
    """Return the compiled policy of one host as data."""
    fleet = compiled(model, groups, hostvars)
    if host not in fleet.classes:
        raise AnsibleFilterError(f"host_policy: {host} is in no node class that has managed hosts")
    return to_data(fleet.policy_of(host))


def explain(model, sender, receiver, port, groups, hostvars):
    """Return why packets from one end to a port of the other pass or don't, as data."""
    return as_data(_explanation(model, sender, receiver, port, groups, hostvars))


def model_difference(model, other, groups, hostvars):
    """Return what another model opens and closes, by class and direction."""
    fleets = [compiled(one, groups, hostvars) for one in (model, other)]
    return [one.as_data() for one in changes(*fleets)]


def reachable(model, sender, receiver, port, groups, hostvars):
    """Return whether all packets from one end to a port of the other pass."""
    return _explanation(model, sender, receiver, port, groups, hostvars).allowed


def to_nftables(policy):
    """Return a host's policy as an nftables ruleset."""
    return nftables.render(from_data(plain(policy)))


def to_iptables(policy):
    """Return a host's policy as the files that ipset and iptables-restore load."""
    return iptables.render(from_data(plain(policy)))


def to_security_group(model, groups, hostvars):
    """Return the security groups of a model, each as the arguments of amazon.aws.ec2_security_group."""
    return [security_group.to_data(group) for group in security_group.render(compiled(model, groups, hostvars))]


def to_network_policy(model, groups, hostvars):
    """Return a model's NetworkPolicies as plain data."""
    return network_policy.render(compiled(model, groups, hostvars))


class FilterModule:
    """Make the filters known to Ansible."""

    def filters(self):
        """Return the filters by name."""
        functions = (
            *(explain, flow_matrix, flow_table, host_policy, model_difference, port_set),
            *(to_iptables, to_network_policy, to_nftables, to_security_group),
        )
        return {function.__name__: with_plain_errors(function) for function in functions}


def with_plain_errors(function):
    """Return a function whose errors name it and its argument."""

    def filter_with_plain_errors(*arguments, **keywords):
        name = function.__name__
        try:
            bound = inspect.signature(function).bind(*arguments, **keywords)
        except TypeError as error:
            raise AnsibleFilterError(f"{name}: {error}") from error
        for argument, value in bound.arguments.items():
            kind, words = _EXPECTED.get(argument, (object, ""))
            if not isinstance(value, kind):
                raise AnsibleFilterError(f"{name}: {argument}: got {type(value).__name__}, expected {words}")
        try:
            return function(*arguments, **keywords)
        except ModelError as error:
            raise AnsibleFilterError(f"{name}: {error}") from error

    return filter_with_plain_errors


def _explanation(model, sender, receiver, port, groups, hostvars):
    ends, problems = _ends(model, groups, hostvars, (sender, receiver)), Problems()
    return explained(ends, sender, receiver, port, problems)


def compiled(model, groups, hostvars):
    """Return the fleet that a model makes of an inventory."""
    return _ends(model, groups, hostvars).fleet


def _ends(model, groups, hostvars, also=()):
    members, problems = {name: tuple(hosts) for name, hosts in groups.items()}, Problems()
    declaration = _declare(model, problems)
    found = pipeline.read(declaration, problems)
    needed = pipeline.hosts_to_read(declaration, found, members, also)
    inventory = Inventory(members, {host: _declared(hostvars[host]) for host in needed})
    fleet = pipeline.compile_model(declaration, found, inventory, look_up, datetime.date.today(), problems)
    return Ends(fleet, inventory, look_up)


def _declared(variables):
    return {key: plain(variables[key]) for key in HOST_KEYS if key in variables}


def _read(model):
    problems = Problems()
    found = pipeline.read(_declare(model, problems), problems)
    problems.raise_if_any()
    return found


def _declare(model, problems):
    """Take all variables of a play, of which those with our prefix count, or a mapping that has the keys without it."""
    written = {str(key): model[key] for key in model}
    prefixed = {key: plain(value) for key, value in written.items() if key.startswith(PREFIX)}
    if not prefixed:
        known = (*LISTS, *VALUES)
        for key in written.keys() - set(known):
            problems.add(Where(key), written[key], f"no such key, but {one_of(known)}", near_miss(key, known))
    short = {f"{PREFIX}{key}": plain(value) for key, value in written.items() if key in (*LISTS, *VALUES)}
    return declare([Source("", prefixed or short)], load_profile, problems)
