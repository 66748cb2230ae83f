# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a declared interface stands for: its own name, or all names that begin as it does before an asterisk."""

from __future__ import annotations

from typing import Sequence


def is_by(names: Sequence[str], interface: str) -> bool:
    """Return whether an interface has one of these names, or begins as one with an asterisk says."""
    return any(interface.startswith(name[:-1]) if name.endswith("*") else interface == name for name in names)
