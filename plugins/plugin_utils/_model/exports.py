# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Files that another fleet's export has written: its classes, by their addresses, as they were on a day."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._values.problems import Problems, Where
from .._values.readers import Item
from .model import Declared

KEY = "exported"
"""Says in a file that it is an export."""
MAX_AGE = 30
"""For how many days an export counts, where its entry says nothing else."""

_KEYS = ("date", "commit")
_CLASS_KEYS = ("name", "networks")


@dataclass(frozen=True)
class Export:
    """A file with another fleet's classes; ``where`` is the place of its entry."""

    where: Where
    origin: str
    date: datetime.date | None
    max_age: int


def read_export(item: Item, where: Where, max_age: int) -> Export:
    """Read what an export says of itself; note what else than classes with networks is in it: it opens nothing."""
    said = Item(item.place(KEY), item.raw(KEY), _KEYS, item.problems)
    said.text("commit")
    date = said.date("date")
    if said.is_mapping and not said.has("date"):
        item.problems.add(said.place("date"), None, "the day of the export, such as 2027-01-31")
    for key in (key for key in item.keys() if key not in (KEY, "classes")):
        item.problems.add(item.place(key), item.raw(key), "classes alone: this file is an export")
    return Export(where, item.where.origin, date, max_age)


def note_managed(rows: Iterable[Declared], problems: Problems) -> None:
    """Note classes of an export that are more than addresses: what manages their hosts is the other fleet."""
    for row in rows:
        if isinstance(row.value, Mapping):
            Item(row.where, row.value, _CLASS_KEYS, problems)


def check_age(exports: Sequence[Export], today: datetime.date, problems: Problems) -> None:
    """Note exports that are older than they may be, and those of a day to come."""
    for one in exports:
        age = (today - one.date).days if one.date else 0
        if age > one.max_age:
            hint = "export it again, or say max_age where the file is named"
            expected = f"an export of at most {one.max_age} days ago; {one.origin} is {age} days old"
            problems.add(one.where, str(one.date), expected, hint)
        if age < -1:  # it may be tomorrow already where it was written
            problems.add(one.where, str(one.date), f"an export of a day that isn't to come; {one.origin} has it")
