# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's questions as filters: each takes a model as plain data, and reaches nothing but its arguments."""

from __future__ import annotations

import datetime

from ansible.errors import AnsibleFilterError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._aws import groups as security_group
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._controller.given_model import (
    compiled,
    explanation,
    read,
    with_plain_errors,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._kubernetes import network_policies as network_policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._page.flow_tables import FORMS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy import flow_matrix as query
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data, to_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.plain import plain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import one_of
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.explain import as_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.model_diff import changes


def port_set(model, node_class, direction, peer):
    """Return the ports on which a class accepts from, or may reach, a peer: merged and sorted."""
    return query.port_set(read(model), node_class, direction, peer, datetime.date.today()).texts()


def flow_matrix(model):
    """Return which traffic is allowed, one row for each pair of classes and zones."""
    return [
        {
            "from": cell.sender,
            "to": cell.receiver,
            "end": cell.end,
            "ports": cell.ports.texts(),
            "flows": list(cell.flows),
            "at": list(cell.at),
        }
        for cell in query.flow_matrix(read(model), datetime.date.today())
    ]


def flow_table(model, form="markdown"):
    """Return which traffic is allowed, as a text for people."""
    if form not in FORMS:
        raise AnsibleFilterError(f"flow_table: form: got {form}, expected {one_of(FORMS)}")
    found = read(model)
    return FORMS[form](query.flow_matrix(found, datetime.date.today()), found)


def host_policy(model, host, groups, hostvars):
    """Return the compiled policy of one host as data."""
    fleet = compiled(model, groups, hostvars)
    if host not in fleet.sets:
        raise AnsibleFilterError(f"host_policy: {host} is in no node class that has managed hosts")
    return to_data(fleet.policy_of(host))


def explain(model, sender, receiver, port, groups, hostvars):
    """Return why packets from one end to a port of the other pass or don't, as data."""
    return as_data(explanation(model, sender, receiver, port, groups, hostvars))


def model_difference(model, other, groups, hostvars):
    """Return what another model opens and closes, by class and direction."""
    fleets = [compiled(one, groups, hostvars) for one in (model, other)]
    return [one.as_data() for one in changes(*fleets)]


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
            explain,
            flow_matrix,
            flow_table,
            host_policy,
            model_difference,
            port_set,
            to_iptables,
            to_network_policy,
            to_nftables,
            to_security_group,
        )
        return {function.__name__: with_plain_errors(function) for function in functions}
