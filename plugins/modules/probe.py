#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Test with packets whether other hosts let this one in
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Sends packets from the host on which it runs, many at a time, and returns the results. No listener is needed at the
    other end, because a refusal by the host itself shows that its firewall let the packet in.
  - A TCP probe connects and closes, a UDP probe is an empty datagram. Nothing else is ever sent.
  - A probe counts as silent after three tries within four seconds. Datagrams between the same two addresses go out at a
    pace at which kernels answer (C(icmp_ratelimit)).
  - Changes nothing on any host.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
  - gatehouse.firewall.probes
options:
  probes:
    description:
      - The probes, a list of mappings with C(source) and C(target) addresses, C(protocol) (tcp or udp) and C(port).
        Other keys are ignored. With an empty C(source), the kernel chooses it.
      - M(gatehouse.firewall.probes_info) returns such lists.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    description: Sends nothing.
    support: full
seealso:
  - module: gatehouse.firewall.probes_info
  - module: gatehouse.firewall.verify
"""

EXAMPLES = r"""
- name: Ask whether the database lets this host in
  gatehouse.firewall.probe:
    probes:
      - {source: "", target: 198.51.100.11, protocol: tcp, port: 5432}
  register: seen

- name: Fail where it doesn't
  ansible.builtin.assert:
    that: seen.results[0] in ['accepted', 'refused']
"""

RETURN = r"""
results:
  description:
    - The result of each probe, in the same order.
    - V(accepted), V(refused), V(answered) and V(closed) (a UDP port without a listener) show that the packet was let
      in.
    - V(silent), V(rejected) (an ICMP error of a firewall) and V(kept by the sender's own rules) show that it was not.
    - V(no route), V(no such address here), V(unreachable) (an ICMP error of a router) and V(not asked in time) show
      nothing. Details follow the word.
  returned: success
  type: list
  elements: str
  sample: [refused, silent]
udp_ports:
  description: UDP ports of this host on which a program listens, so silence is inconclusive.
  returned: success
  type: list
  elements: int
  sample: [53]
management:
  description:
    - The ssh connection that the controller uses, as the host sees it, with C(source), C(destination) and C(port).
    - Null if the host isn't reached by ssh.
  returned: success
  type: dict
  sample: {source: 203.0.113.171, destination: 198.51.100.21, port: 22}
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.management import management_connection
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.listening import udp_ports
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.own_resets import OwnResets
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.prober import NOT_ASKED, ask, unreadable

ARGUMENTS = {
    "probes": {"type": "list", "elements": "dict", "default": []},
    "seconds": {"type": "int", "default": 60},
}


def main():
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    probes, seconds = module.params["probes"], module.params["seconds"]
    wrong = unreadable(probes)
    if wrong:
        module.fail_json(msg=wrong)
    if seconds < 1:
        module.fail_json(msg=f"seconds: got {seconds}, expected at least 1")
    listening = udp_ports(Path("/proc"))
    with OwnResets(probes) as resets:
        results = [NOT_ASKED] * len(probes) if module.check_mode else ask(probes, seconds, resets=resets)
    management = management_connection(Path("/proc"), os.getpid())
    module.exit_json(changed=False, results=results, udp_ports=listening, management=management)


if __name__ == "__main__":
    main()
