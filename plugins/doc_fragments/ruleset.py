# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The options of modules that take a rendered ruleset; module_utils/_host/ruleset_arguments.py has their types as well.

A module that says more of an option than the fragment does has a description of its own.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  ruleset:
    description: The ruleset for nftables.
    type: str
  iptables_ruleset:
    description: The ruleset for iptables.
    type: dict
  backend:
    description: What enforces the ruleset.
    type: str
    choices: [auto, nftables, iptables]
    default: auto
"""

    DECLARED = r"""
options:
  declared:
    description: What the model says of the host.
    type: dict
  addresses:
    description: The host's own addresses by side, as M(gatehouse.firewall.compile) returns them.
    type: dict
  interfaces:
    description: The host's interfaces by side, as M(gatehouse.firewall.compile) returns them.
    type: dict
"""

    ROLLBACK_TIMEOUT = r"""
options:
  rollback_timeout:
    description: Seconds between the change and the host's own rollback.
    type: int
    default: 30
"""
