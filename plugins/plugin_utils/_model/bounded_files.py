# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What files with bounds must not say, what others must not rely on, and the reading of bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .._values.problems import Problems
from .._values.readers import Item
from .bounds import Bounds
from .model import Declared, Layer, Model, zones_within
from .model_files import Bounded

_KEYS = ("from", "to")
_FORBIDDEN = ("classes", "security_groups")
_REPLACEABLE = ("zones", "services", "flows")
_ASSERTED = ("allow", "deny", "to")


def read_bounds(
    bounded: Sequence[Bounded], profiles: Layer, user: Layer, model: Model, problems: Problems
) -> tuple[Bounds, ...]:
    """Read the bounds of files, noting what the files must not say whatever their bounds are.

    They define no class, and replace nothing of a profile's. What others have declared has its name already.
    """
    for one in bounded:
        for row, expected in _beyond_any(one, profiles, user):
            why = f"this file has bounds, at {one.may.where}"
            problems.add(row.where.key("name"), _name(row), f"{expected}: {why}")
    return tuple(_read(one, model, problems) for one in bounded)


def note_unsure_assertions(assertions: Sequence[Declared], model: Model, problems: Problems) -> None:
    """Note assertions of others whose ends a file with bounds declares: it could say that these are empty."""
    for bounds in model.bounds:
        for row in (row for row in assertions if row.where.origin not in bounds.origins):
            for key, name in _ends(row):
                own = _own_zones(name, bounds.origins, model)
                if own:
                    expected = f"an end that no file with bounds declares, as {', '.join(own)} is"
                    problems.add(row.where.key(key), name, expected)


def _beyond_any(one: Bounded, profiles: Layer, user: Layer) -> Iterator[tuple[Declared, str]]:
    for key in _FORBIDDEN:
        yield from ((row, f"no {key}") for row in _of(one, user, key))
    for key in _REPLACEABLE:
        shipped = {_name(row): row.where.origin for row in getattr(profiles, key)}
        for row in (row for row in _of(one, user, key) if _name(row) in shipped):
            yield row, f"a name of its own, and not one of {shipped[_name(row)]}"


def _of(one: Bounded, user: Layer, key: str) -> list[Declared]:
    return [row for row in getattr(user, key) if row.where.origin in one.origins]


def _name(row: Declared) -> str:
    return str(row.value.get("name")) if isinstance(row.value, Mapping) else ""


def _ends(row: Declared) -> Iterator[tuple[str, str]]:
    value: Mapping[object, object] = row.value if isinstance(row.value, Mapping) else {}
    for key in _ASSERTED:
        said = value.get(key)
        ends = said if isinstance(said, list) else [said]
        yield from ((key, name) for name in ends if isinstance(name, str))


def _read(one: Bounded, model: Model, problems: Problems) -> Bounds:
    item = Item(one.may.where, one.may.value, _KEYS, problems)
    senders, receivers = (_read_end(item, key, one, model) for key in _KEYS)
    return Bounds(one.may.where, senders, receivers, one.origins)


def _read_end(item: Item, key: str, one: Bounded, model: Model) -> tuple[str, ...]:
    if item.is_mapping and not item.has(key):
        item.problems.add(item.place(key), None, "a list of classes and zones; [] allows none")
    names = item.references(key, {**model.classes, **model.zones, **model.same_as})
    for name in names:
        own = _own_zones(name, one.origins, model)
        if own:
            expected = f"bounds that no bounded file sets itself: it declares {', '.join(own)}"
            item.problems.add(item.place(key), name, expected)
    return tuple(model.same_as.get(name, name) for name in names)


def _own_zones(name: str, origins: Sequence[str], model: Model) -> list[str]:
    """Return the zones of some files that say what a zone holds."""
    return sorted(zone for zone in zones_within(model.zones, name) if model.zones[zone].where.origin in origins)
