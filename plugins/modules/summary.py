#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: summary
short_description: Show the outcome of a change of the fleet, by node classes
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Shows a table of what M(gatehouse.firewall.ruleset) returned on all hosts so far, and names the hosts that were not
    reached, that failed, and that were left out.
  - Returns as RV(stop) whether a host could not be brought to the model, so that later batches can be left alone. It
    doesn't fail itself, because it would fail on a host that was not changed. Run it once per batch.
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
      - A directory on the controller that gets C(plan.json), which has what each host lets through now and afterwards,
        as in the C(diff) of its result. M(gatehouse.firewall.ruleset) takes it as
        O(gatehouse.firewall.ruleset#module:plan).
    type: path
  stopped:
    description:
      - The name of an inventory group that is created if RV(stop) is true, with the host that could not be changed. End
        the play in later batches if there is such a group.
    type: str
  fail_on_change:
    description: Fail if a host has changed or would change, for a job that checks for that.
    type: bool
    default: false
    version_added: 1.0.0
  dry_run:
    description: The results are those of a dry run, so hosts I(would) change. Always true in check mode.
    type: bool
    default: false
    version_added: 1.0.0
  since:
    description: When the run began, in seconds since 1970, to show how long it has taken so far.
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
  description: >-
    The outcome for the hosts of each combination of node classes (C(db+web)), as numbers of hosts, the largest first.
  returned: success
  type: dict
  sample: {nomad_client: {hosts: 2, flows: 6, unchanged: 1, changed: 1, confirmed: 1, rolled_back: 0, failed: 0}}
stop:
  description: Whether a host failed or rolled back to its previous ruleset.
  returned: success
  type: bool
"""
