#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: denied_info
short_description: Show what the hosts have denied, and which flows would allow it
version_added: 1.0.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Shows what M(gatehouse.firewall.ruleset_info) returned on all hosts as C(denied) and, of hosts that only observe, as
    C(observed). It names the host, class or zone of each address, the flow that comes closest, and the rows of the
    model that would allow it.
  - Compiles the model on the controller and connects to no host itself. Run it once per play (C(run_once)), after all
    hosts were asked.
  - With O(sender), O(receiver) or O(port), shows only what is about these, also what the model allows by now. They take
    the same values as in M(gatehouse.firewall.explain_info).
extends_documentation_fragment:
  - gatehouse.firewall.attributes.reads_only
options:
  registered:
    description: The name of the variable in which each host's result was registered.
    type: str
    default: _gatehouse_live
  sender:
    description: The sender, an end as in M(gatehouse.firewall.explain_info).
    type: str
  receiver:
    description: The receiver, an end as in M(gatehouse.firewall.explain_info).
    type: str
  port:
    description: The receiver's port, such as V(2376/tcp).
    type: str
attributes:
  diff_mode:
    description: Not applicable.
    support: none
seealso:
  - module: gatehouse.firewall.ruleset_info
  - module: gatehouse.firewall.explain_info
"""

EXAMPLES = r"""
- name: Ask each host
  gatehouse.firewall.ruleset_info:
  register: live

- name: Say what they have denied
  gatehouse.firewall.denied_info:
    registered: live
  run_once: true
"""

RETURN = r"""
denied:
  description:
    - What hosts of the same classes have denied to similar peers, those that the model knows first. C(verdict) is
      V(denied), or V(observed) where hosts only observe and have let it through.
    - C(direction) is V(ingress), V(egress), V(pre_dnat) (before the host redirects it) or V(spoofed).
    - C(peer_kind) is V(host), V(class), V(zone), V(unmanaged) (a host of the inventory in no class) or V(stranger), and
      C(peers) has their names. C(addresses) is empty if a host had no room left for them.
    - C(reason) says why it is denied, and C(flow) which flow comes closest, or allows it by now (C(allowed)).
    - C(before) says what the ruleset before the one in force did, V(allowed) (by the flow C(before_flow)), V(observed),
      V(not judged), V(no rules), V(denied) or V(unknown), and C(before_until) until when, in UTC.
    - C(programs) are those of the hosts that waited for it when the hosts were asked.
  returned: success
  type: list
  elements: dict
  sample:
    - hosts: [db1]
      verdict: denied
      direction: ingress
      peer_kind: host
      protocol: tcp
      port: 5433
      allowed: false
      reason: >-
        no flow allows it; the flow sql is from web, and 192.0.2.1 is among them, but on 5432/tcp
      flow: sql
      before: denied
      before_flow: ""
      before_until: ""
      programs: []
      peers: [web1]
      addresses: [192.0.2.1]
      packets: 12
      first: "2026-11-30T08:00:00Z"
      last: "2026-11-30T17:30:00Z"
hosts:
  description:
    - The answer of each host, with C(rows) for each peer and port, C(since) when it keeps them in UTC (an empty text
      where that is not known), and where it had no room left (C(full)).
  returned: success
  type: dict
  sample: {db1: {since: "2026-11-30T07:00:00Z", full: [], rows: []}}
missing_flows:
  description: The rows of the model that would allow it, as YAML.
  returned: success
  type: str
unanswered:
  description: Why a host has not answered, by host.
  returned: success
  type: dict
  sample: {db2: not reached}
not_asked:
  description: The managed hosts that the play is not for.
  returned: success
  type: list
  elements: str
  sample: []
lines:
  description: The lines of the output.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        {
            "registered": {"type": "str", "default": "_gatehouse_live"},
            "sender": {"type": "str"},
            "receiver": {"type": "str"},
            "port": {"type": "str"},
        },
        supports_check_mode=True,
    )
    module.fail_json(msg="this module works through its action plugin, which was not found: check the collection")


if __name__ == "__main__":
    main()
