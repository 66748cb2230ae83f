# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the modules ruleset and ruleset_info take. The action plugin of ruleset checks it before it asks a host."""

from __future__ import annotations

RULESETS = {
    "ruleset": {"type": "str"},
    "iptables_ruleset": {"type": "dict"},
    "answers": {"type": "dict"},
    "backend": {"type": "str", "choices": ["auto", "nftables", "iptables"], "default": "auto"},
}
DECLARED = {
    "declared": {"type": "dict"},
    "addresses": {"type": "dict"},
    "interfaces": {"type": "dict"},
}
LOOK = {**RULESETS, **DECLARED}
ARGUMENTS = {
    **LOOK,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "install": {"type": "bool", "default": True},
    "addresses_alone": {"type": "bool", "default": False},
    "policy": {"type": "raw"},
    "rehearse": {"type": "bool", "default": False},
    "plan": {"type": "path"},
    "change": {"type": "str", "default": ""},
    "connection": {"type": "str", "default": ""},
    "fallback": {"type": "str", "default": ""},
    "allow_self_lockout": {"type": "bool", "default": False},
    "accept_observed": {"type": "bool", "default": False},
    "takeover": {"type": "bool", "default": False},
    "rollback_timeout": {"type": "int", "default": 30},
    "step": {"type": "str", "choices": ["look", "prime", "unprime", "load", "confirm", "take_over"]},
}
REQUIRED_IF = [("state", "present", ["ruleset", "iptables_ruleset"], True)]
