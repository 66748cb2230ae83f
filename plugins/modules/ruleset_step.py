#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ruleset_step
short_description: Take one step of a change, for the action plugin of ruleset
version_added: 1.0.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Private to the collection, and its options may change in any release. Use M(gatehouse.firewall.ruleset), which takes
    these steps in the order that is safe.
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
  fallback:
    description: What to load at a boot at which the ruleset can't be.
    type: str
    default: ""
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

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.host_firewall import TooLateError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.look import look_at
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.management import peer
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import STEP
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.this_host import ThisHost
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.conntrack import TABLE_FULL


def take(step, firewall, managers, wanted, params):
    """Take one step of a change, and return the module's result."""
    if step == "load":
        return {"changed": True, "change": firewall.load(wanted, params["rollback_timeout"]), "connection": here()}
    if step == "confirm":
        return confirm(firewall, wanted, params)
    if step == "remove":
        failures = managers.put_back()
        firewall.remove()
        return {"changed": True, **({"warnings": failures} if failures else {})}
    if step == "take_over":
        managers.take_over()
        firewall.reapply(wanted)
    elif step == "start_tracking":
        firewall.start_tracking()
    else:
        firewall.stop_tracking()
    return {"changed": True}


def confirm(firewall, wanted, params):
    """Confirm a change, unless this is the very connection over which it was loaded, or it is too late."""
    over, now = params["connection"], here()
    if over and over == now:
        return {"changed": False, "same_connection": now}
    try:
        firewall.confirm(wanted, params["fallback"], params["change"])
    except TooLateError as error:
        return {"changed": False, "too_late": str(error), "gone_back": not firewall.rollback_state}
    is_new = bool(over and now)
    return {"changed": True, "confirmed": True, "new_connection": is_new, "persisted": firewall.starts_at_boot}


def here():
    """Return the other end of the ssh connection in which this runs; an empty text where it is in none."""
    return peer(Path("/proc"), os.getpid())


def prepare(host, diff):
    """Look at a host, and start connection tracking where a first ruleset will follow; return the module's result.

    What the connection exchanges until the next step makes it known to the kernel.
    """
    found = look_at(host, diff)
    may_track = not found["packages"] and all(one["kind"] != TABLE_FULL for one in found["concerns"])
    if found["differs"] and not found["tracks_connections"] and may_track:
        host.firewall().start_tracking()
        found["tracking_started"] = True
    return found


def main():
    module = AnsibleModule(STEP, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=True)
    step = module.params["step"]
    try:
        host = ThisHost(module)
        if step == "look":
            result = prepare(host, module._diff)
        else:
            result = take(step, host.firewall(), host.managers(), host.wanted, module.params)
    except (FirewallError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
