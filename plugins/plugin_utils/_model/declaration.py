# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From the variables people set to a declaration: lists of several groups merge, single values must agree.

A source is one place that sets variables (a group, a host, a play), with the name to call it by in a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .._values.problems import Problems, Where, near_miss
from .._values.readers import rows
from .arguments import arguments
from .denied import KEY as DENIED
from .deny import KEY as DENY
from .exports import Export
from .model import Declared, Layer
from .model_files import KEY as FILES
from .model_files import LISTS, Bounded, ModelFiles, read_model_files
from .profile import Profile

PREFIX = "gatehouse_"
VALUES = ("profile", "options", "echo_request", "dhcp", "refresh", "calico")
MODEL_KEYS = (*(f"{PREFIX}{key}" for key in (*VALUES, *LISTS)), FILES)
SIDE_KEYS = ("gatehouse_addresses", "gatehouse_interfaces")
OWN_KEYS = ("gatehouse_mode", "gatehouse_antispoof", "gatehouse_self_heal", DENIED, DENY, *SIDE_KEYS)
HOST_KEYS = ("ansible_host", "gatehouse_backend", "gatehouse_calico_node", *OWN_KEYS)
_NAMED = re.compile(rf"({PREFIX}(?:{'|'.join(LISTS)}))__\w+", re.ASCII)
_NAMEABLE = tuple(f"{PREFIX}{key}" for key in LISTS)
ProfileLoader = Callable[[Where, str, Problems], Sequence[Profile]]


@dataclass(frozen=True)
class Source:
    """Variables set in one place; ``origin`` is empty where the variable's name alone says enough.

    ``folder`` is the one that paths of model files are relative to, where it is known.
    """

    origin: str
    variables: Mapping[str, object]
    folder: Path | None = None


@dataclass(frozen=True)
class Declaration:
    """A whole model as it was written: the profiles, the user's options and the user's own layer."""

    profiles: Sequence[Profile] = ()
    options: Declared = Declared(Where("gatehouse_options"), None)
    echo_request: Declared = Declared(Where("gatehouse_echo_request"), None)
    dhcp: Declared = Declared(Where("gatehouse_dhcp"), None)
    refresh: Declared = Declared(Where("gatehouse_refresh"), None)
    user: Layer = field(default_factory=Layer)
    assertions: Sequence[Declared] = ()
    calico: Declared = Declared(Where("gatehouse_calico"), None)
    bounded: Sequence[Bounded] = ()
    exported: Sequence[Export] = ()


def declare(sources: Sequence[Source], load_profile: ProfileLoader, problems: Problems) -> Declaration:
    """Return the declaration that all sources make together."""
    for source in sources:
        _note_misspelt(source, problems)
    profile = _single(sources, "gatehouse_profile", problems)
    files = read_model_files(_entries(sources, problems), problems)
    return Declaration(
        profiles=_profiles(profile, load_profile, problems),
        options=_single(sources, "gatehouse_options", problems),
        echo_request=_single(sources, "gatehouse_echo_request", problems),
        dhcp=_single(sources, "gatehouse_dhcp", problems),
        refresh=_single(sources, "gatehouse_refresh", problems),
        user=Layer(
            classes=_rows(sources, "classes", files, problems),
            zones=_rows(sources, "zones", files, problems),
            services=_rows(sources, "services", files, problems),
            flows=_rows(sources, "flows", files, problems),
            security_groups=_rows(sources, "security_groups", files, problems),
        ),
        assertions=_rows(sources, "assertions", files, problems),
        calico=_single(sources, "gatehouse_calico", problems),
        bounded=files.bounded,
        exported=files.exported,
    )


@cache
def misspelt(key: str) -> str:
    """Return a hint where a variable's name is almost one of ours, which would be ignored in silence."""
    known = arguments()
    if not key.startswith(PREFIX) or key in known or list_of(key):
        return ""
    head, is_named, _name = key.partition("__")
    if is_named and head in {*known} - {*_NAMEABLE}:
        return f"only lists of the model have names: {', '.join(_NAMEABLE)}"
    return near_miss(head, _NAMEABLE if is_named else known, cutoff=0.9)


def is_of_model(key: str) -> bool:
    """Return whether a variable is the model's, or means to be one of ours."""
    return is_declared(key) or bool(misspelt(key))


def is_declared(key: str) -> bool:
    """Return whether a variable is the model's."""
    return key in MODEL_KEYS or bool(list_of(key))


def list_of(key: str) -> str:
    """Return which list of the model a named one adds to, as ``gatehouse_flows__shop`` to ``gatehouse_flows``."""
    named = _NAMED.fullmatch(key)
    return named.group(1) if named else ""


def _note_misspelt(source: Source, problems: Problems) -> None:
    for key, value in source.variables.items():
        hint = misspelt(key)
        if hint:
            problems.add(Where(key, source.origin), value, "a variable of the model", hint)


def _rows(sources: Iterable[Source], key: str, files: ModelFiles, problems: Problems) -> list[Declared]:
    variable = f"{PREFIX}{key}"
    found = [
        Declared(*row)
        for source in sources
        for name in (variable, *sorted(name for name in source.variables if list_of(name) == variable))
        for row in rows(Where(name, source.origin), source.variables.get(name), problems)
    ]
    return found + files.rows[key]


def _entries(sources: Iterable[Source], problems: Problems) -> Iterator[tuple[Where, object, Path | None]]:
    for source in sources:
        where, value = Where(FILES, source.origin), source.variables.get(FILES)
        items = [(where, value)] if isinstance(value, str) else rows(where, value, problems)
        yield from ((*item, source.folder) for item in items)


def _single(sources: Iterable[Source], key: str, problems: Problems) -> Declared:
    found: Declared | None = None
    for source in sources:
        value = source.variables.get(key)
        if value is None:
            continue
        declared = Declared(Where(key, source.origin), value)
        if found and found.value != value:
            expected = f"one value for the whole fleet; {found.where} says {found.value}"
            problems.add(declared.where, value, expected)
        found = found or declared
    return found or Declared(Where(key), None)


def _profiles(declared: Declared, load_profile: ProfileLoader, problems: Problems) -> list[Profile]:
    if declared.value is None:
        return []
    if isinstance(declared.value, str):
        return list(load_profile(declared.where, declared.value, problems))
    found: dict[str, Sequence[Profile]] = {}
    for where, name in rows(declared.where, declared.value, problems):
        if not isinstance(name, str):
            problems.add(where, name, "the name of a profile")
        elif name in found:
            problems.add(where, name, "each profile once")
        else:
            found[name] = load_profile(where, name, problems)
    return [profile for profiles in found.values() for profile in profiles]
