#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Hold what packets have shown to what the model says, on the controller
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Asks the hosts from the controller, too, by the address that they know it by, where it has that address itself.
  - Shows a table of expected against seen by pair of node classes, and each disagreement with both ends and what the
    model says of it, stage by stage. Fails where there is one.
  - What can't be told is counted and said, with its reason, and is no failure.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
options:
  probes:
    description: What was asked, as M(gatehouse.firewall.probes_info) returns it.
    type: dict
    required: true
  registered:
    description: The name of the variable in which each host's M(gatehouse.firewall.probe) was registered.
    type: str
    default: _gatehouse_probed
  controller:
    description: Whether to ask from the controller as well.
    type: bool
    default: true
  max:
    description: The number of probes in all; the controller asks what the hosts have left of it.
    type: int
    default: 1000
  seed:
    description: As for M(gatehouse.firewall.probes_info).
    type: str
    default: "1"
  seconds:
    description: After so many seconds, the controller asks no more.
    type: int
    default: 60
attributes:
  check_mode:
    description: Asks nothing, and shows nothing.
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
