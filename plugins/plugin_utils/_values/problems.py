# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What can be wrong with a model, said so that its author can mend it.

Every reader adds to one list of problems instead of raising at the first; the reader of the model raises them
together.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field


class GatehouseError(Exception):
    """Base of everything this collection raises on purpose."""


@dataclass(frozen=True)
class Where:
    """The place of a value, as its author wrote it: ``gatehouse_flows[3].ports[1]``.

    ``origin`` names the source where the key alone doesn't, e.g. ``group k8s_nodes`` or a profile's file.
    """

    path: str
    origin: str = ""

    def at(self, index: int) -> Where:
        """Return the place of one item of this list."""
        return Where(f"{self.path}[{index}]", self.origin)

    def key(self, name: object) -> Where:
        """Return the place of one key of this mapping."""
        return Where(f"{self.path}.{name}" if self.path else str(name), self.origin)

    @property
    def is_shipped(self) -> bool:
        """Return whether a profile says it, and not the user."""
        return self.origin.startswith("profile ")

    def __str__(self) -> str:
        """Return the path, with the origin where there is one; of an origin as a whole, its name alone."""
        return f"{self.path} ({self.origin})" if self.origin and self.path else self.path or self.origin


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what was got, what was expected, and what to do."""

    where: Where
    got: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the problem as one line."""
        line = f"{self.where}: got {self.got}, expected {self.expected}"
        return _printable(f"{line}; {self.hint}" if self.hint else line)


IN_THE_MODEL = "in the model; nothing was changed"
IN_THE_QUESTION = "in the question"


class ModelError(GatehouseError):
    """The model, or a question about it, is wrong; ``problems`` has every reason."""

    def __init__(self, problems: Iterable[Problem], place: str = IN_THE_MODEL) -> None:
        """Keep the problems in the order in which a reader of the model meets them."""
        self.problems = tuple(sorted(set(problems), key=_reading_order))
        count = len(self.problems)
        title = f"{count} problem{'s' if count != 1 else ''} {place}:"
        super().__init__("\n".join([title, *(f"  {problem}" for problem in self.problems)]))


@dataclass
class Problems:
    """The problems found so far; ``place`` says what they are problems of, for the title."""

    found: list[Problem] = field(default_factory=list)
    place: str = IN_THE_MODEL

    def add(self, where: Where, got: object, expected: str, hint: str = "") -> None:
        """Note one problem; ``got`` is quoted as the user wrote it."""
        self.found.append(Problem(where, quoted(got), expected, hint))

    def raise_if_any(self) -> None:
        """Raise all problems as one ModelError, if there are any."""
        if self.found:
            raise ModelError(self.found, self.place)


def quoted(value: object) -> str:
    """Return a value on one line, without control characters, and not longer than a message can bear."""
    if value is None:
        return "nothing"
    try:
        text = _printable(repr(str(value)) if isinstance(value, str) else str(value))
    except ValueError:  # Python doesn't print an integer of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 100 else f"{text[:97]}..."


def near_miss(name: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return a hint with the known name that looks most like the given one, or nothing; ``cutoff`` is difflib's."""
    if not isinstance(name, str):
        return ""
    names = list(filter(None, known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    close = close or [other for other in names if len(name) > 3 and other.startswith(name)]
    return f"did you mean {close[0]}?" if close else ""


def one_of(known: Iterable[str]) -> str:
    """Return the words 'one of a, b, c' for an error message."""
    names = sorted(filter(None, known))
    return f"one of {', '.join(names)}" if names else "nothing (none is declared)"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _reading_order(problem: Problem) -> tuple[object, ...]:
    numbers_padded = re.sub(r"\d+", lambda match: match.group().zfill(9), problem.where.path)
    return (problem.where.origin, numbers_padded, problem.got, problem.expected)
