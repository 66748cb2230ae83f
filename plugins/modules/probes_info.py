#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probes_info
short_description: Choose the probes that test the hosts of a fleet, on the controller
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - For each ordered pair of node classes, chooses the first and the last port of each flow as allowed and the ports
    just outside as denied, by the model of both ends, for both families, TCP and UDP. The probes of a pair of classes
    go to different hosts in turn, never to each pair of hosts.
  - Only hosts of O(hosts) are at either end, by their declared addresses. No zone and no third party ever gets a probe.
  - Connects to no host. Run it once per play (C(run_once)).
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
options:
  hosts:
    description: The hosts of the run. Those in no node class are left out.
    type: list
    elements: str
    required: true
  max:
    description: The number of probes in all, spread evenly over the pairs of classes. A tenth is for the controller.
    type: int
    default: 1000
  seed:
    description: >-
      Chooses the ports beyond the flows' own, and the hosts that go first. The same seed chooses the same ones.
    type: str
    default: "1"
attributes:
  check_mode:
    description: Says how many probes there would be.
    support: full
seealso:
  - module: gatehouse.firewall.probe
  - module: gatehouse.firewall.verify
"""

EXAMPLES = r"""
- name: Choose the probes
  gatehouse.firewall.probes_info:
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  register: chosen
"""

RETURN = r"""
probes:
  description: >-
    The probes of each managed host, with C(allowed) as the model says; an empty list if it sends none. Several classes
    of an end are joined, as in C(db+web).
  returned: success
  type: dict
  sample:
    nomad1:
      - {sender: nomad1, sender_class: nomad_client, source: 198.51.100.21, receiver: vm1, receiver_class: external_vm,
         target: 198.51.100.31, protocol: tcp, port: 2376, allowed: true, redirected: false}
count:
  description: How many probes there are.
  returned: success
  type: int
  sample: 340
"""
