"""From the variables people set to a declaration: lists of several groups merge, single values must agree.

A source is one place that sets variables (a group, a host, a play), with the name to call it by in a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .errors import Problems, Where, near_miss
from .model import Declared, Layer
from .pipeline import Declaration
from .profile import Profile
from .readers import rows

PREFIX = "gatehouse_"
LISTS = ("classes", "zones", "services", "flows")
VALUES = ("profile", "options", "echo_request")
MODEL_KEYS = tuple(f"{PREFIX}{key}" for key in (*VALUES, *LISTS))
HOST_KEYS = ("ansible_host", "gatehouse_addresses", "gatehouse_interfaces")

ProfileLoader = Callable[[Where, str, Problems], Sequence[Profile]]


@dataclass(frozen=True)
class Source:
    """Variables set in one place; ``origin`` is empty where the variable's name alone says enough."""

    origin: str
    variables: Mapping[str, object]


def declare(sources: Sequence[Source], load_profile: ProfileLoader, problems: Problems) -> Declaration:
    """Return the declaration that all sources make together."""
    for source in sources:
        _note_misspelt(source, problems)
    lists = {key: list(_rows(sources, f"{PREFIX}{key}", problems)) for key in LISTS}
    profile = _single(sources, "gatehouse_profile", problems)
    return Declaration(
        profiles=_profiles(profile, load_profile, problems),
        options=_single(sources, "gatehouse_options", problems),
        echo_request=_single(sources, "gatehouse_echo_request", problems),
        user=Layer(**lists),
    )


def _note_misspelt(source: Source, problems: Problems) -> None:
    for key in source.variables:
        if key.startswith(PREFIX) and key not in MODEL_KEYS:
            hint = near_miss(key, MODEL_KEYS, cutoff=0.9)
            if hint:
                problems.add(Where(key, source.origin), source.variables[key], "a variable of the model", hint)


def _rows(sources: Iterable[Source], key: str, problems: Problems) -> Iterable[Declared]:
    for source in sources:
        for where, value in rows(Where(key, source.origin), source.variables.get(key), problems):
            yield Declared(where, value)


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
    found: list[Profile] = []
    for where, name in rows(declared.where, declared.value, problems):
        if isinstance(name, str):
            found.extend(load_profile(where, name, problems))
        else:
            problems.add(where, name, "the name of a profile")
    return found
