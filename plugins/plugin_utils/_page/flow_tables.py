# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Which traffic is allowed, for people: as a Markdown table, as CSV for a spreadsheet, or as a Mermaid diagram."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from .._model.model import Model
from .._policy.flow_matrix import MatrixCell

COLUMNS = ("from", "to", "end", "ports", "flows", "why")
_SHOWN = 4
"""How many ports stand beside an arrow; the tables have all of them."""


def markdown(cells: Sequence[MatrixCell], model: Model) -> str:
    """Return a table of GitHub's Markdown."""
    lines = [COLUMNS, tuple("---" for _column in COLUMNS), *_rows(cells, model)]
    return "".join(f"| {' | '.join(_in_a_cell(text) for text in row)} |\n" for row in lines)


def as_csv(cells: Sequence[MatrixCell], model: Model) -> str:
    """Return rows as RFC 4180 has them, but with plain line ends, and without a spreadsheet's formulas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *(map(_no_formula, row) for row in _rows(cells, model))])
    return text.getvalue()


def mermaid(cells: Sequence[MatrixCell], model: Model) -> str:
    """Return a flowchart: boxes are classes, rounded ones are zones, and one arrow has the ports of all its flows."""
    names = dict.fromkeys(name for cell in cells for name in (cell.sender, cell.receiver))
    # A class may be called "end", which is a word of Mermaid's; a number is none.
    nodes = {name: f"n{number}" for number, name in enumerate(names)}
    boxes = (f'{node}["{name}"]' if name in model.classes else f'{node}(["{name}"])' for name, node in nodes.items())
    arrows = (f'{nodes[cell.sender]} -->|"{_label(cell)}"| {nodes[cell.receiver]}' for cell in cells)
    return "".join(["flowchart LR\n", *(f"  {line}\n" for line in (*boxes, *arrows))])


def _rows(cells: Sequence[MatrixCell], model: Model) -> list[tuple[str, ...]]:
    return [
        (
            cell.sender,
            cell.whom,
            cell.end,
            " ".join(cell.ports.texts()),
            " ".join(cell.flows),
            "; ".join(dict.fromkeys(filter(None, (model.flows[name].why for name in cell.flows)))),
        )
        for cell in cells
    ]


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _label(cell: MatrixCell) -> str:
    texts = cell.ports.texts()
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    at = [f"at {', '.join(cell.at)}"] if cell.at else []
    one_end = [f"({cell.end} only)"] if cell.end != "both" else []
    return " ".join([*texts[:_SHOWN], *more, *at, *one_end])


FORMS: Mapping[str, Callable[[Sequence[MatrixCell], Model], str]] = {
    "markdown": markdown,
    "csv": as_csv,
    "mermaid": mermaid,
}
