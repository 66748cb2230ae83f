# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the core is told from outside: profiles and argument specs by files, addresses by this machine's resolver."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .._values.problems import Problems, Where, near_miss, one_of
from .profile import Profile

PROFILES = Path(__file__).parents[2] / "profiles"
ROLES = Path(__file__).parents[3] / "roles"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a tenth of the time, where PyYAML was built with it


def load_profile(where: Where, name: str, problems: Problems) -> Sequence[Profile]:
    """Return the profile of this name (a shipped one's, or the path of a file); or nothing, and a noted problem.

    A path has a slash in it and ends in .yml or .yaml; it is relative to the working directory.
    """
    profile = _load(where, name, (), problems)
    return [profile] if profile else []


def _load(where: Where, name: str, extending: Sequence[str], problems: Problems) -> Profile | None:
    is_path = "/" in name and name.endswith((".yml", ".yaml"))
    path = Path(name) if is_path else PROFILES / f"{name}.yml"
    if not path.is_file() or ("/" in name and not is_path):
        known = [path.stem for path in PROFILES.glob("*.yml")]
        problems.add(where, name, f"a profile: {one_of(known)}, or the path of a .yml file", near_miss(name, known))
        return None
    try:
        content = _content(path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add(where, name, "a profile in YAML", " ".join(str(error).split()))
        return None
    base = content.get("extends") if isinstance(content, Mapping) else None
    if base is None:
        return Profile(name, content)
    place = Where("extends", f"profile {name}")
    if not isinstance(base, str) or base in (*extending, name):
        problems.add(place, base, "the name of a profile that doesn't extend this one")
        return None
    extended = _load(place, base, (*extending, name), problems)
    return Profile(name, content, extended) if extended else None


@cache
def _content(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def argument_specs() -> tuple[dict[str, Any], ...]:
    """Return what the roles of this collection take, each as its file has it."""
    files = sorted(ROLES.glob("*/meta/argument_specs.yml"))
    return tuple(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader) for path in files)


@cache
def look_up(name: str) -> tuple[str, ...]:
    """Return the addresses of a host name; none where it has none."""
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(sorted({str(address[0]).partition("%")[0] for *_kind, address in answers}))
