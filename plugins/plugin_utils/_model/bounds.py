# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The bounds of files: between which ends what they say may open anything."""

from __future__ import annotations

from dataclasses import dataclass

from .._values.problems import Where


@dataclass(frozen=True)
class Bounds:
    """The classes and zones, declared elsewhere, within whose addresses the ends of flows have to lie.

    ``origins`` are those of the places in the files that have these bounds.
    """

    where: Where
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    origins: tuple[str, ...]
