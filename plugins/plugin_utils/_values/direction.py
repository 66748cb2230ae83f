# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The two directions in which a host lets packets through, as seen from it, and what of a policy has a mode."""

from __future__ import annotations

from ...module_utils._contract.constants import DIRECTIONS, FORWARD, MODE_DIRECTIONS

__all__ = ["DIRECTIONS", "FORWARD", "MODE_DIRECTIONS"]
