# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A model that a filter or a test was given as plain data, and how these fail."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from ansible.errors import AnsibleFilterError

from .. import _pipeline as pipeline
from .._model.declaration import HOST_KEYS, MODEL_KEYS, PREFIX, Declaration, Source, declare, is_declared
from .._model.model import Model
from .._model.model_files import KEY as FILES
from .._model.sources import load_profile, look_up
from .._policy.compile import Fleet
from .._policy.resolve import Inventory
from .._values.plain import plain
from .._values.problems import ModelError, Problems, Where, near_miss, one_of
from .._verdict.ask import explained
from .._verdict.endpoints import Ends
from .._verdict.explain import Explanation
from .internals import folder_of

Given = Mapping[str, Any]
Groups = Mapping[str, Iterable[str]]

_TEXT = (str, "a text")
_MAPPING = (Mapping, "a mapping")
_EXPECTED: dict[str, tuple[Any, str]] = {
    "model": (Mapping, "a mapping of gatehouse_* variables"),
    "other": (Mapping, "a mapping of gatehouse_* variables"),
    "node_class": _TEXT,
    "direction": _TEXT,
    "peer": _TEXT,
    "host": _TEXT,
    "sender": _TEXT,
    "receiver": _TEXT,
    "port": _TEXT,
    "form": _TEXT,
    "objects": ((list, tuple, Mapping), "Calico's objects, in a list"),
    "groups": _MAPPING,
    "hostvars": _MAPPING,
}


def with_plain_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose errors name it and its argument."""

    @wraps(function)
    def with_errors(*arguments: Any, **keywords: Any) -> Any:
        name = function.__name__
        try:
            bound = inspect.signature(function).bind(*arguments, **keywords)
        except TypeError as error:
            raise AnsibleFilterError(f"{name}: {error}") from error
        for argument, value in bound.arguments.items():
            kind, words = _EXPECTED.get(argument, (object, ""))
            if not isinstance(value, kind):
                raise AnsibleFilterError(f"{name}: {argument}: got {type(value).__name__}, expected {words}")
        try:
            return function(*arguments, **keywords)
        except ModelError as error:
            raise AnsibleFilterError(f"{name}: {error}") from error

    return with_errors


def explanation(model: Given, sender: str, receiver: str, port: str, groups: Groups, hostvars: Given) -> Explanation:
    """Return why packets from one end to a port of the other pass, or don't."""
    ends = _ends(model, groups, hostvars, (sender, receiver))
    return explained(ends, sender, receiver, port, Problems())


def compiled(model: Given, groups: Groups, hostvars: Given) -> Fleet:
    """Return the fleet that a model makes of an inventory."""
    return _ends(model, groups, hostvars).fleet


def read(model: Given) -> Model:
    """Return a model without an inventory."""
    problems = Problems()
    found = pipeline.read(_declare(model, problems), problems)
    problems.raise_if_any()
    return found


def _ends(model: Given, groups: Groups, hostvars: Given, also: Iterable[str] = ()) -> Ends:
    members, problems = {name: tuple(hosts) for name, hosts in groups.items()}, Problems()
    declaration = _declare(model, problems)
    found = pipeline.read(declaration, problems)
    needed = pipeline.hosts_to_read(declaration, found, members, also)
    inventory = Inventory(members, {host: _of_host(hostvars[host]) for host in needed})
    fleet = pipeline.compile_model(declaration, found, inventory, look_up, datetime.date.today(), problems)
    return Ends(fleet, inventory, look_up)


def _of_host(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(variables[key]) for key in HOST_KEYS if key in variables}


def _declare(model: Given, problems: Problems) -> Declaration:
    """Take all variables of a play, of which those with our prefix count, or a mapping that has the keys without it."""
    written = {str(key): model[key] for key in model}
    prefixed = {key: plain(value) for key, value in written.items() if key.startswith(PREFIX)}
    short = {f"{PREFIX}{key}": plain(value) for key, value in written.items() if is_declared(f"{PREFIX}{key}")}
    if not prefixed:
        known = [key[len(PREFIX) :] for key in MODEL_KEYS]
        for key in (key for key in written if f"{PREFIX}{key}" not in short):
            problems.add(Where(key), written[key], f"no such key, but {one_of(known)}", near_miss(key, known))
    folder = folder_of(written.get(FILES, written.get(FILES[len(PREFIX) :])))
    return declare([Source("", prefixed or short, folder)], load_profile, problems)
