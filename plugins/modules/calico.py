#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: calico
short_description: Bring Calico's datastore to the fleet's objects
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Compares the objects with the datastore's, and applies the differences in an order in which no host endpoint is ever
    without its policies - sets, policies, failsafe ports, host endpoints. Objects that are no longer in the model are
    deleted in reverse order.
  - Checks the objects first, by the rules of Calico's own validation. If one is invalid, nothing is sent.
  - Compares each batch with the datastore right before it is written, and reads it back. Changes by another client in
    between are not overwritten. If a batch fails, the message says what is in force.
  - Deletes only objects with the label C(app.kubernetes.io/managed-by=gatehouse). Of a node's FelixConfiguration it
    changes only the failsafe ports, and restores them when they are no longer in the model.
  - Values that a server fills into a node's FelixConfiguration are set to the cluster's, so that they don't override
    these.
options:
  objects:
    description: The objects, as RV(gatehouse.firewall.compile#module:manifests) has them.
    type: list
    elements: dict
    default: []
  state:
    description: V(present) applies the objects; V(absent) deletes all of ours.
    type: str
    choices: [present, absent]
    default: present
  via:
    description:
      - V(calicoctl) runs C(calicoctl) where the task runs, for either datastore.
      - V(kubernetes) uses the Kubernetes API, if it serves C(projectcalico.org/v3). Needs the collection
        C(kubernetes.core).
      - Calico's own storage, C(crd.projectcalico.org), is never written.
    type: str
    choices: [calicoctl, kubernetes]
    default: calicoctl
  calicoctl:
    description: The name or path of the program, for O(via=calicoctl).
    type: str
    default: calicoctl
  connection:
    description: More options of C(kubernetes.core.k8s), such as C(kubeconfig) and C(context), for O(via=kubernetes).
    type: dict
    default: {}
attributes:
  check_mode:
    description: Says what would be done.
    support: full
  diff_mode:
    description: Shows each object before and after; rules name their flows.
    support: full
seealso:
  - module: gatehouse.firewall.compile
  - module: gatehouse.firewall.calicoctl
"""

EXAMPLES = r"""
- name: Compile the model
  gatehouse.firewall.compile:
  run_once: true
  register: compiled

- name: Bring Calico to it
  gatehouse.firewall.calico:
    objects: "{{ compiled.manifests.calico }}"
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
steps:
  description: What was done, or would be, in its order.
  returned: success
  type: list
  elements: str
  sample: ["GlobalNetworkPolicy gatehouse-k8s-node-public-ingress: created"]
"""
