#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compile
short_description: Compile the fleet's model into rulesets, on the controller
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Reads the model from the C(gatehouse_*) variables of all groups, hosts and plays, compiles one policy for each node
    class and renders it. Run it once per play (C(run_once)); it connects to no host.
  - Lists of several groups merge. A variable that is set above the inventory (in a play, a role, on the command line)
    replaces what the inventory says.
  - Peers' addresses come from the inventory's declared variables, never from facts, so C(--limit) changes no ruleset.
  - If the model is wrong, fails with one line per problem, and writes nothing.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.compiles
options:
  directory:
    description:
      - A directory on the controller that gets C(<inventory_hostname>.nft) for each managed host of O(hosts).
      - Where C(gatehouse_backend) is V(iptables), C(<inventory_hostname>.ipset), C(<inventory_hostname>.rules.v4) and
        C(<inventory_hostname>.rules.v6) instead.
      - Once for the fleet, C(calico.yml), where C(gatehouse_calico) names classes.
      - Where the model has security groups, C(security_groups.yml), once for the fleet, with a document for each.
      - Where the model has pods with a namespace, C(network_policy.yml) has their NetworkPolicies.
    type: path
  directory_of:
    description:
      - In place of O(directory), the name of the variable that has the path, such as C(gatehouse_plan_dir). If it isn't
        set, nothing is written.
      - The path is then the same for all hosts; no fact or host variable can set it.
    type: str
  hosts:
    description: The hosts of this run. A warning names those that are in no node class.
    type: list
    elements: str
    default: []
attributes:
  diff_mode:
    description: Has nothing to show; M(gatehouse.firewall.ruleset) shows what changes on a host.
    support: none
seealso:
  - module: gatehouse.firewall.ruleset
"""

EXAMPLES = r"""
- name: Compile the model
  gatehouse.firewall.compile:
  run_once: true
  register: compiled

- name: Apply it
  gatehouse.firewall.ruleset:
    ruleset: "{{ compiled.rulesets[compiled.hosts[inventory_hostname]] }}"
    policy: "{{ compiled.policies[compiled.hosts[inventory_hostname]] }}"
  when: inventory_hostname in compiled.hosts
"""

RETURN = r"""
rulesets:
  description: The rendered rulesets for nftables by key; hosts of a class share one if nothing differs.
  returned: success
  type: dict
iptables_rulesets:
  description: The same for iptables, by the keys of all hosts whose C(gatehouse_backend) is not plainly V(nftables).
  returned: success
  type: dict
policies:
  description: The policies that the rulesets were rendered from, as JSON, by the same keys.
  returned: success
  type: dict
hosts:
  description: The key in RV(rulesets) and RV(iptables_rulesets) of each managed host of the inventory.
  returned: success
  type: dict
  sample: {nomad1: nomad_client}
compiled_at:
  description: When the model was compiled, in seconds since 1970.
  returned: success
  type: float
  sample: 1798761600.0
manifests:
  description: >-
    Objects for the whole fleet, by the name of what enforces them: C(calico) has Calico's objects, if
    C(gatehouse_calico) names classes.
  returned: success
  type: dict
flows:
  description: The number of flows of each set of node classes that hosts have, by their names (C(db+web)).
  returned: success
  type: dict
  sample: {nomad_client: 7}
canaries:
  description: >-
    Few hosts of O(hosts) that together have every node class and every backend, to be changed before the others.
  returned: success
  type: list
  elements: str
  sample: [k8s1, nomad1]
classes:
  description: The node classes of each managed host of the inventory, sorted.
  returned: success
  type: dict
  sample: {nomad1: [monitored, nomad_client]}
addresses:
  description: The declared addresses of each managed host of the inventory, by side.
  returned: success
  type: dict
  sample: {nomad1: {private: [198.51.100.21], public: [203.0.113.221]}}
interfaces:
  description: The declared interfaces of each managed host that has any, by side.
  returned: success
  type: dict
  sample: {nomad1: {private: [eth0], public: [eth1]}}
declared:
  description: >-
    What the model declares about a host that only the host can check, for M(gatehouse.firewall.ruleset) and
    M(gatehouse.firewall.ruleset_info), by the same keys as RV(policies).
  returned: success
  type: dict
directory:
  description: Where files were written, or would be.
  returned: with O(directory) or O(directory_of)
  type: str
plan:
  description: The path that C(gatehouse_plan) has, one for all hosts.
  returned: where it is set
  type: str
hosts_with_facts:
  description:
    - The hosts of the play with facts that are named like our variables, and these facts. They are not read, and no
      file is written for these hosts.
  returned: success
  type: dict
  sample: {nomad1: [gatehouse_takeover]}
accept_shrink:
  description: The classes and zones that may lose any of their addresses, C(gatehouse_accept_shrink).
  returned: success
  type: list
  elements: str
  sample: [web]
same_as:
  description: The class that each class with C(same_as) names.
  returned: success
  type: dict
  sample: {eks_node: k8s_node}
"""
