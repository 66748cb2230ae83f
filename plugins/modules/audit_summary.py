#!/usr/bin/python
# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_summary
short_description: Show what an audit has found on all hosts
version_added: 1.0.0
author: The gatehouse.firewall contributors (@gatehouse)
description:
  - Shows a table with a row for each finding of M(gatehouse.firewall.audit), and names the hosts that only observe.
  - Run it once (C(run_once)), after all hosts were asked.
extends_documentation_fragment:
  - gatehouse.firewall.attributes.no_diff
options:
  registered:
    description: The name of the variable in which each host's result was registered.
    type: str
    default: _gatehouse_live
attributes:
  check_mode:
    description: Shows the same.
    support: full
seealso:
  - module: gatehouse.firewall.audit
"""

EXAMPLES = r"""
- name: Show what was found
  gatehouse.firewall.audit_summary:
    registered: live
  run_once: true
"""

RETURN = r"""
hosts:
  description: The hosts with findings.
  returned: success
  type: list
  elements: str
  sample: [db1]
"""
