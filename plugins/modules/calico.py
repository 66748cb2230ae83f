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
  - Compares the objects with those that are there, and applies what differs in an order in which no host endpoint is
    ever without its policies - sets, policies, failsafes, host endpoints; and the other way round for what is no longer
    wanted.
  - Checks the objects first, by the rules of Calico's own validation; where one is broken, nothing is sent.
  - Works out each batch from what is there right before it, and reads it back. What others write meanwhile is not
    overwritten. Where a batch fails, the message says what is in force by then.
  - Deletes nothing but objects with the label C(app.kubernetes.io/managed-by=gatehouse). Of a node's FelixConfiguration
    it changes the failsafe ports alone, and puts them back when they are no longer wanted.
  - Values that a server fills into a node's FelixConfiguration are the cluster's, so that they don't beat those.
options:
  objects:
    description: The objects, as RV(gatehouse.firewall.compile#module:manifests) has them.
    type: list
    elements: dict
    default: []
  state:
    description: Whether the objects are to be there; with V(absent), all of ours go.
    type: str
    choices: [present, absent]
    default: present
  via:
    description:
      - V(calicoctl) runs C(calicoctl) where the task runs, for either datastore.
      - V(kubernetes) asks the Kubernetes API, where it serves C(projectcalico.org/v3). Needs the collection
        C(kubernetes.core).
      - Calico's own storage, C(crd.projectcalico.org), is never written.
    type: str
    choices: [calicoctl, kubernetes]
    default: calicoctl
  calicoctl:
    description: The program, for O(via=calicoctl).
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
