# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""For how long hosts that go first are watched after their change, as the user writes it."""

from __future__ import annotations

import re

from .._values.problems import Problems, Where

KEY = "gatehouse_soak"
_TIME = re.compile(r"(\d{1,5})([smh]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LONGEST = 86400


def soak_at(where: Where, value: object, problems: Problems) -> int:
    """Read a time in seconds; note a problem where it is none."""
    found = _TIME.fullmatch(str(value).strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else _LONGEST + 1
    if seconds <= _LONGEST:
        return seconds
    problems.add(where, value, "seconds, or a time such as 90s, 2m or 1h, of at most a day")
    return 0
