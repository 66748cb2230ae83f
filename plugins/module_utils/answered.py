# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""When each host name was answered last, and when it has to be asked again: what a host knows between two refreshes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

FILE = "var/lib/gatehouse/names.json"

Write = Callable[[Path, str], None]


class Answered:
    """A host's file on its answers by name: ``answered`` and ``due`` in seconds since 1970, and the last ``error``."""

    def __init__(self, path: Path, write: Write, names: dict[str, dict[str, Any]]) -> None:
        """Keep what the file has."""
        self._path = path
        self._write = write
        self._names = names

    @classmethod
    def read(cls, write: Write, root: Path = Path("/")) -> Answered:
        """Read the file; one that isn't there, or can't be read, says nothing."""
        path = root / FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        return cls(path, write, found if isinstance(found, dict) else {})

    def is_due(self, name: str, now: float) -> bool:
        """Return whether a name has to be asked for."""
        return not now < float(self._known(name).get("due", 0)) <= now + 86400  # a clock that was set back is no excuse

    def error(self, name: str) -> str:
        """Return why the last question for a name went wrong; an empty text where it didn't."""
        return str(self._known(name).get("error", ""))

    def age(self, name: str, now: float) -> float | None:
        """Return for how many seconds a name's last answer has been known; None where it never was answered."""
        answered = self._known(name).get("answered")
        return None if answered is None else max(0.0, now - float(answered))

    def note_answer(self, name: str, now: float, due: float, error: str = "") -> None:
        """Note that a name was answered, and when to ask again."""
        self._names[name] = {"answered": now, "due": due, "error": error}

    def note_failure(self, name: str, error: str) -> None:
        """Note that a name was not answered: it is asked for again the next time."""
        self._names[name] = {**self._known(name), "due": 0, "error": error}

    def ask_again(self, names: list[str]) -> None:
        """Have these names asked for the next time, and forget all others."""
        self._names = {name: {**self._known(name), "due": 0} for name in names}
        self.save()

    def save(self) -> None:
        """Write the file."""
        self._write(self._path, json.dumps(self._names, indent=1, sort_keys=True) + "\n")

    def forget(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)

    def _known(self, name: str) -> dict[str, Any]:
        known = self._names.get(name, {})
        return known if isinstance(known, dict) else {}
