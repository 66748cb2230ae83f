#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ruleset_info
short_description: Read the live ruleset of a host
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Reads our table from the kernel and compares it with what was applied and, if asked, with a ruleset that is wanted.
options:
  ruleset:
    description:
        - A ruleset to compare the host with, and to have checked by the host's C(nft).
        - An empty text compares it with a host that has none of ours.
    type: str
attributes:
  check_mode:
    description: Never changes anything.
    support: full
  diff_mode:
    description: Shows the flows and addresses in which the host differs from O(ruleset).
    support: full
seealso:
  - module: gatehouse.firewall.ruleset
"""

EXAMPLES = r"""
- name: Read what the kernel has
  gatehouse.firewall.ruleset_info:
  register: live

- name: Fail where somebody changed our table
  ansible.builtin.assert:
    that: not live.drift
    fail_msg: "{{ live.drift | join('\n') }}"
"""

RETURN = r"""
has_nft:
  description: Whether the host has an C(nft) command.
  returned: success
  type: bool
has_table:
  description: Whether our table is in the kernel, whatever is in it.
  returned: success
  type: bool
management:
  description:
    - The ssh connection that the controller uses, as the host sees it, with C(source), C(destination) and C(port).
    - Nothing where the host isn't reached by ssh.
  returned: success
  type: dict
  sample: {source: 203.0.113.171, destination: 198.51.100.21, port: 22}
live:
  description: Our table as C(nft) lists it, without counters; an empty text where there is none.
  returned: when O(ruleset) is not given
  type: str
applied:
  description: The ruleset that was applied last, and is loaded at the next boot.
  returned: when O(ruleset) is not given
  type: str
drift:
  description: What somebody else has changed in our table since, in lines.
  returned: success
  type: list
  elements: str
differs:
  description: Whether the host differs from O(ruleset) in the kernel, on disk or in its unit.
  returned: when O(ruleset) is given
  type: bool
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils.host_firewall import FirewallError, of_module
from ansible_collections.gatehouse.firewall.plugins.module_utils.management import management_connection


def look(firewall, wanted, diff):
    """Return what there is or, where something is wanted, how far it is from that."""
    result = {
        "changed": False,
        "has_nft": firewall.has_nft,
        "has_table": firewall.has_table,
        "drift": firewall.drift(),
        "management": management_connection(Path("/proc"), os.getpid()),
    }
    if wanted is None:
        return dict(result, live=firewall.live, applied=firewall.applied)
    firewall.check(wanted)
    if diff:
        result["diff"] = firewall.difference(wanted)
    return dict(result, differs=not firewall.is_at(wanted))


def main():
    module = AnsibleModule({"ruleset": {"type": "str"}}, supports_check_mode=True)
    try:
        result = look(of_module(module), module.params["ruleset"], module._diff)
    except FirewallError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
