# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What several modules say of their check mode and their diff mode."""

from __future__ import annotations


class ModuleDocFragment:
    READS_ONLY = r"""
options: {}
attributes:
  check_mode:
    description: Never changes anything.
    support: full
"""

    COMPILES = r"""
options: {}
attributes:
  check_mode:
    description: Compiles as ever, but writes no file.
    support: full
"""

    NO_DIFF = r"""
options: {}
attributes:
  diff_mode:
    description: Has nothing to show.
    support: none
"""
