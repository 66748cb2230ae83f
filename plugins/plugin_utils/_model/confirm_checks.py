# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The commands that a change has to pass before it is confirmed, as the user writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._values.problems import Problems, Where, quoted
from .._values.readers import Item, rows

KEY = "gatehouse_confirm_checks"
KEYS = ("command", "name", "timeout")
SECONDS = 10
"""How long a check may take, unless it says otherwise."""
CONNECTION = 10
"""Seconds of the rollback's time that stay for the new connection, over which checks are run."""
LONGEST = 600
_SHOWN = 60


@dataclass(frozen=True)
class Check:
    """A command for the host's shell, what to call it, and for how many seconds it may run."""

    name: str
    command: str
    timeout: int


def checks_at(where: Where, value: object, problems: Problems) -> tuple[Check, ...]:
    """Read a list of checks: each a command, or a mapping with the keys ``command``, ``name`` and ``timeout``."""
    found = []
    for place, row in rows(where, value, problems):
        item = Item(place, {"command": row} if isinstance(row, str) else row, KEYS, problems)
        command = item.raw("command")
        if not isinstance(command, str) or not command.strip():
            if item.is_mapping:
                problems.add(item.place("command"), command, "a command for the host's shell")
            continue
        name = item.text("name") or quoted(command.strip())[:_SHOWN]
        found.append(Check(name, command, item.number("timeout", 1, LONGEST, SECONDS)))
    return tuple(found)


def note_too_long(where: Where, checks: Sequence[Check], timeout: int, problems: Problems) -> None:
    """Note a problem where the checks may take longer than the rollback leaves them."""
    total = sum(check.timeout for check in checks)
    left = max(timeout - CONNECTION, 0)
    if total > left:
        expected = f"at most {left} s for all checks (of a rollback_timeout of {timeout}, {CONNECTION} are for the "
        longer = f", or a rollback_timeout of {total + CONNECTION}" if total + CONNECTION <= LONGEST else ""
        problems.add(where, total, f"{expected}new connection)", f"set shorter timeouts{longer}")
