"""The profiles that come with the collection, read from their files. The only input and output beside the core."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
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


@lru_cache(maxsize=None)
def _content(name: str) -> object:
    return yaml.safe_load((PROFILES / f"{name}.yml").read_text(encoding="utf-8"))
