# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The few pieces of HTML that every part of the page is made of. What comes from a model is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

_OPEN = 25


def text(words: object) -> str:
    """Return a text as HTML, also inside of an attribute."""
    return escape(str(words))


def code(words: object) -> str:
    """Return a text that is no prose: a port, an address."""
    return f"<code>{text(words)}</code>"


def link(target: str, html: str, more: str = "") -> str:
    """Return a link to another place of the page."""
    return f'<a href="#{text(target)}"{more}>{html}</a>'


def count(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 host``, ``2,000 hosts``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def section(place: str, title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield one of the page's main parts."""
    yield f'<section aria-labelledby="{place}">\n<h2 id="{place}">{text(title)}</h2>\n'
    yield from lines
    yield "</section>\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> Iterator[str]:
    """Yield a table of cells that are HTML already; the first cell of a row is its head."""
    cells = "".join(f'<th scope="col">{text(head)}</th>' for head in heads)
    named = f' class="{kind}"' if kind else ""
    yield f'<div class="wide"><table{named}><thead><tr>{cells}</tr></thead><tbody>\n'
    for first, *others in rows:
        yield f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>\n'
    yield "</tbody></table></div>\n"


def with_something(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows without the columns in which no row says anything; the first column stays."""
    shown = [index for index in range(len(heads)) if not index or any(row[index] for row in rows)]
    return [heads[index] for index in shown], [[row[index] for index in shown] for row in rows]


def folded(title: str, more: str, rows: int, lines: Iterable[str]) -> Iterator[str]:
    """Yield lines under a title; they are folded where there are many rows of them."""
    shown = " open" if rows <= _OPEN else ""
    yield f"<details{shown}><summary><h3>{text(title)}</h3> {text(more)}</summary>\n"
    yield from lines
    yield "</details>\n"


def items(lines: Iterable[str], kind: str = "plain") -> Iterator[str]:
    """Yield a list of lines that are HTML already."""
    yield f'<ul class="{kind}">\n'
    for line in lines:
        yield f"<li>{line}</li>\n"
    yield "</ul>\n"
