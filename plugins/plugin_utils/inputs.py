"""What the core is told from outside: profiles, from their files, and addresses, from this machine's resolver."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml

from .errors import Problems, Where, near_miss, one_of
from .profile import Profile

PROFILES = Path(__file__).parent.parent / "profiles"


def load_shipped(where: Where, name: str, problems: Problems) -> Sequence[Profile]:
    """Return the shipped profile of this name, or nothing and a noted problem."""
    known = [path.stem for path in PROFILES.glob("*.yml")]
    if name not in known:
        problems.add(where, name, f"a shipped profile: {one_of(known)}", near_miss(name, known))
        return []
    return [Profile(name, _content(name))]


@cache
def _content(name: str) -> object:
    return yaml.safe_load((PROFILES / f"{name}.yml").read_text(encoding="utf-8"))


@cache
def look_up(name: str) -> tuple[str, ...]:
    """Return the addresses of a host name; none where it has none."""
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(sorted({str(address[0]).partition("%")[0] for *_kind, address in answers}))
