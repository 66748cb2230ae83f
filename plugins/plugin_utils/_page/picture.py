# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The picture: who reaches on the left, who is reached on the right, and a line for each pair that leads to its ports.

A name stands in both columns where it does both. So no line needs a head, no name is turned, and two hundred lines can
still be told apart: the name or the line under the pointer, or with the focus, puts all others back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .._policy.flow_matrix import MatrixCell
from .html import text
from .report import Report

_ROW = 30
_GAP = 22  # between classes and zones
_LETTER = 8  # a little more than the widest letters come to on average
_BETWEEN = 560
_TOP = 34


def picture(report: Report) -> Iterator[str]:
    """Yield the picture, with a rule for each name that puts what it doesn't reach back."""
    width = 60 + _LETTER * max([len(name) for name in report.names], default=0)
    left, right = _heights(report, report.senders), _heights(report, report.receivers)
    height = max([*left.values(), *right.values()], default=0) + _ROW
    numbers = {name: number for number, name in enumerate(report.names)}
    yield _legend(report.cells)
    yield f"<style>{''.join(_rules(numbers))}</style>\n"
    yield f'<div class="wide"><svg class="picture" viewBox="0 0 {2 * width + _BETWEEN} {height}" '
    yield f'style="--w:{2 * width + _BETWEEN}px" role="group" aria-label="Classes, zones and flows">\n'
    yield f'<text class="head" x="{width - 14}" y="14" text-anchor="end">from</text>'
    yield f'<text class="head" x="{width + _BETWEEN + 14}" y="14">to</text>\n'
    for name, y in left.items():
        yield _name(report, name, numbers[name], (width, y, -14, "end"))
    for name, y in right.items():
        yield _name(report, name, numbers[name], (width + _BETWEEN, y, 14, "start"))
    for number, cell in enumerate(report.cells):
        ends = (width, left[cell.sender], width + _BETWEEN, right[cell.receiver])
        yield _line(number, cell, f"{report.kind(cell.sender)} s{numbers[cell.sender]} r{numbers[cell.receiver]}", ends)
    yield "</svg></div>\n"


def _legend(cells: Sequence[MatrixCell]) -> str:
    dashed = ", <span>╌</span> open at one end only" if any(cell.end != "both" for cell in cells) else ""
    return (
        '<p class="note"><span class="class">●</span> node classes, <span class="zone">●</span> zones'
        f"{dashed}. A line leads to its ports and reasons, a name to what it lets through.</p>\n"
    )


def _heights(report: Report, names: Sequence[str]) -> dict[str, int]:
    """Return how far down each name of a column stands."""
    classes = sum(report.kind(name) == "class" for name in names)
    return {name: _TOP + _ROW * row + (_GAP if 0 < classes <= row else 0) for row, name in enumerate(names)}


def _rules(numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield what makes the lines of a name stand out. They follow all names, so that a browser need not search."""
    for number in numbers.values():
        chosen = f".n{number}:is(:hover, :focus-visible, .chosen)"
        yield f"\n{chosen} ~ .s{number} path {{ stroke-opacity: 1; stroke: var(--out); }}"
        yield f"\n{chosen} ~ .r{number} path {{ stroke-opacity: 1; stroke: var(--in); }}"


def _line(number: int, cell: MatrixCell, kinds: str, ends: tuple[int, int, int, int]) -> str:
    """Return a line twice: as it is seen, and as wide as a pointer hits it. The keyboard has the matrix for it."""
    x, y, to_x, to_y = ends
    curve = f"M {x} {y} C {(x + to_x) // 2} {y} {(x + to_x) // 2} {to_y} {to_x} {to_y}"
    dashed = "" if cell.end == "both" else " dashed"
    return (
        f'<a href="#pair-{number}" class="line {kinds}{dashed}" tabindex="-1">'
        f"<title>{text(cell.pair)}: {text(cell.ports)}</title>"
        f'<path d="{curve}"/><path class="hit" d="{curve}"/></a>\n'
    )


def _name(report: Report, name: str, number: int, place: tuple[int, int, int, str]) -> str:
    x, y, shift, anchor = place
    return (
        f'<a href="#{report.place(name)}" class="name {report.kind(name)} n{number}"><circle cx="{x}" cy="{y}" r="5"/>'
        f'<text x="{x + shift}" y="{y + 5}" text-anchor="{anchor}">{text(name)}</text></a>\n'
    )
