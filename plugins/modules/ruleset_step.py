#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ruleset_step
short_description: Execute one step of a change, for the action plugin of ruleset
version_added: 1.0.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Private to the collection, and its options may change in any release. Use M(gatehouse.firewall.ruleset), which
    executes these steps in a safe order.
extends_documentation_fragment:
  - gatehouse.firewall.ruleset
  - gatehouse.firewall.ruleset.declared
  - gatehouse.firewall.ruleset.rollback_timeout
options:
  step:
    description:
      - V(look) compares the host with the ruleset, and starts connection tracking where a first one will follow.
      - V(start_tracking) and V(stop_tracking) start that and end it. V(load) arms the rollback and loads the ruleset.
        V(confirm) keeps it. V(take_over) stops competing firewall services. V(remove) takes everything of ours away.
    type: str
    choices: [look, start_tracking, stop_tracking, load, confirm, take_over, remove]
    required: true
  answers:
    description: The addresses behind host names, by name, that the host has found by itself when it was looked at.
    type: dict
  addresses:
    description: The host's own addresses by side.
  interfaces:
    description: The host's interfaces by side.
  change:
    description: The name of the change to confirm.
    type: str
    default: ""
  connection:
    description: The other end of the connection over which the change was loaded.
    type: str
    default: ""
  checks:
    description: The commands that have to succeed before V(confirm) keeps the ruleset, as mappings.
    type: list
    elements: dict
    default: []
  fallback:
    description: What to load at a boot at which the ruleset can't be.
    type: str
    default: ""
  allows:
    description: What the rules allow, kept for questions about what the ruleset after this one denies.
    type: dict
attributes:
  check_mode:
    description: Does nothing.
    support: full
  diff_mode:
    description: V(look) shows the flows and addresses gained and lost.
    support: full
seealso:
  - module: gatehouse.firewall.ruleset
"""

EXAMPLES = r"""
- name: Bring a host to a ruleset, all steps of it
  gatehouse.firewall.ruleset:
    ruleset: "{{ lookup('ansible.builtin.file', 'plan/' ~ inventory_hostname ~ '.nft') }}"
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import STEP
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.steps import answer_of, step


def main():
    module = AnsibleModule(STEP, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=True)
    result = answer_of(step, module)
    module.fail_json(**result) if result.get("failed") else module.exit_json(**result)


if __name__ == "__main__":
    main()
