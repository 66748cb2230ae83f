#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write the model for people
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Writes a page, C(report.html), with a picture of who reaches whom, the matrix, ports and reasons of each pair, and
    what each class lets through on which hosts; and the matrix as C(flows.md), C(flows.csv) and C(flows.mmd) (Mermaid).
  - The page needs nothing but itself. Its only script finds ports and names; all else works without it.
  - Compiles the model on the controller and connects to no host itself. Run it once per play (C(run_once)).
options:
  directory:
    description: A directory on the controller; it is made where it isn't there.
    type: path
    required: true
  registered:
    description:
      - The name that each host's M(gatehouse.firewall.ruleset_info) was registered by, for the page to show what the
        hosts have said. An empty text shows the model alone.
    type: str
    default: ""
  planned:
    description:
      - The name that each host's M(gatehouse.firewall.ruleset) was registered by, in check mode and with diff, for the
        page to begin with what would change. The page is the only file then.
    type: str
    default: ""
attributes:
  check_mode:
    description: Compiles as ever, but writes no file.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
seealso:
  - module: gatehouse.firewall.explain
"""

EXAMPLES = r"""
- name: Write down who reaches whom
  gatehouse.firewall.report:
    directory: docs/network
  run_once: true
"""

RETURN = r"""
files:
  description: The names of the files.
  returned: success
  type: list
  elements: str
  sample: [flows.csv, flows.md, flows.mmd, report.html]
"""
