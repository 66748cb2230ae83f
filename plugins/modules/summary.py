#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: summary
short_description: Say how a change of the fleet went, by node classes
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Shows a table of what M(gatehouse.firewall.ruleset) returned on all hosts so far, and names the hosts that were not
    reached, that failed, and that were left out.
  - Says, as RV(stop), whether a host could not be brought to the model, so that the batches after it can be left alone.
    It doesn't fail, because it would fail on a host to which nothing has happened. Run it once per batch.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
options:
  classes:
    description: The node classes of each managed host, as M(gatehouse.firewall.compile) returns it.
    type: dict
    required: true
  flows:
    description: The number of flows of each set of node classes, as M(gatehouse.firewall.compile) returns it.
    type: dict
    required: true
  registered:
    description: The name of the variable in which each host's result was registered.
    type: str
    default: _gatehouse_applied
  directory:
    description:
      - A directory on the controller that gets C(plan.json), in which each host has what it lets through and what it
        would, as its result's C(diff) has it. M(gatehouse.firewall.ruleset) takes it as
        O(gatehouse.firewall.ruleset#module:plan).
    type: path
  stopped:
    description:
      - The name of a group of the inventory that is made where RV(stop), with the host that could not be changed. Have
        the batches after it end the play where there is such a group.
    type: str
  fail_on_change:
    description: Fail where a host has changed or would change, for a job that is to find that out.
    type: bool
    default: false
    version_added: 1.0.0
  dry_run:
    description: The results are those of a dry run, so that a host I(would) change. So it is in check mode.
    type: bool
    default: false
    version_added: 1.0.0
  since:
    description: When the run began, in seconds since 1970, to say how long it has taken so far.
    type: float
    version_added: 1.0.0
attributes:
  check_mode:
    description: Shows what would have changed.
    support: full
seealso:
  - module: gatehouse.firewall.ruleset
"""

EXAMPLES = r"""
- name: Sum up
  gatehouse.firewall.summary:
    classes: "{{ compiled.classes }}"
    flows: "{{ compiled.flows }}"
    registered: applied
    stopped: stopped
  changed_when: false
  run_once: true
"""

RETURN = r"""
classes:
  description: What became of the hosts of each set of node classes (C(db+web)), as numbers of hosts, the largest first.
  returned: success
  type: dict
  sample: {nomad_client: {hosts: 2, flows: 6, unchanged: 1, changed: 1, confirmed: 1, rolled_back: 0, failed: 0}}
stop:
  description: Whether a host failed or has gone back to its previous ruleset.
  returned: success
  type: bool
"""
