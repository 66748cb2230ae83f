# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whether a host enforces the model or only observes: in each direction, and of what it forwards.

What a host forwards for others is only observed until enforcing it is asked for by name: no run before has counted it,
and a host that enforces what is its own may carry what no flow was ever written for.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._values.direction import FORWARD, MODE_DIRECTIONS
from .._values.problems import Problems, Where
from .._values.readers import Item, choice_at

ENFORCE, OBSERVE = MODES = ("enforce", "observe")
EXPECTED = "enforce, observe, or a mapping such as {ingress: enforce, egress: observe, forward: enforce}"


def observed_at(where: Where, value: object, problems: Problems) -> tuple[str, ...]:
    """Read a mode, for all or for each; return what is only observed: directions, and ``forward``."""
    if isinstance(value, Mapping):
        item = Item(where, value, MODE_DIRECTIONS, problems)
        return tuple(one for one in MODE_DIRECTIONS if item.choice(one, MODES, _default(one)) == OBSERVE)
    if value is not None and not isinstance(value, str):
        problems.add(where, value, EXPECTED)
        return (FORWARD,)
    return MODE_DIRECTIONS if choice_at(where, value, MODES, ENFORCE, problems) == OBSERVE else (FORWARD,)


def _default(direction: str) -> str:
    return OBSERVE if direction == FORWARD else ENFORCE
