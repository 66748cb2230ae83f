# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A profile: the shipped classes, zones, services and flows of one product version, with the user's switches applied.

A profile is data. Its rows are the model's rows, plus ``when`` (the options under which a row counts). It may extend
another: its rows replace the other's of the same name, and ``drop`` names those that fall away. Its format is described
in docs/profiles.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._values.problems import Problems, Where, near_miss, one_of
from .._values.readers import Item, choice_at, flag_at, rows
from .model import Declared, Layer
from .profile_options import KINDS, NOTHING, READERS, Chosen, Value, options_named_by

SCHEMA = 1

_LISTS = ("classes", "zones", "services", "flows", "security_groups")
_PROFILE_KEYS = ("schema", "title", "source", "extends", "drop", "options", *_LISTS)
_OPTION_KEYS = ("name", "type", "default", "choices", "required", "beside", "detected", "when", "why")


@dataclass(frozen=True)
class Profile:
    """A profile's name, its content as read from its file, unchecked, and the profile that it extends."""

    name: str
    content: object
    base: Profile | None = None

    @property
    def where(self) -> Where:
        """Return the place of its rows."""
        return Where("", f"profile {self.name}")


@dataclass(frozen=True)
class Option:
    """A switch of a profile.

    It may be ``required``, count only ``beside`` another one, or be ``detected`` where it is not set, ``when``
    others are set so.
    """

    name: str
    kind: str
    default: Value
    choices: tuple[str, ...] = ()
    why: str = ""
    required: bool = False
    beside: str = ""
    detected: bool = False
    when: Declared = Declared(Where(""), None)

    def read(self, where: Where, value: object, problems: Problems) -> Value:
        """Return what it is set to."""
        if self.kind == "choice":
            return choice_at(where, value, self.choices, str(self.default), problems)
        if self.kind == "choices":
            items = [(where, value)] if isinstance(value, str) else rows(where, value, problems)
            return tuple(dict.fromkeys(choice_at(at, item, self.choices, "", problems) for at, item in items))
        if self.kind in READERS:
            return READERS[self.kind](where, value, problems) if value is not None else self.default
        return flag_at(where, value, bool(self.default), problems)


def read_profiles(profiles: Sequence[Profile], options: Declared, problems: Problems) -> Layer:
    """Return the rows of all profiles that count under the options the user has set."""
    items = {profile.name: _item(profile, problems) for profile in _with_bases(profiles)}
    for item in items.values():
        if item.raw("schema") != SCHEMA:
            item.problems.add(item.place("schema"), item.raw("schema"), f"{SCHEMA}, the one this version reads")
    rows_of_options = [row for profile in profiles for row in _rows(profile, items, "options")]
    known = {option.name: option for option in (_read_option(row, problems) for row in rows_of_options)}
    chosen = _choose(known, options, problems)
    layers = [_read_rows({key: _rows(profile, items, key) for key in _LISTS}, chosen, problems) for profile in profiles]
    return Layer(
        classes=[declared for layer in layers for declared in layer.classes],
        zones=[declared for layer in layers for declared in layer.zones],
        services=[declared for layer in layers for declared in layer.services],
        flows=[declared for layer in layers for declared in layer.flows],
        security_groups=[declared for layer in layers for declared in layer.security_groups],
        required_zones={zone: why for layer in layers for zone, why in layer.required_zones.items()},
        undetected=dict(_undetected(known, chosen.values, problems)),
    )


def _with_bases(profiles: Sequence[Profile]) -> list[Profile]:
    found = list(profiles)
    for profile in found:  # it grows meanwhile
        if profile.base and profile.base not in found:
            found.append(profile.base)
    return found


def _item(profile: Profile, problems: Problems) -> Item:
    return Item(profile.where, profile.content, _PROFILE_KEYS, problems)


def _rows(profile: Profile, items: Mapping[str, Item], key: str) -> list[Declared]:
    """Return the rows of one list: the profile's own, and those of its base that it neither replaces nor drops."""
    item = items[profile.name]
    own = [Declared(where, value) for where, value in rows(item.place(key), item.raw(key), item.problems)]
    if not profile.base:
        return own
    inherited = _rows(profile.base, items, key)
    names = [_name(row) for row in inherited]
    gone = {_name(row) for row in own}
    for where, name in _dropped(item, key):
        if name in names:
            gone.add(str(name))
        else:
            expected = f"a name among the {key} of profile {profile.base.name}: {one_of(names)}"
            item.problems.add(where, name, expected, near_miss(name, names))
    return [row for row in inherited if _name(row) not in gone] + own


def _name(row: Declared) -> str:
    return str(row.value.get("name")) if isinstance(row.value, Mapping) else ""


def _dropped(profile: Item, key: str) -> list[tuple[Where, object]]:
    # What is wrong with the mapping itself is noted once, with the first of the lists.
    problems = profile.problems if key == "options" else Problems()
    drop = Item(profile.place("drop"), profile.raw("drop") or {}, (*_LISTS, "options"), problems)
    return list(rows(drop.place(key), drop.raw(key), profile.problems))


def _read_option(row: Declared, problems: Problems) -> Option:
    item = Item(row.where, row.value, _OPTION_KEYS, problems)
    kind = item.choice("type", KINDS, "bool")
    choices = item.names("choices")
    unset = Option(
        name=item.one_name("name"),
        kind=kind,
        default=NOTHING.get(kind, (*choices, "")[0]),
        choices=choices,
        why=item.text("why"),
        required=item.flag("required"),
        beside=item.one_name("beside") if item.has("beside") else "",
        detected=item.flag("detected"),
        when=Declared(item.place("when"), item.raw("when") or {}),
    )
    return replace(unset, default=unset.read(item.place("default"), item.raw("default"), problems))


def _choose(known: Mapping[str, Option], options: Declared, problems: Problems) -> Chosen:
    value = options.value if options.value is not None else {}
    if not isinstance(value, Mapping):
        problems.add(options.where, value, "a mapping of the profile's options")
        value = {}
    for name in value:
        if name not in known:
            problems.add(options.where.key(name), value[name], f"an option: {one_of(known)}", near_miss(name, known))
    values = {name: option.read(options.where.key(name), value.get(name), problems) for name, option in known.items()}
    for name, option in known.items():
        where = options.where.key(name)
        if option.required and value.get(name) is None:
            problems.add(where, None, f"a value; there is no default: {option.why}")
        if values[name] and option.beside and not values.get(option.beside):
            problems.add(where, value.get(name), f"{option.beside}, too: without it, this says nothing")
    return Chosen(values, {name: option.kind for name, option in known.items()})


def _undetected(
    known: Mapping[str, Option], values: Mapping[str, Value], problems: Problems
) -> Iterator[tuple[str, str]]:
    """Yield the options, with their types, that are not set and that a run can find out."""
    for name, option in known.items():
        conditions = Item(option.when.where, option.when.value, known, problems)
        if option.detected and not values[name] and not values.get(option.beside) and _applies(conditions, values):
            yield name, option.kind


def _read_rows(lists: Mapping[str, Sequence[Declared]], chosen: Chosen, problems: Problems) -> Layer:
    required: dict[str, str] = {}
    counting: dict[str, list[Declared]] = {key: [] for key in _LISTS}
    for key, found in counting.items():
        for declared in lists[key]:
            row: dict[str, Any] = dict(declared.value) if isinstance(declared.value, Mapping) else {}
            where = declared.where
            if not _applies(Item(where.key("when"), row.pop("when", {}), chosen.values, problems), chosen.values):
                continue
            needed = Item(where.key("required_when"), row.pop("required_when", {}), chosen.values, problems)
            if needed.keys() and _applies(needed, chosen.values):
                option = "".join(f"; gatehouse_options.{name} says who it is" for name in options_named_by(row))
                required[str(row.get("name"))] = f"{where.origin} needs it with {_text(needed)}{option}"
            for one in chosen.each(where, row, problems):
                if chosen.fill(where, one, problems):
                    found.append(Declared(where, one))
    return Layer(
        classes=counting["classes"],
        zones=counting["zones"],
        services=counting["services"],
        flows=counting["flows"],
        security_groups=counting["security_groups"],
        required_zones=required,
    )


def _applies(conditions: Item, chosen: Mapping[str, Value]) -> bool:
    return all(_holds(conditions.raw(name), chosen.get(name)) for name in conditions.keys())


def _holds(wanted: object, value: object) -> bool:
    if isinstance(wanted, bool):
        return bool(value) == wanted  # of an option that is no switch: whether it is set
    chosen = value if isinstance(value, tuple) else (value,)
    accepted = wanted if isinstance(wanted, list) else [wanted]
    return any(one in chosen for one in accepted)


def _text(conditions: Item) -> str:
    return ", ".join(f"{name}: {str(conditions.raw(name)).lower()}" for name in conditions.keys())
