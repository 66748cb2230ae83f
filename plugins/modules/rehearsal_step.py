#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rehearsal_step
short_description: Send the probes of a rehearsal, for the action plugin of rehearsal
version_added: 1.0.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Private to the collection, and its options may change in any release. Use M(gatehouse.firewall.rehearsal), which
    chooses the probes and compares the results with the policy.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
  - gatehouse.firewall.ruleset
  - gatehouse.firewall.probes
options:
  answers:
    description: Addresses behind host names, by name.
    type: dict
  seconds:
    description: After so many seconds, no more probes are sent.
  legs:
    description: The host's interfaces, each with its addresses.
    type: dict
    required: true
  probes:
    description: What to send.
    type: list
    elements: dict
    required: true
attributes:
  check_mode:
    description: Is never run in it.
    support: none
seealso:
  - module: gatehouse.firewall.rehearsal
"""

EXAMPLES = r"""
- name: Try what the model has for this host, all steps of it
  gatehouse.firewall.rehearsal:
    ruleset: "{{ compiled.rulesets[compiled.hosts[inventory_hostname]] }}"
    policy: "{{ compiled.policies[compiled.hosts[inventory_hostname]] }}"
    addresses: "{{ compiled.addresses[inventory_hostname] }}"
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.this_host import ThisHost
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.rehearsal_arguments import STEP
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.stage import rehearse


def main():
    module = AnsibleModule(STEP)
    params = module.params
    try:
        host = ThisHost(module)
        host.backend.require()
        if not host.wanted:
            module.fail_json(msg="ruleset: got nothing, expected a rendered ruleset")
        seen = rehearse(
            host.run, lambda: host.backend.load(host.wanted), params["legs"], params["probes"], params["seconds"]
        )
    except (FirewallError, OSError) as error:
        module.fail_json(msg=f"the rehearsal could not be held: {error}")
    module.exit_json(changed=False, backend=host.backend.name, seen=seen)


if __name__ == "__main__":
    main()
