#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Compare the results of probes with the model, on the controller
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Also sends probes from the controller, if the controller itself has the address that the hosts know it by.
  - Shows a table of expected and actual results by pair of node classes, and each disagreement with both ends and the
    model's answer, stage by stage. Fails if there is one.
  - Inconclusive results are counted and shown, with their reasons, and are no failure.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
options:
  probes:
    description: The probes, as M(gatehouse.firewall.probes_info) returns them.
    type: dict
    required: true
  registered:
    description: The name of the variable in which each host's M(gatehouse.firewall.probe) was registered.
    type: str
    default: _gatehouse_probed
  controller:
    description: Whether the controller sends probes, too.
    type: bool
    default: true
  max:
    description: The number of probes in all; the controller sends those that the hosts have left.
    type: int
    default: 1000
  seed:
    description: As for M(gatehouse.firewall.probes_info).
    type: str
    default: "1"
  seconds:
    description: After so many seconds, the controller sends no more probes.
    type: int
    default: 60
attributes:
  check_mode:
    description: Sends nothing, and shows nothing.
    support: full
seealso:
  - module: gatehouse.firewall.probes_info
  - module: gatehouse.firewall.probe
  - module: gatehouse.firewall.explain_info
"""

EXAMPLES = r"""
- name: Compare
  gatehouse.firewall.verify:
    probes: "{{ chosen.probes }}"
    registered: seen
  run_once: true
"""

RETURN = r"""
asked:
  description: How many packets were to be sent.
  returned: always
  type: int
  sample: 372
inconclusive:
  description: How many of them have shown nothing.
  returned: always
  type: int
  sample: 4
disagreements:
  description: Each packet that did another thing than the model says, in words.
  returned: always
  type: list
  elements: str
  sample: ["office (203.0.113.70) -> app1 (203.0.113.66), 23/tcp: it passed (refused), and the model denies it"]
"""
