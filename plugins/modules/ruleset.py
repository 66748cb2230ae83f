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
  - Before the change, the host arms its own way back. After it, the controller confirms over a new connection; without
    that the host goes back to what it had by itself. Only a confirmed ruleset is kept for the next boot.
  - A ruleset that would cut the controller's own connection is refused, where O(policy) says what it lets in.
  - Where C(nft) is missing, the package named in O(package) is installed first.
options:
  ruleset:
    description:
      - The ruleset, as the filter P(gatehouse.firewall.to_nftables#filter) renders it.
      - Required with O(state=present).
    type: str
  state:
    description: Whether the host has this ruleset, or none of ours.
    type: str
    choices: [present, absent]
    default: present
  package:
    description: The package that brings C(nft). An empty text means that a missing C(nft) is an error.
    type: str
    default: nftables
  policy:
    description:
      - The policy behind O(ruleset), as P(gatehouse.firewall.host_policy#filter) returns it, or the same as JSON.
      - Without it, nothing is refused beforehand; the confirmation remains.
    type: raw
  allow_self_lockout:
    description: Go on although the ruleset would cut the controller's own connection.
    type: bool
    default: false
  rollback_timeout:
    description: Seconds between the change and the host's own way back, 5 to 600.
    type: int
    default: 30
  step:
    description: Which part of a change to do on the host. The action plugin sets it; leave it alone.
    type: str
    choices: [prime, load, confirm]
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
confirmed:
  description: Whether a change was confirmed over a new connection.
  returned: when a ruleset was loaded
  type: bool
  sample: true
persisted:
  description: Whether the ruleset is loaded at the next boot; false on hosts without systemd.
  returned: when a ruleset was loaded and confirmed
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils.host_firewall import FirewallError, of_module
from ansible_collections.gatehouse.firewall.plugins.module_utils.ruleset_arguments import ARGUMENTS, REQUIRED_IF


def change(firewall, params):
    """Do one step of a change, or take everything away, and return the module's result."""
    wanted = params["ruleset"]
    if params["state"] == "absent":
        firewall.remove()
    elif params["step"] == "prime":
        firewall.prime()
    elif params["step"] == "load":
        firewall.load(wanted, params["rollback_timeout"])
    elif params["step"] == "confirm":
        if not firewall.confirm(wanted):
            return {"changed": False, "rolled_back": True}
        return {"changed": True, "confirmed": True, "persisted": firewall.starts_at_boot}
    else:
        raise FirewallError("this module works through its action plugin, which was not found: check the collection")
    return {"changed": True}


def main():
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_if=REQUIRED_IF)
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        result = change(of_module(module), module.params)
    except FirewallError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
