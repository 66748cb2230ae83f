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
  - Has the host's own C(nft) or C(iptables-restore) check the ruleset, loads it in one transaction, and keeps it for
    the next boot in a systemd unit of its own that is ordered before C(network-pre.target).
  - Owns the table C(inet gatehouse), or the chains C(GATEHOUSE-*) and the sets C(gatehouse-*), and nothing else. Other
    programs' rules stay as they are, byte for byte.
  - Before the change, the host starts a timer for its rollback. After the change, the controller confirms it over a new
    connection; otherwise, the host rolls back by itself. Only a confirmed ruleset is kept for the next boot.
  - The rollback waits for nothing. A module that stalls for longer than O(rollback_timeout) finds the kernel refusing
    the rest of its change.
  - A ruleset that would cut the controller's own connection is refused, if O(policy) is given.
  - When a host changes to another backend, its rules in the old one stay until the change is confirmed.
extends_documentation_fragment:
  - gatehouse.firewall.ruleset
  - gatehouse.firewall.ruleset.declared
  - gatehouse.firewall.ruleset.rollback_timeout
options:
  ruleset:
    description:
      - The ruleset for nftables, as the filter P(gatehouse.firewall.to_nftables#filter) renders it.
      - This or O(iptables_ruleset) is required with O(state=present).
  iptables_ruleset:
    description:
      - The ruleset for iptables, as the filter P(gatehouse.firewall.to_iptables#filter) renders it, a mapping with
        C(ipset), C(rules.v4) and C(rules.v6).
  backend:
    description:
      - What enforces the ruleset on this host.
      - With V(auto), it is nftables if the host has C(nft), otherwise iptables if it has that, among those that a
        ruleset is given for. RV(backend_reason) says why.
  state:
    description: Whether the host has this ruleset, or none of ours.
    type: str
    choices: [present, absent]
    default: present
  addresses_alone:
    description:
      - Change only the elements of sets, and no rule. If more differs, the host fails; a host without our rules is
        skipped.
      - Without it, too, a host keeps its rules if only addresses differ.
    type: bool
    default: false
  plan:
    description:
      - A reviewed C(plan.json) on the controller, as M(gatehouse.firewall.summary) writes it. If the host would change
        in another way than the plan shows, nothing is changed. The task needs C(diff=true).
    type: path
  install:
    description:
      - Install the backend's packages if its commands are missing, V(nftables) or V(iptables) and V(ipset).
      - Without it, a missing command is an error.
    type: bool
    default: true
  policy:
    description:
      - The policy behind O(ruleset), as P(gatehouse.firewall.host_policy#filter) returns it, or the same as JSON.
      - Without it, nothing is refused beforehand; the confirmation remains.
    type: raw
  rehearse:
    description:
      - First test a ruleset that differs with real packets in a network namespace, as M(gatehouse.firewall.rehearsal)
        does. If the kernel contradicts O(policy), or no rehearsal is possible, the host stays as it is. Needs O(policy)
        and O(addresses). Not in check mode.
    type: bool
    default: false
  addresses:
    description:
      - The host's own addresses by side, as M(gatehouse.firewall.compile) returns them, for O(rehearse), and for the
        host to look for others.
  interfaces:
    description: The host's interfaces by side, as M(gatehouse.firewall.compile) returns them, for the host to look for.
  declared:
    description:
      - What the model says of the host, as M(gatehouse.firewall.compile) returns it, for the host to look for what the
        model can't know. docs/audit.md says which findings are refused, and which only get a warning.
      - Without it, it is taken from O(policy), if there is one.
  allow_self_lockout:
    description: Go on even if the ruleset would cut the controller's own connection.
    type: bool
    default: false
  accept_observed:
    description:
      - Go on even if the host has observed packets that O(policy) denies. Without it, such a host is refused.
    type: bool
    default: false
  accept_shrink:
    description:
      - Classes and zones that may lose any number of their addresses on the host. Without it, a host is refused if
        O(policy) has lost more than a fifth of the addresses of a class or a zone that it still uses.
    type: list
    elements: str
    default: []
  compare_alone:
    description:
      - Change nothing. Fail if O(accept_shrink) would be needed, and name all other reasons against the change.
    type: bool
    default: false
  takeover:
    description:
      - Stop and disable competing firewall services (ufw, firewalld, a C(nftables.service) that flushes,
        netfilter-persistent, iptables-services, ferm, shorewall, firehol, foomuuri, csf, a unit that restores whole
        tables) once the ruleset is confirmed. O(state=absent) enables and starts them again.
      - Without it, a host with such a service is refused. A host whose forwarding rules may belong to the service is
        refused with it.
    type: bool
    default: false
  rollback_timeout:
    description: Seconds after which the host rolls back a change that is not confirmed, 5 to 600.
  soak:
    description:
      - How long to watch the host after a confirmed change, in seconds, or as V(90s), V(2m) or V(1h).
      - Fails if the host denies peers of the fleet what it did not deny before, and what the previous ruleset would not
        have denied. The ruleset stays in force.
    type: str
    default: "0"
    version_added: 1.0.0
  confirm_checks:
    description:
      - Commands that the host runs once its new ruleset is loaded and a new connection has reached it. If one fails
        (exit code other than 0), the host rolls back at once, and the task fails with the last lines of the command's
        output.
      - An item is a command for C(/bin/sh), or a mapping with C(command), C(name), and C(timeout), 10 seconds by
        default. The sum of all timeouts must be at least 10 seconds less than O(rollback_timeout).
      - No command runs if the ruleset doesn't change, nor in check mode.
    type: list
    elements: raw
    default: []
requirements:
  - nftables 0.9.8 or newer on the host, or iptables 1.8.7 or newer with ipset 7.10 or newer
attributes:
  check_mode:
    description: Has the host check the ruleset and says what would change, without changing anything.
    support: full
  diff_mode:
    description: Shows the flows and addresses gained and lost, and what was changed by hand in our rules.
    support: full
seealso:
  - module: gatehouse.firewall.ruleset_info
  - module: gatehouse.firewall.compile
"""

EXAMPLES = r"""
- name: Apply the ruleset that the model has for this host
  gatehouse.firewall.ruleset:
    ruleset: "{{ lookup('ansible.builtin.file', 'plan/' ~ inventory_hostname ~ '.nft') }}"

- name: Keep to iptables on a host whose other rules are there
  gatehouse.firewall.ruleset:
    iptables_ruleset: "{{ policy | gatehouse.firewall.to_iptables }}"
    policy: "{{ policy }}"
    backend: iptables

- name: Go back where the service doesn't answer under the new rules
  gatehouse.firewall.ruleset:
    ruleset: "{{ policy | gatehouse.firewall.to_nftables }}"
    policy: "{{ policy }}"
    confirm_checks:
      - systemctl is-active postgresql
      - {name: health, command: "curl -fsS http://localhost:8080/health", timeout: 5}

- name: Take our rules, unit and files away
  gatehouse.firewall.ruleset:
    state: absent
"""

RETURN = r"""
backend:
  description: What enforces the ruleset on this host.
  returned: success
  type: str
  sample: nftables
backend_reason:
  description: Why this backend was chosen.
  returned: success
  type: str
  sample: the host has nft 1.0.6
confirmed:
  description: Whether a change was confirmed. RV(new_connection) says over which connection.
  returned: when a ruleset was loaded
  type: bool
  sample: true
new_connection:
  description:
    - Whether the confirmation came over another connection than the change itself, which the host sees by its peer's
      port.
    - False where the connection plugin can't reset its connection, or makes none to a host (V(local), V(podman)). The
      new ruleset may refuse new connections then.
  returned: when a ruleset was loaded and confirmed
  type: bool
  sample: true
reasons:
  description: Why the host changed, or would change.
  returned: when it did, or would
  type: list
  elements: str
  sample: [The model has changed]
persisted:
  description: Whether the ruleset is loaded at the next boot; false on hosts without systemd.
  returned: when a ruleset was loaded and confirmed
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import ARGUMENTS, REQUIRED_IF


def main():
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_if=REQUIRED_IF)
    module.fail_json(msg="this module works through its action plugin, which was not found: check the collection")


if __name__ == "__main__":
    main()
