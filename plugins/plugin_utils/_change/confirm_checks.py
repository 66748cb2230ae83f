# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The commands that a change has to pass before it is confirmed, as the user writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._values.problems import Problems, Where, quoted
from .._values.readers import Item, rows

KEYS = ("command", "name", "timeout")
SECONDS = 10
"""How long a check may take, unless it says otherwise."""
CONNECTION = 10
"""Seconds of the rollback's time that stay for the new connection, over which checks are run."""
LONGEST = 600
NOT_RUN = "Not run in check mode, as nothing was loaded: {0}. A change is confirmed once these succeed"
_FAILED = "The check {0} {1}, so that the change was not confirmed: {2}."
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


def not_run(checks: Iterable[Check]) -> str:
    """Return what a dry run says of checks."""
    return NOT_RUN.format(", ".join(check.name for check in checks))


def failed(answer: Mapping[str, Any]) -> str:
    """Return what to say of a change that a check has ended, from what the host has answered."""
    check = answer["failed_check"]
    first = _FAILED.format(check["name"], check["why"], answer["after"])
    return f"{first} Its last lines:\n{check['output']}" if check["output"] else f"{first} It has printed nothing"
