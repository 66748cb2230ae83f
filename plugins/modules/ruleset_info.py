#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ruleset_info
short_description: Read the live ruleset of a host
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Reads our rules from the kernel and compares them with the confirmed ruleset and, if given, with another ruleset.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.reads_only
  - gatehouse.firewall.ruleset
  - gatehouse.firewall.ruleset.declared
options:
  ruleset:
    description:
      - A ruleset for nftables to compare the host with, and to have checked by the host's C(nft).
      - An empty text compares it with a host that has none of ours.
  iptables_ruleset:
    description:
      - The same for iptables, a mapping with C(ipset), C(rules.v4) and C(rules.v6).
  answers:
    description:
      - Addresses behind host names, by name, to compare with instead of those in O(ruleset).
      - By default, those that the host has resolved by itself, as long as they count.
    type: dict
  declared:
    description:
      - What the model says of the host, as M(gatehouse.firewall.compile) returns it. The host looks for what the model
        can't know, RV(concerns).
      - Without it, only for what affects the boot.
  backend:
    description:
      - Which backend to look at, and to compare with.
      - With V(auto), it is nftables where the host has C(nft), or else iptables where it has that, among those that
        a ruleset is given for, if any is.
attributes:
  diff_mode:
    description: Shows the flows and addresses in which the host differs from O(ruleset).
    support: full
seealso:
  - module: gatehouse.firewall.ruleset
"""

EXAMPLES = r"""
- name: Read what the kernel has
  gatehouse.firewall.ruleset_info:
  register: live

- name: Fail where our table was changed by hand
  ansible.builtin.assert:
    that: not live.drift
    fail_msg: "{{ live.drift | join('\n') }}"
"""

RETURN = r"""
backend:
  description: The backend that was read.
  returned: success
  type: str
  sample: nftables
backend_reason:
  description: Why this backend was chosen.
  returned: success
  type: str
  sample: the host has nft 1.0.6
packages:
  description: The packages that have the backend's commands, if these are missing.
  returned: success
  type: list
  elements: str
tracks_connections:
  description: Whether the kernel has our rules, so that it knows all connections.
  returned: success
  type: bool
answers:
  description: The addresses of host names, by name, that the comparison used in place of those in the ruleset.
  returned: success
  type: dict
  sample: {git.example.org: [203.0.113.173]}
host_names:
  description:
    - The host names that the ruleset in force depends on, each with its C(name), its C(addresses), the C(age) of the
      last answer in seconds (null if the host itself never had one), and the C(error) of the last query.
  returned: success
  type: list
  elements: dict
  sample: [{name: git.example.org, addresses: [203.0.113.173], age: 42, error: ""}]
management:
  description:
    - The ssh connection that the controller uses, as the host sees it, with C(source), C(destination) and C(port).
    - Where O(declared) has the host judge sources, the interface that it C(comes_by), by the host's own address, and
      the one by which packets to its source leave, C(goes_back); an empty text where the host can't tell.
    - Null if the host isn't reached by ssh.
  returned: success
  type: dict
  sample: {source: 203.0.113.171, destination: 198.51.100.21, port: 22}
ebpf:
  description:
    - What redirects node ports before netfilter, as C(kube_proxy), an empty text if nothing is known to.
    - The C(interfaces) with an eBPF program (XDP, or a clsact qdisc) that might.
  returned: success
  type: dict
  sample: {kube_proxy: "", interfaces: []}
in_force:
  description: Which of our rules the kernel has, as text.
  returned: success
  type: str
  sample: the ruleset confirmed last is in force
rollback:
  description:
    - The state of a change's rollback, V(waits) or V(is under way); or V(has failed) for the last one.
    - An empty text where no change waits to be confirmed.
  returned: success
  type: str
  sample: ""
live:
  description: Our part of the rules as the backend lists it, without counters; an empty text where there is none.
  returned: when no ruleset is given
  type: str
applied:
  description: The ruleset that was confirmed last, and is loaded at the next boot.
  returned: when no ruleset is given
  type: str
observed:
  description:
    - What the host has let through without a flow, for each peer's C(address), C(protocol) and C(port) (0 where it has
      none) in a C(direction) (ingress or egress); how many new connections, and the C(first) and the C(last) of them in
      UTC. A boot forgets.
    - Where the direction is C(spoofed), packets that would be dropped for their source (C(gatehouse_antispoof)).
  returned: where the host only observes
  type: list
  elements: dict
  sample:
    - direction: ingress
      address: 203.0.113.7
      protocol: tcp
      port: 8080
      packets: 12
      first: "2026-11-20T08:00:00Z"
      last: "2026-11-21T17:30:00Z"
observed_directions:
  description: The directions in which the host only observes, ingress and egress or one of them.
  returned: where the host only observes, in either direction
  type: list
  elements: str
  sample: [egress]
observed_full:
  description: The directions and families whose sets are full, so that no more keys are counted.
  returned: where the host only observes
  type: list
  elements: str
  sample: [ingress IPv4]
observed_since:
  description: Since when the host observes, in UTC.
  returned: where the host only observes
  type: str
  sample: "2026-11-19T12:00:00Z"
denied:
  description:
    - What the host has denied, for each peer's C(address), C(protocol) and C(port) (0 where it has none) in a
      C(direction) (ingress, egress, pre_dnat for what is denied before the host redirects it, spoofed for what is
      denied for its source); how many packets, and the C(first) and the C(last) of them in UTC.
    - Each says whether the peer is C(known), as a class or zone of the model has its address. These are forgotten 24
      days after the last denial, others an hour after it.
    - If there was no more room for peers, the address is V(0.0.0.0) or V(::), and stands for any.
    - If a program of the host still waits for what was denied to it within the last five minutes, C(programs) has its
      C(name) and its C(uid).
  returned: where the host keeps what it denies (C(gatehouse_denied))
  type: list
  elements: dict
  sample:
    - direction: egress
      address: 198.51.100.7
      protocol: tcp
      port: 5432
      known: true
      packets: 4
      first: "2026-11-21T17:29:21Z"
      last: "2026-11-21T17:30:00Z"
denied_full:
  description:
    - The directions, families and kinds of peers (known or stranger) of which no more are kept, since there is no room;
      further ones stand with their port alone. Where these have no room either (any), they are in no row at all.
  returned: where the host keeps what it denies
  type: list
  elements: str
  sample: [ingress IPv4 stranger]
denied_keys:
  description:
    - How many peers and ports the kernel has in each set of denials (a direction, a family, and V(known), V(stranger),
      or V(any) where ports stand alone). A set holds 4096.
  returned: where the host keeps what it denies
  type: dict
  sample: {ingress IPv4 stranger: 17}
denied_since:
  description: Since when the host has kept what it denied, in UTC; an empty text where it can't tell.
  returned: where the host keeps what it denies
  type: str
  sample: "2026-11-19T12:00:00Z"
ruleset_before:
  description:
    - What the rules allowed that those in force have replaced (C(allows), of the collection's own form, or nothing
      where there were none of ours), C(until) when, and what their C(sets) held of the addresses that were denied.
  returned: where the host keeps what it denies, and knows of the rules before
  type: dict
  sample: {until: "2026-11-19T12:00:00Z", allows: null, sets: {}}
invalid:
  description:
    - How many packets were dropped that belong to no connection and begin none, since RV(in_force_since), those of
      connections that connection tracking has lost among them. They are no denials.
  returned: success
  type: int
  sample: 0
managers:
  description: Competing firewall services that are active, or will be at the next boot.
  returned: success
  type: list
  elements: dict
  sample: [{name: ufw, unit: ufw.service, active: true, enabled: true}]
concerns:
  description:
    - What only the host knows and affects the model, each with a C(kind) and a C(text) that says what to do.
      docs/audit.md has all kinds. They are among RV(findings), too.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: address_undeclared
      flow: ""
      text: >-
        198.51.100.99 on eth0 is an address of this host that the model doesn't know. Peers don't know the host by it,
        and isolation doesn't count for it: say it in gatehouse_addresses, or take it from the host
drift:
  description: What was changed in our rules since then, in lines.
  returned: success
  type: list
  elements: str
cautions:
  description:
    - Risks of what the given ruleset has the host do by itself.
    - The module M(gatehouse.firewall.ruleset) warns of it.
  returned: when a ruleset is given
  type: list
  elements: str
  sample: []
findings:
  description:
    - How the host differs from the given ruleset. Counters are ignored, and so are other programs' rules, unless they
      affect a flow.
    - Each has a C(kind) (rule_added, rule_removed, rule_changed, address_added, address_removed, table_gone,
      never_applied, boot_file_edited, unit_disabled, watch_disabled, denied_unit_disabled, refresh_disabled,
      refresh_interpreter, name_unanswered, name_crowded, another_manager, model_changed, jump_not_first, and those of
      RV(concerns)), a C(text), and the C(flow) that it is about, if any.
  returned: when a ruleset is given
  type: list
  elements: dict
  sample: [{kind: rule_added, flow: "", text: "added: input_tcp_22: tcp dport 23 accept"}]
usage:
  description:
    - What each C(flow) has let through in each C(direction) (ingress or egress), as C(packets) and C(bytes) that the
      kernel has counted by its rules since RV(in_force_since).
    - Only packets that open a new connection reach these rules. Every retry counts.
  returned: success
  type: list
  elements: dict
  sample: [{flow: k8s_to_nomad, direction: ingress, packets: 12, bytes: 720}]
in_force_since:
  description:
    - When our rules were last loaded on this host (by a change, the rollback from one, or a boot), in UTC. Their counts
      began anew then. Changes of addresses in sets don't count.
    - Null if none of our rules is in force, or the host can't tell.
  returned: success
  type: str
  sample: "2026-11-21T09:30:00Z"
metrics:
  description:
    - The number of findings of each kind, how often each flow let through what asked for a connection, what was denied
      and how full its sets are, the mode, when the rules were loaded, and connections that are tracked, for the
      textfile collector of node_exporter.
  returned: when a ruleset is given
  type: str
lost:
  description:
    - What the last confirmed ruleset has and the given one lacks, for each C(peer) and C(family) that has lost
      something - how many addresses and networks were C(held), the C(share) of them that is gone in 1000, and an
      C(example).
    - Addresses behind host names don't count.
  returned: when a ruleset is given
  type: list
  elements: dict
  sample: [{peer: web, family: 4, held: 12, share: 334, example: 198.51.100.21}]
differs:
  description: Whether the host differs from the given ruleset in the kernel, on disk or in its units.
  returned: when a ruleset is given
  type: bool
differs_in_addresses_alone:
  description: Whether the same rules are in force, and at most the addresses in their sets differ.
  returned: when a ruleset is given
  type: bool
moved:
  description: The addresses and networks that were added to a peer or removed, some of them and their number.
  returned: when the host differs in addresses alone
  type: list
  elements: dict
  sample: [{peer: web, way: came, addresses: [198.51.100.24], count: 1}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import INFO
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.steps import answer_of, info


def main():
    module = AnsibleModule(INFO, supports_check_mode=True)
    result = answer_of(info, module)
    module.fail_json(**result) if result.get("failed") else module.exit_json(**result)


if __name__ == "__main__":
    main()
