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
  - Writes a page, C(report.html), with a picture of all flows, the matrix, ports and reasons of each pair, and
    what each class lets through on which hosts; and the matrix as C(flows.md), C(flows.csv) and C(flows.mmd) (Mermaid).
  - The page needs nothing but itself. Its only script finds ports and names; all else works without it.
  - Where hosts were asked, C(usage.json) in the directory keeps what they have counted of each flow from one report to
    the next, and C(usage.md) says when each was last used, and which ones are unused. A C(usage.json) that is
    something else is an error, and stays as it is.
  - Compiles the model on the controller and connects to no host itself. Run it once per play (C(run_once)).
extends_documentation_fragment:
  - gatehouse.firewall.attributes.compiles
  - gatehouse.firewall.attributes.no_diff
options:
  directory:
    description:
      - A directory on the controller; it is made where it isn't there. Either this or O(directory_of) is required.
    type: path
  directory_of:
    description:
      - In place of O(directory), the name of the variable that says it, such as C(gatehouse_report_dir).
      - So it is the same for all hosts, and no fact or variable of a host's own is asked for it.
    type: str
  registered:
    description:
      - The name that each host's M(gatehouse.firewall.ruleset_info) was registered by, for the page to show what the
        hosts have said. An empty text shows the model alone.
    type: str
    default: ""
  unused_days:
    description:
      - For how many days some host has to have watched a flow without any use, for it to be called unused.
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
- name: Write the model for people
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
  description: The same in words, and which flows no host counts.
  returned: when a host has answered
  type: list
  elements: str
  sample: ["flows unused for 30 days: scrape"]
"""
