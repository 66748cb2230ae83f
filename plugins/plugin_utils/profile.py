"""A profile: the shipped classes, zones, services and flows of one product version, with the user's switches applied.

A profile is data. Its rows are the model's rows, plus ``when`` (the options under which a row counts). It may extend
another: its rows replace the other's of the same name, and ``drop`` names those that fall away. Its format is described
in docs/profiles.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import Problems, Where, near_miss, one_of
from .model import Declared, Layer
from .readers import Item, choice_at, flag_at, ports_at, rows

SCHEMA = 1
KINDS = ("bool", "choice", "ports")

_LISTS = ("classes", "zones", "services", "flows", "security_groups")
_PROFILE_KEYS = ("schema", "title", "source", "extends", "drop", "options", *_LISTS)
_OPTION_KEYS = ("name", "type", "default", "choices", "why")

Value = bool | str | tuple[str, ...]
"""What an option is set to: true or false, one of its choices, or ports as a model writes them."""


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
    """A switch of a profile."""

    name: str
    kind: str
    default: Value
    choices: tuple[str, ...] = ()

    def read(self, where: Where, value: object, problems: Problems) -> Value:
        """Return what somebody has set it to."""
        if self.kind == "choice":
            return choice_at(where, value, self.choices, str(self.default), problems)
        if self.kind == "ports":
            return tuple(ports_at(where, value, problems).texts()) if value is not None else self.default
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
    nothing: Mapping[str, Value] = {"bool": False, "choice": (*choices, "")[0], "ports": ()}
    unset = Option(item.one_name("name"), kind, nothing[kind], choices)
    return replace(unset, default=unset.read(item.place("default"), item.raw("default"), problems))


def _choose(known: Mapping[str, Option], options: Declared, problems: Problems) -> dict[str, Value]:
    value = options.value if options.value is not None else {}
    if not isinstance(value, Mapping):
        problems.add(options.where, value, "a mapping of the profile's options")
        value = {}
    for name in value:
        if name not in known:
            problems.add(options.where.key(name), value[name], f"an option: {one_of(known)}", near_miss(name, known))
    return {name: option.read(options.where.key(name), value.get(name), problems) for name, option in known.items()}


def _read_rows(lists: Mapping[str, Sequence[Declared]], chosen: Mapping[str, Value], problems: Problems) -> Layer:
    required: dict[str, str] = {}
    counting: dict[str, list[Declared]] = {key: [] for key in _LISTS}
    for key, found in counting.items():
        for declared in lists[key]:
            row: dict[str, Any] = dict(declared.value) if isinstance(declared.value, Mapping) else {}
            where = declared.where
            if not _applies(Item(where.key("when"), row.pop("when", {}), chosen, problems), chosen):
                continue
            needed = Item(where.key("required_when"), row.pop("required_when", {}), chosen, problems)
            if needed.keys() and _applies(needed, chosen):
                required[str(row.get("name"))] = f"{where.origin} needs it with {_text(needed)}"
            if "ports_option" not in row or _take_ports(where, row, chosen, problems):
                found.append(Declared(where, row))
    return Layer(
        classes=counting["classes"],
        zones=counting["zones"],
        services=counting["services"],
        flows=counting["flows"],
        security_groups=counting["security_groups"],
        required_zones=required,
    )


def _take_ports(where: Where, row: dict[str, Any], chosen: Mapping[str, Value], problems: Problems) -> bool:
    """Put an option's ports in place of the row's ``ports_option``; return whether there are any."""
    name = row.pop("ports_option")
    ports = chosen.get(name)
    if not isinstance(ports, tuple):
        options = [option for option, value in chosen.items() if isinstance(value, tuple)]
        problems.add(where.key("ports_option"), name, f"an option of type ports: {one_of(options)}")
        return False
    row["ports"] = list(ports)
    return bool(ports)


def _applies(conditions: Item, chosen: Mapping[str, Value]) -> bool:
    return all(_holds(conditions.raw(name), chosen.get(name)) for name in conditions.keys())


def _holds(wanted: object, value: object) -> bool:
    return value in wanted if isinstance(wanted, list) else value == wanted


def _text(conditions: Item) -> str:
    return ", ".join(f"{name}: {str(conditions.raw(name)).lower()}" for name in conditions.keys())
