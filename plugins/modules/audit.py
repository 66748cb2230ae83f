#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Report how a host differs from the model
version_added: 1.0.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Looks at a host as M(gatehouse.firewall.ruleset_info) does, and returns the same.
  - M(gatehouse.firewall.audit_summary) shows what was found on all hosts.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.reads_only
  - gatehouse.firewall.ruleset
  - gatehouse.firewall.ruleset.declared
options:
  ruleset:
    description:
      - The ruleset for nftables that the model has for the host.
  iptables_ruleset:
    description:
      - The same for iptables, a mapping with C(ipset), C(rules.v4) and C(rules.v6).
  backend:
    description:
      - Which backend to look at, and to compare with.
  declared:
    description:
      - What the model says of the host, as M(gatehouse.firewall.compile) returns it.
  managed:
    description:
      - Whether the host has a node class. A host without one gets a finding if it still has rules, units or files of
        ours.
    type: bool
    default: true
  fail:
    description: Fail if there is a finding.
    type: bool
    default: false
  textfile:
    description: A file on the host for the number of findings of each kind, for node_exporter's textfile collector.
    type: path
attributes:
  diff_mode:
    description: Not applicable.
    support: none
seealso:
  - module: gatehouse.firewall.ruleset_info
  - module: gatehouse.firewall.audit_summary
"""

EXAMPLES = r"""
- name: Find what is not as it should be
  gatehouse.firewall.audit:
    ruleset: "{{ compiled.rulesets[compiled.hosts[inventory_hostname]] }}"
  register: live
"""

RETURN = r"""
findings:
  description: The findings, as M(gatehouse.firewall.ruleset_info) returns them, and C(left_behind).
  returned: success
  type: list
  elements: dict
  sample:
    - {kind: address_added, text: "added to office: 203.0.113.172, for the flow ssh", flow: ssh}
"""
