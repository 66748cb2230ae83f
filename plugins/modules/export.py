#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: export
short_description: Write a fleet's classes, by their addresses, for another fleet's model
version_added: 1.0.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Writes a file with each node class and its addresses, the date, and the commit of the inventory if it is in a Git
    repository. Another fleet names the file in C(gatehouse_model_files), and uses these classes without managing their
    hosts.
  - It leaves out classes of pods, which have no addresses, and classes from another export.
  - Compiles the model on the controller and connects to no host. Run it once per play (C(run_once)).
extends_documentation_fragment:
  - gatehouse.firewall.attributes.compiles
  - gatehouse.firewall.attributes.no_diff
options:
  path:
    description:
      - The file on the controller; its directory is created if it is missing. Either this or O(path_of) is required.
    type: path
  path_of:
    description:
      - In place of O(path), the name of the variable that has the path, such as C(gatehouse_export).
      - The path is then the same for all hosts; no fact or host variable can set it.
    type: str
  prefix:
    description:
      - A prefix for the names of the classes in the file, so that they differ from the other fleet's.
    type: str
    default: ""
seealso:
  - module: gatehouse.firewall.compile
"""

EXAMPLES = r"""
- name: Give the classes to the other fleet
  gatehouse.firewall.export:
    path: ../other-fleet/imports/east.yml
    prefix: east_
  run_once: true
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: ../other-fleet/imports/east.yml
"""
