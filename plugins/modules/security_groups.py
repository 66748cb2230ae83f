#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: security_groups
short_description: Bring a VPC's security groups to what the model says
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Computes the security groups that C(gatehouse_security_groups) and the profiles declare, and has
    P(amazon.aws.ec2_security_group#module) create them and set their rules. Run it once per play (C(run_once)), on
    C(localhost) (C(delegate_to)).
  - Creates new groups before it changes others, so that groups may name each other.
  - Only groups that carry the tag C(gatehouse) with the value of O(tag) are changed or deleted.
  - Needs the collection amazon.aws, and what that needs (boto3), where it runs; not with O(state=planned).
options:
  state:
    description:
      - V(present) brings the groups to the model. A warning names groups of ours that the model doesn't have.
      - V(absent) deletes all of our groups from the VPC, whatever the model says, if none of them is in use.
      - V(planned) contacts nothing, and returns the groups.
    type: str
    choices: [present, absent, planned]
    default: present
  vpc_id:
    description: The VPC. Required unless O(state=planned).
    type: str
  region:
    description: The region. By default, that of the environment (C(AWS_REGION)).
    type: str
  endpoint_url:
    description: The URL of another API in place of AWS, for example an emulator.
    type: str
  tag:
    description: The value of the tag C(gatehouse) that marks our groups. Each fleet that shares a VPC needs its own.
    type: str
    default: firewall
  adopt:
    description: Groups without our tag that may be taken over, with their rules, by name.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Reads the groups, and changes nothing.
    support: full
  diff_mode:
    description: Shows the rules that come and go.
    support: full
seealso:
  - plugin: gatehouse.firewall.to_security_group
    plugin_type: filter
  - module: amazon.aws.ec2_security_group
"""

EXAMPLES = r"""
- name: Bring the security groups to the model
  gatehouse.firewall.security_groups:
    vpc_id: vpc-0123456789abcdef0
    region: eu-central-1
  delegate_to: localhost
  run_once: true

- name: Show what they would be
  gatehouse.firewall.security_groups:
    state: planned
  run_once: true
"""

RETURN = r"""
groups:
  description: The groups, each as the arguments of P(amazon.aws.ec2_security_group#module).
  returned: unless O(state=absent)
  type: list
  elements: dict
table:
  description: A row for each rule, with C(group), C(direction), C(ports), C(peer), C(flow) and C(why).
  returned: unless O(state=absent)
  type: list
  elements: dict
group_ids:
  description: The id of each existing group by its name.
  returned: when O(state=present)
  type: dict
  sample: {eks-node: sg-0123456789abcdef0}
deleted:
  description: The names of the groups that were deleted, or would be.
  returned: when O(state=absent)
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        {
            "state": {"type": "str", "choices": ["present", "absent", "planned"], "default": "present"},
            "vpc_id": {"type": "str"},
            "region": {"type": "str"},
            "endpoint_url": {"type": "str"},
            "tag": {"type": "str", "default": "firewall"},
            "adopt": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
        required_if=[("state", "present", ["vpc_id"]), ("state", "absent", ["vpc_id"])],
    )
    module.fail_json(msg="this module works through its action plugin, which was not found: check the collection")


if __name__ == "__main__":
    main()
