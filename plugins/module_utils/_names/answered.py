# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""When each host name was answered last, and when it has to be asked again: what a host knows between two refreshes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping

FILE = "var/lib/gatehouse/names.json"

Write = Callable[[Path, str], None]


class Answered:
    """A host's file on its answers by name: ``answered`` and ``due`` in seconds since 1970, and the last ``error``.

    ``seen`` has when each address that counts was in an answer last, and ``crowded`` the families of which the limit
    leaves out some.
    """

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

    def seen(self, name: str, addresses: Iterable[str]) -> dict[str, float]:
        """Return when each of these addresses was in an answer last; 0 where no answer of the host's own had it."""
        known = self._known(name)
        times = known.get("seen")
        if not isinstance(times, dict):  # of a version that kept the last answer alone
            return dict.fromkeys(addresses, float(known.get("answered", 0)))
        return {one: float(times.get(one, 0)) for one in addresses}

    def crowded(self, name: str) -> tuple[int, ...]:
        """Return the families in which a name has had more addresses than count."""
        return tuple(self._known(name).get("crowded", ()))

    def turn(self, name: str) -> tuple[bool, float]:
        """Return what puts names in the order to ask for them.

        Those that were answered come first, and of the others those that have waited longest: so a few that take their
        time hold up neither the rest nor always the same.
        """
        return bool(self.error(name)), float(self._known(name).get("asked", 0))

    def note_answer(
        self, name: str, now: float, due: float, seen: Mapping[str, float], error: str = "", crowded: Iterable[int] = ()
    ) -> None:
        """Note that a name was answered, when to ask again, and when each of its addresses was seen last."""
        what = {"answered": now, "asked": now, "due": due, "error": error, "seen": dict(seen)}
        self._names[name] = {**what, "crowded": list(crowded)}

    def note_failure(self, name: str, error: str, asked: float | None = None) -> None:
        """Note that a name was not answered, or not even asked for: it is the next time."""
        known = self._known(name)
        self._names[name] = {**known, "due": 0, "error": error, **({} if asked is None else {"asked": asked})}

    def expire(self, names: list[str]) -> None:
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
