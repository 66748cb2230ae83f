#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ruleset
short_description: Apply a rendered ruleset to a host, atomically
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Has the host's own C(nft) check the ruleset, loads it in one transaction, and keeps it for the next boot in a
    systemd unit of its own that is ordered before C(network-pre.target).
  - Owns the table C(inet gatehouse) and nothing else. What others put into netfilter stays as it is, byte for byte.
  - Where C(nft) is missing, the package named in O(package) is installed first.
options:
  ruleset:
    description:
      - The ruleset, as the filter P(gatehouse.firewall.to_nftables#filter) renders it.
      - Required with O(state=present).
    type: str
  state:
    description:
      - Whether the host has this ruleset, or none of ours.
      - V(primed) starts connection tracking where we have no table yet, and lets everything through. On its way to the
        first V(present), this module does so by itself, lest the connections that are open already are cut.
    type: str
    choices: [present, absent, primed]
    default: present
  package:
    description: The package that brings C(nft). An empty text means that a missing C(nft) is an error.
    type: str
    default: nftables
requirements: [nftables 0.9.8 or newer on the host]
attributes:
  check_mode:
    description: Has the host check the ruleset and says what would change, without changing anything.
    support: full
  diff_mode:
    description: Shows the flows and addresses gained and lost, and what somebody else changed in our table.
    support: full
seealso:
  - module: gatehouse.firewall.ruleset_info
  - module: gatehouse.firewall.compile
"""

EXAMPLES = r"""
- name: Apply the ruleset that the model has for this host
  gatehouse.firewall.ruleset:
    ruleset: "{{ lookup('ansible.builtin.file', 'plan/' ~ inventory_hostname ~ '.nft') }}"

- name: Take our table, unit and files away
  gatehouse.firewall.ruleset:
    state: absent
"""

RETURN = r"""
persisted:
  description: Whether the ruleset is loaded at the next boot; false on hosts without systemd.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils.host_firewall import FirewallError, of_module
from ansible_collections.gatehouse.firewall.plugins.module_utils.ruleset_arguments import ARGUMENTS, REQUIRED_IF


def prime(firewall, check_mode):
    """Start connection tracking where there is no table of ours, and return the module's result."""
    result = {"changed": not firewall.has_table, "persisted": False}
    if not check_mode:
        firewall.prime()
    return result


def bring_to(firewall, wanted, check_mode, diff):
    """Bring a host to a ruleset (to none, where it is empty) and return the module's result."""
    result = {"changed": not firewall.is_at(wanted)}
    if diff:
        result["diff"] = firewall.difference(wanted)
    if check_mode or not result["changed"]:
        firewall.check(wanted)
    elif wanted:
        firewall.apply(wanted)
        firewall.persist(wanted)
    else:
        firewall.remove()
    return dict(result, persisted=bool(wanted) and firewall.starts_at_boot)


def main():
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_if=REQUIRED_IF)
    wanted = module.params["ruleset"] if module.params["state"] == "present" else ""
    try:
        firewall = of_module(module)
        if module.params["state"] == "primed":
            result = prime(firewall, module.check_mode)
        else:
            result = bring_to(firewall, wanted, module.check_mode, module._diff)
    except FirewallError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
