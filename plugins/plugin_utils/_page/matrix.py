# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The matrix of classes and zones, and the same by port: each entry leads to the pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .._policy.flow_matrix import MatrixCell
from .._values.ports import PROTOCOLS, PortRange
from .html import code, count, link, table, text
from .report import Report

_WIDE = 12
"""More columns than these have no place for ports: a number stands for them."""
_SHOWN = 4


def matrix(report: Report) -> Iterator[str]:
    """Yield the matrix, ports in its cells as far as there is place."""
    found: dict[tuple[str, str], list[tuple[int, MatrixCell]]] = {}
    for number, cell in enumerate(report.cells):
        found.setdefault((cell.sender, cell.receiver), []).append((number, cell))
    narrow = len(report.receivers) > _WIDE
    heads = "".join(f'<th scope="col"><span>{_named(report, name)}</span></th>' for name in report.receivers)
    entry = "A number is how many flows there are; it" if narrow else "Each entry"
    yield f'<p class="note">{entry} leads to ports and reasons. Where it is empty, no flow names the two; '
    yield "a wider zone may still hold their addresses, as external does.</p>\n"
    kind = "matrix narrow" if narrow else "matrix"
    yield f'<div class="wide tall"><div class="clip"><table class="{kind}"><thead><tr>'
    yield f"<td>from ↓ to →</td>{heads}</tr></thead><tbody>\n"
    for sender in report.senders:
        cells = "".join(
            f"<td>{_entries(found.get((sender, receiver), []), narrow)}</td>" for receiver in report.receivers
        )
        yield f'<tr><th scope="row">{_named(report, sender)}</th>{cells}</tr>\n'
    yield "</tbody></table></div></div>\n"


def _named(report: Report, name: str) -> str:
    return link(report.place(name), text(name), f' class="{report.kind(name)}"')


def _entries(cells: Iterable[tuple[int, MatrixCell]], narrow: bool) -> str:
    return "".join(_entry(number, cell, narrow) for number, cell in cells)


def _entry(number: int, cell: MatrixCell, narrow: bool) -> str:
    said = text(f"{cell.pair}: {cell.ports}")
    shown = str(len(cell.flows)) if narrow else f"{_ports(cell)}<small>{text(cell.limits.strip(', '))}</small>"
    return link(f"pair-{number}", shown, f' title="{said}" aria-label="{said}"')


def _ports(cell: MatrixCell) -> str:
    texts = cell.ports.texts()
    more = f"<small>and {len(texts) - _SHOWN} more</small>" if len(texts) > _SHOWN else ""
    return "".join(code(port) for port in texts[:_SHOWN]) + more


def ports(report: Report) -> Iterator[str]:
    """Yield each port that is open somewhere, upwards, with the pairs that have it."""
    found: dict[PortRange | None, list[str]] = {}
    for number, cell in enumerate(report.cells):
        opened = [None] if cell.ports.everything else cell.ports.ranges
        for port in opened:
            found.setdefault(port, []).append(link(f"pair-{number}", text(cell.pair)))
    rows = [
        [code(port or "all"), f'<span class="pairs">{" ".join(found[port])}</span>']
        for port in sorted(found, key=_upwards)
    ]
    yield f'<p class="note">{count(len(rows), "port or range", "ports and ranges")}, upwards.</p>\n'
    yield from table(["port", "who reaches whom on it"], rows, "by-port")


def _upwards(port: PortRange | None) -> tuple[int, int, int]:
    return (port.first, port.last, PROTOCOLS.index(port.protocol)) if port else (0, 0, 0)
