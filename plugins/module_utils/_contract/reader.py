# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The one reader of what a ruleset's text says of the ruleset: of its first line, or of the comments of format 0.

It never raises: what can't be read says nothing, and what is newer says no more than that. ``Backend.header`` is for
those who would act by it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Mapping

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract import format_0
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import (
    ENFORCE,
    MODE_DIRECTIONS,
    OBSERVE,
    VERSION,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import (
    FORMAT,
    MARK,
    Header,
    HostName,
    NamedSet,
    Refresh,
)

_BROKEN = Header(format=None, version="")


@lru_cache(maxsize=8)
def read(text: str) -> Header:
    """Return what the text of a ruleset says of it."""
    if not text.startswith(MARK):
        return format_0.read(text)
    found = first_line(text)
    stamp = _stamped(found)
    if stamp.format != FORMAT:
        return stamp
    try:
        header = _header(found)
    except (AttributeError, KeyError, TypeError, ValueError):
        return _BROKEN
    return header if header.holds_its_names else _BROKEN


def stamped(text: str) -> Header:
    """Return of which format and version a file of ours is, whatever it holds; only its first line has to be there."""
    return _stamped(first_line(text)) if text.startswith(MARK) else Header(format=0, version="")


def _stamped(found: Mapping[str, Any]) -> Header:
    number, version = found.get("format"), found.get("version")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return _BROKEN
    return Header(format=number, version=version if isinstance(version, str) else "unknown")


def first_line(text: str) -> Mapping[str, Any]:
    """Return what the first line of a file of ours says; nothing where it isn't there, or is broken."""
    line = text.partition("\n")[0]
    if not line.startswith(MARK):
        return {}
    try:
        found = json.loads(line[len(MARK) :])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def body(text: str) -> str:
    """Return a text without what it says of itself for hosts, by its first line or in format 0."""
    return text.partition("\n")[2] if text.startswith(MARK) else format_0.body(text)


def newer(header: Header, place: str) -> str:
    """Return what to say of a text of a format that this version doesn't read."""
    return (
        f"{place}: got format {header.format}, which version {header.version} of gatehouse.firewall wrote, expected at "
        f"most format {FORMAT}: this is version {VERSION}. Nothing was changed. Run version {header.version} or a "
        "newer one, or have our rules taken away first (playbook remove)"
    )


def _directions(found: object) -> tuple[str, ...]:
    if not isinstance(found, (list, tuple)) or set(found) - set(MODE_DIRECTIONS):
        raise ValueError(found)
    return tuple(found)


def _header(found: Mapping[str, Any]) -> Header:
    mode, refresh = found["mode"], found["refresh"]
    if mode not in (OBSERVE, ENFORCE):
        raise ValueError(mode)
    describes, version = found["describes"], found["version"]
    if not isinstance(version, str) or not isinstance(describes, list) or set(map(type, describes)) - {str}:
        raise TypeError(found)
    return Header(
        version=version,
        mode=mode,
        describes=tuple(describes),
        refresh=None if refresh is None else Refresh.of(refresh),
        names=tuple(map(HostName.of, found["names"])),
        sets=tuple(map(NamedSet.of, found["sets"])),
        self_heal=found.get("self_heal") is True,
        # Version 1.0.0-beta.1 kept nothing, and had one mode for both directions.
        keeps=found.get("keeps") is True,
        carries=found.get("carries") is True,
        observing=_directions(found.get("observing", [])),
    )
