# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Templates that must say the same for each host: for which hosts they can say anything new, and where they differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .._values.plain import plain
from .._values.problems import Where

_WORD = re.compile(r"[A-Za-z_]\w*")
_LOOKUPS = {"lookup", "query", "q", "vars", "include", "import"}  # by these a template may use any variable
_SAME_FOR_ALL = {
    "groups",
    "hostvars",
    "play_hosts",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_batch",
}


def distinct(
    templates: Mapping[str, object], hosts: Iterable[str], read: Callable[[str], Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield, with their variables, those hosts for which templates may say something that they haven't said yet."""
    if not templates:
        return
    words = _words(templates)
    seen = set()
    for host in hosts:
        variables = read(host)
        used = _used_by(words, variables) or host
        if used not in seen:
            seen.add(used)
            yield host, variables


def _used_by(words: set[str], variables: Mapping[str, Any]) -> str:
    """Return the text of the variables that these words of templates stand for; nothing where that can't be told."""
    used: dict[str, object] = {}
    waiting = [words]
    while waiting:
        for word in waiting.pop() - used.keys() - _SAME_FOR_ALL:
            if word in _LOOKUPS:
                return ""
            if word in variables:
                used[word] = plain(variables[word])
                waiting.append(_words(used[word]))
    return repr(sorted(used.items(), key=lambda item: item[0]))


def _words(value: object) -> set[str]:
    if isinstance(value, Mapping):
        return _words([*value.keys(), *value.values()])
    if isinstance(value, (list, tuple)):
        return set().union(*map(_words, value))
    return set(_WORD.findall(value)) if isinstance(value, str) and "{" in value else set()


def difference(where: Where, one: object, other: object) -> tuple[Where, object, object]:
    """Return the first place in which two plain values differ, and what each has there."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        pairs = [(where.key(key), one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(where.at(index), *pair) for index, pair in enumerate(zip(one, other))]
    else:
        return where, one, other
    return next((difference(*pair) for pair in pairs if pair[1] != pair[2]), (where, one, other))
