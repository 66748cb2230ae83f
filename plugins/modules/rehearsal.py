#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rehearsal
short_description: Test a ruleset with real packets before it is in force
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - The host loads the ruleset into a network namespace with the host's declared addresses and interface names. A second
    namespace plays its peers. Real packets go between the two, for the first and the last port of each flow, from and
    to the peers of its rules, their neighbours, and strangers.
  - Fails if the host's kernel contradicts O(policy).
  - Both namespaces belong to one process and vanish with it. No rule of the host changes, and no packet leaves it.
  - Host names have the addresses that the controller has resolved.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
  - gatehouse.firewall.ruleset
  - gatehouse.firewall.probes
options:
  ruleset:
    description: The ruleset for nftables, as the filter P(gatehouse.firewall.to_nftables#filter) renders it.
  iptables_ruleset:
    description:
      - The ruleset for iptables, as the filter P(gatehouse.firewall.to_iptables#filter) renders it, a mapping with
        C(ipset), C(rules.v4) and C(rules.v6).
  backend:
    description: What enforces the ruleset on this host, as for M(gatehouse.firewall.ruleset).
  policy:
    description: The policy behind the ruleset, as M(gatehouse.firewall.compile) returns it.
    type: raw
    required: true
  addresses:
    description: The host's own addresses by side, as M(gatehouse.firewall.compile) returns them.
    type: dict
    required: true
  max:
    description: The number of probes in all, spread evenly over the flows.
    type: int
    default: 300
  seed:
    description: Chooses peers of a network, strangers, and ports beyond the flows' own.
    type: str
    default: "1"
  seconds:
    description: After so many seconds, no more probes are sent, and the rehearsal fails.
attributes:
  check_mode:
    description: Sends nothing, and says how many probes there would be.
    support: full
requirements:
  - the right to make network namespaces, which root has; in a container, CAP_SYS_ADMIN, or user namespaces
  - iproute2
seealso:
  - module: gatehouse.firewall.ruleset
  - module: gatehouse.firewall.verify
"""

EXAMPLES = r"""
- name: Try what the model has for this host
  gatehouse.firewall.rehearsal:
    ruleset: "{{ compiled.rulesets[compiled.hosts[inventory_hostname]] }}"
    policy: "{{ compiled.policies[compiled.hosts[inventory_hostname]] }}"
    addresses: "{{ compiled.addresses[inventory_hostname] }}"
"""

RETURN = r"""
asked:
  description: How many probes were sent.
  returned: success
  type: int
  sample: 300
inconclusive:
  description: How many of them were inconclusive, for example on a host without IPv6.
  returned: when the host has answered
  type: int
  sample: 0
inconclusive_because:
  description: The results of the inconclusive probes.
  returned: when the host has answered
  type: list
  elements: str
  sample: [no such address here]
backend:
  description: What enforced the ruleset.
  returned: success
  type: str
  sample: nftables
disagreements:
  description: Each packet for which the kernel contradicts the policy.
  returned: when the host has answered
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.rehearsal_arguments import REHEARSAL


def main():
    module = AnsibleModule(REHEARSAL, supports_check_mode=True)
    module.fail_json(msg="this module works through its action plugin, which was not found: check the collection")


if __name__ == "__main__":
    main()
