# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the modules rehearsal and rehearsal_step take."""

from __future__ import annotations

from typing import Any

from ansible_collections.gatehouse.firewall.plugins.module_utils._host.ruleset_arguments import ANSWERS, RULESETS

REHEARSAL: dict[str, dict[str, Any]] = {
    **RULESETS,
    "policy": {"type": "raw", "required": True},
    "addresses": {"type": "dict", "required": True},
    "max": {"type": "int", "default": 300},
    "seed": {"type": "str", "default": "1"},
    "seconds": {"type": "int", "default": 60},
}
STEP: dict[str, dict[str, Any]] = {
    **RULESETS,
    **ANSWERS,
    "seconds": {"type": "int", "default": 60},
    "legs": {"type": "dict", "required": True},
    "probes": {"type": "list", "elements": "dict", "required": True},
}
