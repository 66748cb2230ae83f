# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What differs between two rulesets, in the words of the model: flows and addresses, not rules."""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import ENFORCES
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header


def with_modes(before: Header, after: Header) -> tuple[list[str], list[str]]:
    """Return what two rulesets let through; both say their mode where one of them only observes."""
    old, new = before.description(), after.description()
    if before.observes and new and not after.observes:
        new = [ENFORCES, *new]
    if after.observes and old and not before.observes:
        old = [ENFORCES, *old]
    return old, new


def as_diff(before: list[str], after: list[str]) -> dict[str, str]:
    """Return Ansible's form of a difference between two lists of lines."""
    return {
        "before_header": "what the host lets through now",
        "after_header": "what the model lets through",
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }
