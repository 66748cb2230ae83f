#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_info
short_description: Compile the model into Kubernetes NetworkPolicies, and compare them with a cluster's
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Compiles the C(gatehouse_*) variables as M(gatehouse.firewall.compile) does, and returns the NetworkPolicies of the
    classes that are pods. It runs on the controller, and connects to no cluster. Run it once per play (C(run_once)).
  - With O(live), reports how a cluster's policies differ from the model's.
  - The role C(gatehouse.firewall.network_policy) asks the cluster, and applies, audits and removes the policies.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.reads_only
options:
  endpoints:
    description:
      - The Endpoints C(kubernetes) of namespace C(default), as M(kubernetes.core.k8s_info) returns it in C(resources).
      - They have the address of the API server, if the model does not set it (RV(undetected)).
    type: list
    elements: dict
  live:
    description: The NetworkPolicies of RV(namespaces), as M(kubernetes.core.k8s_info) returns them in C(resources).
    type: list
    elements: dict
  resolve:
    description:
      - Whether to look up the names of the model, and compile it.
      - Without it, only RV(namespaces) and RV(ours) are returned, so that a removal does not need a name server.
    type: bool
    default: true
attributes:
  diff_mode:
    description: RV(findings) has the differences.
    support: none
seealso:
  - module: gatehouse.firewall.compile
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Compile the model
  gatehouse.firewall.network_policy_info:
  run_once: true
  register: policies

- name: Apply its policies
  kubernetes.core.k8s:
    definition: "{{ item }}"
    force: true
  loop: "{{ policies.objects }}"
  run_once: true
"""

RETURN = r"""
objects:
  description: The NetworkPolicies, in the order of the model's classes.
  returned: when O(resolve) is true
  type: list
  elements: dict
namespaces:
  description: The namespaces of the model's pods.
  returned: success
  type: list
  elements: str
  sample: [keptn-jes]
undetected:
  description: The options that are not set, and that O(endpoints) would supply.
  returned: when O(resolve) is true
  type: list
  elements: str
  sample: [api_server_cidr, api_server_port]
ours:
  description: The policies of O(live) with our label, by C(name) and C(namespace).
  returned: when O(live) is given
  type: list
  elements: dict
surplus:
  description: The policies of RV(ours) that the model no longer has.
  returned: when O(live) is given
  type: list
  elements: dict
foreign:
  description: The policies of O(live) that have the name of one of the model's, and are not ours.
  returned: when O(live) is given
  type: list
  elements: dict
findings:
  description: Each difference between O(live) and the model, by C(kind), C(text) and C(flow).
  returned: when O(live) is given
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    lists = {name: {"type": "list", "elements": "dict"} for name in ("endpoints", "live")}
    module = AnsibleModule({**lists, "resolve": {"type": "bool", "default": True}}, supports_check_mode=True)
    module.fail_json(msg="this module works through its action plugin, which was not found: check the collection")


if __name__ == "__main__":
    main()
