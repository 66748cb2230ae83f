# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What files with bounds must not say at all, and the reading of their bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .._values.problems import Problems
from .._values.readers import Item
from .bounds import Bounds
from .model import Declared, Layer, Model, zones_within
from .model_files import Bounded

_KEYS = ("from", "to")


def read_bounds(
    bounded: Sequence[Bounded], profiles: Layer, user: Layer, model: Model, problems: Problems
) -> tuple[Bounds, ...]:
    """Read the bounds of files, noting what the files must not say whatever their bounds are."""
    for one in bounded:
        for declared, expected in _beyond_any(one, profiles, user):
            problems.add(declared.where, _name(declared), f"{expected}: this file has bounds, at {one.may.where}")
    return tuple(_read(one, model, problems) for one in bounded)


def _beyond_any(one: Bounded, profiles: Layer, user: Layer) -> Iterator[tuple[Declared, str]]:
    """Yield the rows of files with bounds that define a class or a security group, or replace something shipped."""
    of_files = {
        key: _of(one, getattr(user, key)) for key in ("classes", "security_groups", "zones", "services", "flows")
    }
    for key in ("classes", "security_groups"):
        yield from ((row, f"no {key}") for row in of_files[key])
    for key in ("zones", "services", "flows"):
        shipped = {_name(row): row.where.origin for row in getattr(profiles, key)}
        for row in of_files[key]:
            if _name(row) in shipped:
                yield (
                    row,
                    f"a name of its own, since {shipped[_name(row)]} has it and no bounded file replaces anything",
                )


def _of(one: Bounded, rows: Iterable[Declared]) -> list[Declared]:
    return [row for row in rows if row.where.origin in one.origins]


def _name(row: Declared) -> str:
    return str(row.value.get("name")) if isinstance(row.value, Mapping) else ""


def _read(one: Bounded, model: Model, problems: Problems) -> Bounds:
    item = Item(one.may.where, one.may.value, _KEYS, problems)
    senders, receivers = (_read_end(item, key, one, model) for key in _KEYS)
    return Bounds(one.may.where, senders, receivers, one.origins)


def _read_end(item: Item, key: str, one: Bounded, model: Model) -> tuple[str, ...]:
    if item.is_mapping and not item.has(key):
        item.problems.add(item.place(key), None, "a list of classes and zones; [] is nobody")
    names = item.references(key, {**model.classes, **model.zones, **model.same_as})
    for name in names:
        own = [zone for zone in zones_within(model.zones, name) if model.zones[zone].where.origin in one.origins]
        if own:
            expected = f"bounds that no bounded file sets itself: it declares {', '.join(sorted(own))}"
            item.problems.add(item.place(key), name, expected)
    return tuple(model.same_as.get(name, name) for name in names)
