#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write the model as a page, with tables and a picture
version_added: 0.1.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Writes a page, C(report.html), with a picture of all flows, the matrix, ports and reasons of each pair, and
    what each class lets through on which hosts; and the matrix as C(flows.md), C(flows.csv) and C(flows.mmd) (Mermaid).
  - The page loads nothing. Its only script is the search for ports and names; the rest works without it.
  - If hosts were asked, C(usage.json) in the directory keeps their counts of each flow from one report to the next, and
    C(usage.md) says when each flow was last used, and which ones are unused. A file C(usage.json) from another program
    is an error, and stays as it is.
  - Compiles the model on the controller and connects to no host itself. Run it once per play (C(run_once)).
extends_documentation_fragment:
  - gatehouse.firewall.attributes.compiles
  - gatehouse.firewall.attributes.no_diff
options:
  directory:
    description:
      - A directory on the controller; it is created if it is missing. Either this or O(directory_of) is required.
    type: path
  directory_of:
    description:
      - In place of O(directory), the name of the variable that has the path, such as C(gatehouse_report_dir).
      - The path is then the same for all hosts; no fact or host variable can set it.
    type: str
  registered:
    description:
      - The name that each host's M(gatehouse.firewall.ruleset_info) was registered by, so that the page shows the
        hosts' answers. An empty text shows only the model.
    type: str
    default: ""
  unused_days:
    description:
      - After how many days a flow counts as unused, if a host has watched it for so long without any use.
    type: int
    default: 30
  planned:
    description:
      - The name that each host's M(gatehouse.firewall.ruleset) was registered by, in check mode and with diff, for the
        page to begin with what would change. The page is the only file then.
    type: str
    default: ""
seealso:
  - module: gatehouse.firewall.explain_info
"""

EXAMPLES = r"""
- name: Write the model as a page
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
unused_flows:
  description:
    - The flows that were not used for so many days, each with its C(name), C(owner) and C(ticket), and in C(last_used)
      the time by which it was used, or since when no report has seen it used.
  returned: when a host has answered
  type: list
  elements: dict
  sample: [{name: scrape, last_used: "never since 2026-09-01T06:00:00Z", owner: observability, ticket: NET-12}]
usage:
  description: The unused flows as text, and which flows no host counts.
  returned: when a host has answered
  type: list
  elements: str
  sample: ["flows unused for 30 days: scrape"]
"""
