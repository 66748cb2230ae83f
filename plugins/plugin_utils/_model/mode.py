# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whether a host enforces the model or only observes, in each direction."""

from __future__ import annotations

from collections.abc import Mapping

from .._values.direction import DIRECTIONS
from .._values.problems import Problems, Where
from .._values.readers import Item, choice_at

ENFORCE, OBSERVE = MODES = ("enforce", "observe")
EXPECTED = "enforce, observe, or a mapping such as {ingress: enforce, egress: observe}"


def observed_at(where: Where, value: object, problems: Problems) -> tuple[str, ...]:
    """Read a mode, for both directions or for each; return those that are only observed."""
    if isinstance(value, Mapping):
        item = Item(where, value, DIRECTIONS, problems)
        return tuple(one for one in DIRECTIONS if item.choice(one, MODES, ENFORCE) == OBSERVE)
    if value is not None and not isinstance(value, str):
        problems.add(where, value, EXPECTED)
        return ()
    return DIRECTIONS if choice_at(where, value, MODES, ENFORCE, problems) == OBSERVE else ()
