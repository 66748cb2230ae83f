# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Calico's selectors: read, checked, and asked of labels.

The language is that of Calico's reference, "Selectors": comparisons of one label, ``has``, ``all`` and ``global``,
joined by ``&&`` and ``||``, negated by ``!``, in parentheses. An empty selector is ``all()``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]
Selector = Callable[[Labels], bool]
"""Answers whether it selects something with these labels."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<sign>&&|\|\||==|!=|[!(){},])|(?P<word>[A-Za-z0-9_./-]+))""", re.ASCII
)
_COMPARISONS: Mapping[str, Callable[[str | None, str], bool]] = {
    "==": lambda label, value: label == value,
    "!=": lambda label, value: label != value,
    "contains": lambda label, value: label is not None and value in label,
    "starts with": lambda label, value: label is not None and label.startswith(value),
    "ends with": lambda label, value: label is not None and label.endswith(value),
}


def _everything(_labels: Labels) -> bool:
    return True


class SelectorError(ValueError):
    """A text that is no selector; the message says what was expected where."""


def parse_selector(text: str) -> Selector:
    """Return what a selector's text says; raise SelectorError where it says nothing that Calico understands."""
    parser = _Parser(_tokens(text))
    if not parser.tokens:
        return _everything
    selector = parser.any_of()
    if parser.tokens:
        raise SelectorError(f"the end, or && or ||, instead of {parser.tokens[0]}")
    return selector


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if not match:
            raise SelectorError(f"a label, a quoted value or an operator instead of {text[place:].strip()[:20]}")
        found.append(match.group().strip())
        place = match.end()
    return found


@dataclass
class _Parser:
    tokens: list[str]

    def any_of(self) -> Selector:
        parts = [self.all_of()]
        while self.take("||"):
            parts.append(self.all_of())
        return lambda labels: any(part(labels) for part in parts)

    def all_of(self) -> Selector:
        parts = [self.one()]
        while self.take("&&"):
            parts.append(self.one())
        return lambda labels: all(part(labels) for part in parts)

    def one(self) -> Selector:
        if self.take("!"):
            inner = self.one()
            return lambda labels: not inner(labels)
        if self.take("("):
            inner = self.any_of()
            self.expect(")")
            return inner
        return self.term()

    def term(self) -> Selector:
        word = self.word("a label, has(), all() or global()")
        if word in ("all", "global", "has") and self.take("("):
            label = self.word("a label") if word == "has" else ""
            self.expect(")")
            return (lambda labels: label in labels) if label else _everything
        return self.comparison(word)

    def comparison(self, label: str) -> Selector:
        sign = self.next("==, !=, in, not in, contains, starts with or ends with")
        if sign == "not":
            self.expect("in")
            values = self.values()
            return lambda labels: labels.get(label) not in values
        if sign == "in":
            values = self.values()
            return lambda labels: labels.get(label) in values
        if sign in ("starts", "ends"):
            self.expect("with")
            sign = f"{sign} with"
        if sign not in _COMPARISONS:
            raise SelectorError(f"==, !=, in, not in, contains, starts with or ends with instead of {sign}")
        holds, value = _COMPARISONS[sign], self.text()
        return lambda labels: holds(labels.get(label), value)

    def values(self) -> set[str]:
        self.expect("{")
        found = set()
        while not self.take("}"):
            found.add(self.text())
            if not self.take(","):
                self.expect("}")
                break
        return found

    def text(self) -> str:
        token = self.next("a quoted value")
        if token[0] not in "\"'":
            raise SelectorError(f"a quoted value instead of {token}")
        return token[1:-1]

    def word(self, expected: str) -> str:
        token = self.next(expected)
        if not re.fullmatch(r"[A-Za-z0-9_./-]+", token, re.ASCII):
            raise SelectorError(f"{expected} instead of {token}")
        return token

    def take(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise SelectorError(f"{token} instead of {self.tokens[0] if self.tokens else 'the end'}")

    def next(self, expected: str) -> str:
        if not self.tokens:
            raise SelectorError(f"{expected} instead of the end")
        return self.tokens.pop(0)
