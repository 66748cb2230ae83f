# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How much a flow that is logged may write: strangers decide how often they knock, and a disk is finite."""

from __future__ import annotations

from .._policy.compile import Rule

LOG_RATE, LOG_BURST = 100, 100
"""Lines in the kernel's log for each rule of a flow: so many a minute, and so many at once."""


def flow_prefix(rule: Rule, longest: int | None = None) -> str:
    """Return what the lines in the kernel's log begin with; of a flow's name, as much as fits."""
    return f"gatehouse {rule.flow[:longest]}: "
