# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the module ruleset takes; its action plugin checks it before the host is asked anything."""

from __future__ import annotations

ARGUMENTS = {
    "ruleset": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "package": {"type": "str", "default": "nftables"},
    "policy": {"type": "raw"},
    "allow_self_lockout": {"type": "bool", "default": False},
    "rollback_timeout": {"type": "int", "default": 30},
    "step": {"type": "str", "choices": ["prime", "load", "confirm"]},
}
REQUIRED_IF = [("state", "present", ["ruleset"])]
