#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: explain_info
short_description: Say what reaches what, and why
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Answers from the model alone, on the controller, and connects to no host. Run it once per play (C(run_once)).
  - M(gatehouse.firewall.denied_info) says what the hosts have denied of the same question.
  - With O(sender), O(receiver) and O(port), says whether packets pass, at which stage of which host that is decided,
    and by which flow of which profile; for a denial, which flow comes closest, and how it differs.
  - With only O(sender), lists what it may reach; with only O(receiver), lists its open ports and their peers. O(port)
    narrows the list.
  - With O(host), names the host's node classes, and the groups that they come from.
  - An end is a host of the inventory, a node class, a zone, an address, a network, or a name that resolves to one.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.reads_only
options:
  sender:
    description: The sender, an end as in M(gatehouse.firewall.explain_info).
    type: str
  receiver:
    description: The receiver, an end as in M(gatehouse.firewall.explain_info).
    type: str
  port:
    description: The receiver's port, such as V(2376/tcp).
    type: str
  host:
    description: A host of the inventory, to list its node classes. No other option goes with it.
    type: str
  live:
    description: Return the managed hosts at both ends, so that they can be asked what they have denied of the question.
    type: bool
    default: false
    version_added: 1.0.0
attributes:
  diff_mode:
    description: Not applicable.
    support: none
seealso:
  - module: gatehouse.firewall.compile
  - module: gatehouse.firewall.denied_info
"""

EXAMPLES = r"""
- name: May Nomad clients use Docker on the job VMs?
  gatehouse.firewall.explain_info:
    sender: nomad_client
    receiver: external_vm
    port: 2376/tcp
  run_once: true
  register: docker

- name: Who reaches this machine?
  gatehouse.firewall.explain_info:
    receiver: vm2
  run_once: true
"""

RETURN = r"""
allowed:
  description: Whether all packets of the question pass; null if the question was for a list.
  returned: success
  type: bool
  sample: true
answer:
  description: The answer in lines.
  returned: success
  type: list
  elements: str
hosts:
  description: With O(live), the managed hosts of the play at both ends.
  returned: success
  type: list
  elements: str
  sample: [vm2, nomad1]
question:
  description: The question, as O(sender), O(receiver) and O(port).
  returned: success
  type: dict
  sample: {sender: nomad1, receiver: vm2, port: 2376/tcp}
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        {
            "sender": {"type": "str"},
            "receiver": {"type": "str"},
            "port": {"type": "str"},
            "host": {"type": "str"},
            "live": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
        required_one_of=[("sender", "receiver", "host")],
        mutually_exclusive=[("sender", "host"), ("receiver", "host"), ("port", "host")],
    )
    module.fail_json(msg="this module works through its action plugin, which was not found: check the collection")


if __name__ == "__main__":
    main()
