# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From the variables people set to a declaration: lists of several groups merge, single values must agree.

A source is one place that sets variables (a group, a host, a play), with the name to call it by in a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from .._values.problems import Problems, Where, near_miss
from .._values.readers import rows
from .arguments import arguments
from .model import Declared, Layer
from .profile import Profile

PREFIX = "gatehouse_"
LISTS = ("classes", "zones", "services", "flows", "security_groups", "assertions")
VALUES = ("profile", "options", "echo_request", "dhcp", "refresh", "calico")
MODEL_KEYS = tuple(f"{PREFIX}{key}" for key in (*VALUES, *LISTS))
SIDE_KEYS = ("gatehouse_addresses", "gatehouse_interfaces")
OWN_KEYS = ("gatehouse_mode", "gatehouse_antispoof", *SIDE_KEYS)
HOST_KEYS = ("ansible_host", "gatehouse_backend", "gatehouse_calico_node", *OWN_KEYS)
ProfileLoader = Callable[[Where, str, Problems], Sequence[Profile]]


@dataclass(frozen=True)
class Source:
    """Variables set in one place; ``origin`` is empty where the variable's name alone says enough."""

    origin: str
    variables: Mapping[str, object]


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


def declare(sources: Sequence[Source], load_profile: ProfileLoader, problems: Problems) -> Declaration:
    """Return the declaration that all sources make together."""
    for source in sources:
        _note_misspelt(source, problems)
    profile = _single(sources, "gatehouse_profile", problems)
    return Declaration(
        profiles=_profiles(profile, load_profile, problems),
        options=_single(sources, "gatehouse_options", problems),
        echo_request=_single(sources, "gatehouse_echo_request", problems),
        dhcp=_single(sources, "gatehouse_dhcp", problems),
        refresh=_single(sources, "gatehouse_refresh", problems),
        user=Layer(
            classes=_rows(sources, "gatehouse_classes", problems),
            zones=_rows(sources, "gatehouse_zones", problems),
            services=_rows(sources, "gatehouse_services", problems),
            flows=_rows(sources, "gatehouse_flows", problems),
            security_groups=_rows(sources, "gatehouse_security_groups", problems),
        ),
        assertions=_rows(sources, "gatehouse_assertions", problems),
        calico=_single(sources, "gatehouse_calico", problems),
    )


@cache
def misspelt(key: str) -> str:
    """Return a hint where a variable's name is almost one of ours, which would be ignored in silence."""
    known = arguments()
    return near_miss(key, known, cutoff=0.9) if key.startswith(PREFIX) and key not in known else ""


def is_of_model(key: str) -> bool:
    """Return whether a variable is the model's, or means to be one of ours."""
    return key in MODEL_KEYS or bool(misspelt(key))


def _note_misspelt(source: Source, problems: Problems) -> None:
    for key, value in source.variables.items():
        hint = misspelt(key)
        if hint:
            problems.add(Where(key, source.origin), value, "a variable of the model", hint)


def _rows(sources: Iterable[Source], key: str, problems: Problems) -> list[Declared]:
    return [
        Declared(where, value)
        for source in sources
        for where, value in rows(Where(key, source.origin), source.variables.get(key), problems)
    ]


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
