"""A profile: the shipped classes, zones, services and flows of one product version, with the user's switches applied.

A profile is data. Its rows are the model's rows, plus ``when`` (the options under which a row counts).
Its format is described in docs/profiles.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import Problems, Where, near_miss, one_of
from .model import Declared, Layer
from .readers import Item, flag_at, rows

SCHEMA = 1

_PROFILE_KEYS = ("schema", "title", "source", "options", "classes", "zones", "services", "flows")
_OPTION_KEYS = ("name", "type", "default", "why")
_LISTS = ("classes", "zones", "services", "flows")


@dataclass(frozen=True)
class Profile:
    """A profile's name and its content as read from its file, unchecked."""

    name: str
    content: object


@dataclass(frozen=True)
class Option:
    """A switch of a profile; all of today's are true or false."""

    name: str
    default: bool


def read_profiles(profiles: Sequence[Profile], options: Declared, problems: Problems) -> Layer:
    """Return the rows of all profiles that count under the options the user has set."""
    items = [
        Item(Where("", f"profile {profile.name}"), profile.content, _PROFILE_KEYS, problems) for profile in profiles
    ]
    known = {option.name: option for item in items for option in _read_options(item)}
    chosen = _choose(known, options, problems)
    layers = [_read_rows(item, chosen) for item in items]
    return Layer(
        classes=[declared for layer in layers for declared in layer.classes],
        zones=[declared for layer in layers for declared in layer.zones],
        services=[declared for layer in layers for declared in layer.services],
        flows=[declared for layer in layers for declared in layer.flows],
        required_zones={zone: why for layer in layers for zone, why in layer.required_zones.items()},
    )


def _read_options(profile: Item) -> list[Option]:
    if profile.raw("schema") != SCHEMA:
        profile.problems.add(profile.place("schema"), profile.raw("schema"), f"{SCHEMA}, the one this version reads")
    found = []
    for where, value in rows(profile.place("options"), profile.raw("options"), profile.problems):
        item = Item(where, value, _OPTION_KEYS, profile.problems)
        item.choice("type", ("bool",), "bool")
        found.append(Option(item.one_name("name"), item.flag("default")))
    return found


def _choose(known: Mapping[str, Option], options: Declared, problems: Problems) -> dict[str, bool]:
    value = options.value if options.value is not None else {}
    if not isinstance(value, Mapping):
        problems.add(options.where, value, "a mapping of the profile's options")
        value = {}
    for name in value:
        if name not in known:
            problems.add(options.where.key(name), value[name], f"an option: {one_of(known)}", near_miss(name, known))
    return {
        name: flag_at(options.where.key(name), value.get(name), option.default, problems)
        for name, option in known.items()
    }


def _read_rows(profile: Item, chosen: Mapping[str, bool]) -> Layer:
    required: dict[str, str] = {}
    lists: dict[str, list[Declared]] = {key: [] for key in _LISTS}
    for key, found in lists.items():
        for where, value in rows(profile.place(key), profile.raw(key), profile.problems):
            row = dict(value) if isinstance(value, Mapping) else {}
            if not _applies(Item(where.key("when"), row.pop("when", {}), chosen, profile.problems), chosen):
                continue
            needed = Item(where.key("required_when"), row.pop("required_when", {}), chosen, profile.problems)
            if needed.keys() and _applies(needed, chosen):
                required[str(row.get("name"))] = f"{profile.where.origin} needs it with {_text(needed)}"
            found.append(Declared(where, row))
    return Layer(
        classes=lists["classes"],
        zones=lists["zones"],
        services=lists["services"],
        flows=lists["flows"],
        required_zones=required,
    )


def _applies(conditions: Item, chosen: Mapping[str, bool]) -> bool:
    return all(chosen.get(name) == conditions.raw(name) for name in conditions.keys())


def _text(conditions: Item) -> str:
    return ", ".join(f"{name}: {str(conditions.raw(name)).lower()}" for name in conditions.keys())
