# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the modules ruleset, ruleset_info and ruleset_step take."""

from __future__ import annotations

from typing import Any

RULESETS: dict[str, dict[str, Any]] = {
    "ruleset": {"type": "str"},
    "iptables_ruleset": {"type": "dict"},
    "backend": {"type": "str", "choices": ["auto", "nftables", "iptables"], "default": "auto"},
}
ANSWERS = {"answers": {"type": "dict"}}
DECLARED = {
    "declared": {"type": "dict"},
    "addresses": {"type": "dict"},
    "interfaces": {"type": "dict"},
}
TIMEOUT = {"rollback_timeout": {"type": "int", "default": 30}}
LOOK = {**RULESETS, **DECLARED}
INFO = {**LOOK, **ANSWERS}
ARGUMENTS = {
    **LOOK,
    **TIMEOUT,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "install": {"type": "bool", "default": True},
    "addresses_alone": {"type": "bool", "default": False},
    "policy": {"type": "raw"},
    "rehearse": {"type": "bool", "default": False},
    "plan": {"type": "path"},
    "allow_self_lockout": {"type": "bool", "default": False},
    "accept_observed": {"type": "bool", "default": False},
    "accept_shrink": {"type": "list", "elements": "str", "default": []},
    "compare_alone": {"type": "bool", "default": False},
    "confirm_checks": {"type": "list", "elements": "raw", "default": []},
    "takeover": {"type": "bool", "default": False},
    "soak": {"type": "str", "default": "0"},
}
REQUIRED_IF = [("state", "present", ["ruleset", "iptables_ruleset"], True)]
STEP = {
    **INFO,
    **TIMEOUT,
    "step": {
        "type": "str",
        "choices": ["look", "start_tracking", "stop_tracking", "load", "confirm", "take_over", "remove"],
        "required": True,
    },
    "change": {"type": "str", "default": ""},
    "connection": {"type": "str", "default": ""},
    "fallback": {"type": "str", "default": ""},
    "allows": {"type": "dict"},
    "checks": {"type": "list", "elements": "dict", "default": []},
}
