#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: calicoctl
short_description: List, apply and delete Calico's objects with calicoctl
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Runs C(calicoctl) where the task runs. M(gatehouse.firewall.calico) says what to do in which order; this module
    does it.
  - An object with a C(resourceVersion) is changed, or deleted, only if the datastore still has this version.
  - C(calicoctl) finds the datastore by its environment and its configuration file.
options:
  path:
    description: The name or path of the program.
    type: str
    default: calicoctl
  kinds:
    description: The kinds of objects to list after the batches are done.
    type: list
    elements: str
    default: []
  batches:
    description: What to do, one after the other. Stops at the first that fails.
    type: list
    elements: dict
    default: []
    suboptions:
      action:
        description: Whether to apply the objects, in their order, or to delete them.
        type: str
        choices: [apply, delete]
        required: true
      objects:
        description: The objects, all of one kind.
        type: list
        elements: dict
        required: true
attributes:
  check_mode:
    description: Lists, and does nothing else.
    support: full
  diff_mode:
    description: Has nothing to show; M(gatehouse.firewall.calico) does.
    support: none
seealso:
  - module: gatehouse.firewall.calico
"""

EXAMPLES = r"""
- name: List the host endpoints
  gatehouse.firewall.calicoctl:
    kinds: [HostEndpoint]
  environment: {DATASTORE_TYPE: etcdv3, ETCD_ENDPOINTS: "http://127.0.0.1:2379"}
"""

RETURN = r"""
objects:
  description: The objects of O(kinds).
  returned: success
  type: list
  elements: dict
unsupported:
  description: Those of O(kinds) that this C(calicoctl) doesn't know.
  returned: success
  type: list
  elements: str
done:
  description: How many of O(batches) were done.
  returned: always
  type: int
"""

import json

from ansible.module_utils.basic import AnsibleModule

UNKNOWN_KIND = "is not supported"


def listed(module, path, kind, done):
    """Return all objects of a kind, or None where calicoctl doesn't know it."""
    code, output, error = module.run_command([path, "get", kind.lower(), "--output", "json"])
    if code != 0 and UNKNOWN_KIND in error:
        return None
    if code != 0:
        module.fail_json(msg=f"calicoctl can't list {kind}: {error.strip() or output.strip()}", done=done)
    try:
        found = json.loads(output)
    except ValueError:
        module.fail_json(msg=f"calicoctl lists {kind} not as JSON: {output[:200]}", done=done)
    items = found.get("items", []) if isinstance(found, dict) else found
    return [{**item, "kind": kind} for item in items or []]


def do(module, path, batches):
    """Do one batch after the other; fail where one does, saying how far it got."""
    for number, batch in enumerate(batches):
        # JSON is YAML; several documents are applied in their order.
        text = "\n---\n".join(json.dumps(one) for one in batch["objects"])
        code, output, error = module.run_command([path, batch["action"], "--filename", "-"], data=text)
        if code != 0:
            names = ", ".join(one["metadata"]["name"] for one in batch["objects"])
            words = f"calicoctl {batch['action']} {batch['objects'][0]['kind']} {names}"
            module.fail_json(msg=f"{words}: {error.strip() or output.strip()}", done=number)
    return len(batches)


def main():
    """Run the module."""
    batch = {
        "action": {"type": "str", "choices": ["apply", "delete"], "required": True},
        "objects": {"type": "list", "elements": "dict", "required": True},
    }
    module = AnsibleModule(
        {
            "path": {"type": "str", "default": "calicoctl"},
            "kinds": {"type": "list", "elements": "str", "default": []},
            "batches": {"type": "list", "elements": "dict", "default": [], "options": batch},
        },
        supports_check_mode=True,
    )
    path = module.get_bin_path(module.params["path"], required=True)
    batches = [] if module.check_mode else module.params["batches"]
    done = do(module, path, batches)
    found = {kind: listed(module, path, kind, done) for kind in module.params["kinds"]}
    objects = [one for items in found.values() for one in items or []]
    unsupported = [kind for kind, items in found.items() if items is None]
    module.exit_json(changed=bool(done), objects=objects, unsupported=unsupported, done=done)


if __name__ == "__main__":
    main()
