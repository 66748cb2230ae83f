"""The model as one HTML page that needs nothing else: a picture, the matrix, and what each class lets through.

No script and nothing from any network: links and CSS do what there is to do, so that the page opens from a file, an
archive or a merge request, prints, and follows the reader's light or dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from math import cos, pi, sin

from ..compile import Fleet
from ..describe import describe
from ..live import Live
from ..model import Flow, Model
from ..query import MatrixCell

_RADIUS = 300  # of the circle that the names stand on, in the picture's own units
_MARGIN = 190  # for the longest names
_FLOW_COLUMNS = ("flow", "ports", "why", "source", "owner", "ticket", "expires")

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: light-dark(#0b57d0, #8ab4f8);
  --mark: light-dark(#fff3bf, #5c4a00); --class: light-dark(#0b57d0, #8ab4f8); --zone: light-dark(#7a4b00, #f0b95c); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; }
a { color: var(--link); }
code { font: 13px/1.4 ui-monospace, monospace; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
th { background: var(--soft); font-weight: 600; }
.wide { overflow-x: auto; }
.matrix td { text-align: center; min-width: 2rem; }
.matrix td a { display: block; text-decoration: none; }
.matrix thead th { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 14rem; }
.matrix thead th:first-child { writing-mode: initial; transform: none; }
.matrix tbody th { white-space: nowrap; position: sticky; left: 0; background: Canvas; }
.pair { border-left: 3px solid var(--line); padding-left: .8rem; margin: 1rem 0; }
.pair:target { background: var(--mark); border-color: var(--link); }
.rules { list-style: none; padding: 0; margin: .3rem 0; }
.class { color: var(--class); }
.zone { color: var(--zone); }
svg { width: 100%; height: auto; max-height: 52rem; }
svg text { font: 13px system-ui, sans-serif; fill: CanvasText; }
svg circle, svg marker path { fill: currentColor; }
svg a { color: var(--class); opacity: .35; }
svg a path { fill: none; stroke: currentColor; stroke-width: 1.5; }
svg a:hover, svg a:focus { opacity: 1; }
@media print { body { max-width: none; margin: 0; } .pair, table { break-inside: avoid; } }
"""
_ARROW_HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="14" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M 0 0 L 8 4 L 0 8 z"/></marker>\n'
)


@dataclass(frozen=True)
class Report:
    """What a page is made of: the fleet, who may reach whom in it, and what the hosts that were asked have said."""

    fleet: Fleet
    cells: Sequence[MatrixCell]
    live: Mapping[str, Live] = field(default_factory=dict)

    @property
    def model(self) -> Model:
        """Return the model behind the fleet."""
        return self.fleet.resolved.model

    @property
    def names(self) -> list[str]:
        """Return the classes and zones that some flow connects, classes first."""
        found = {name for cell in self.cells for name in (cell.sender, cell.receiver)}
        return [name for name in (*self.model.classes, *self.model.zones) if name in found]


def page(report: Report) -> str:
    """Return the page, as HTML."""
    fleet = report.fleet
    counts = f"{len(fleet.policies)} classes with {len(fleet.hosts)} hosts, {len(report.model.flows)} flows"
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Who reaches whom</title>\n',
            '<meta name="viewport" content="width=device-width">\n',
            f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Who reaches whom</h1>\n",
            f"<p>{counts}. Whatever is not here is denied.</p>\n",
            *_section("Picture", _picture(report)),
            *_section("Matrix", _matrix(report)),
            *_section("Pairs", _pairs(report)),
            *_section("Classes", _classes(fleet)),
            *_section("Hosts", _live(report.live) if report.live else ()),
            "</body>\n</html>\n",
        ]
    )


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a section; nothing where there is nothing to say."""
    content = list(lines)
    if not content:
        return
    yield f'<h2 id="{title.lower()}">{title}</h2>\n'
    yield from content


def _picture(report: Report) -> Iterator[str]:
    """Yield a circle of names with an arrow for each pair, which leads to its ports; classes and zones differ."""
    places = _places(report.names)
    size = 2 * (_RADIUS + _MARGIN)
    yield '<p><span class="class">●</span> node classes, <span class="zone">●</span> zones</p>\n'
    yield f'<svg viewBox="{-size // 2} {-size // 2} {size} {size}" role="img" aria-label="Classes, zones and flows">\n'
    yield _ARROW_HEAD
    for number, cell in enumerate(report.cells):
        yield _arrow(number, cell, places)
    for name, place in places.items():
        yield _dot(name, "class" if name in report.model.classes else "zone", place)
    yield "</svg>\n"


def _dot(name: str, kind: str, place: tuple[float, float, float]) -> str:
    """Return a name outside the circle, turned so that nobody has to read it upside down."""
    angle, x, y = place
    turned = 180 if cos(angle) < 0 else 0
    anchor, shift = ("end", -10) if turned else ("start", 10)
    where = f"translate({x:.1f} {y:.1f}) rotate({angle * 180 / pi + turned:.1f})"
    text = f'<text x="{shift}" y="4" text-anchor="{anchor}" transform="{where}">{escape(name)}</text>'
    return f'<g class="{kind}"><circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>{text}</g>\n'


def _places(names: Sequence[str]) -> Mapping[str, tuple[float, float, float]]:
    angles = {name: 2 * pi * index / max(len(names), 1) for index, name in enumerate(names)}
    return {name: (angle, _RADIUS * cos(angle), _RADIUS * sin(angle)) for name, angle in angles.items()}


def _arrow(number: int, cell: MatrixCell, places: Mapping[str, tuple[float, float, float]]) -> str:
    _angle, x, y = places[cell.sender]
    _angle, to_x, to_y = places[cell.receiver]
    curve = f"Q {(x + to_x) / 6:.1f} {(y + to_y) / 6:.1f}"
    if cell.sender == cell.receiver:
        ends = (x * 0.6 + y * 0.2, y * 0.6 - x * 0.2, x * 0.6 - y * 0.2, y * 0.6 + x * 0.2)
        curve = f"C {' '.join(f'{end:.1f}' for end in ends)}"
    return (
        f'<a href="#pair-{number}"><title>{escape(_pair(cell))}: {escape(str(cell.ports))}</title>'
        f'<path d="M {x:.1f} {y:.1f} {curve} {to_x:.1f} {to_y:.1f}" marker-end="url(#head)"/></a>\n'
    )


def _matrix(report: Report) -> Iterator[str]:
    senders = [name for name in report.names if any(cell.sender == name for cell in report.cells)]
    receivers = [name for name in report.names if any(cell.receiver == name for cell in report.cells)]
    found: dict[tuple[str, str], list[tuple[int, MatrixCell]]] = {}
    for number, cell in enumerate(report.cells):
        found.setdefault((cell.sender, cell.receiver), []).append((number, cell))
    heads = "".join(f"<th>{escape(name)}</th>" for name in receivers)
    yield f'<div class="wide"><table class="matrix"><thead><tr><th>from \\ to</th>{heads}</tr></thead><tbody>\n'
    for sender in senders:
        cells = "".join(f"<td>{_links(found.get((sender, receiver), []))}</td>" for receiver in receivers)
        yield f"<tr><th>{escape(sender)}</th>{cells}</tr>\n"
    yield "</tbody></table></div>\n<p>A number is how many flows there are; it leads to their ports and reasons.</p>\n"


def _links(cells: Iterable[tuple[int, MatrixCell]]) -> str:
    return "".join(
        f'<a href="#pair-{number}" title="{escape(str(cell.ports))}">{len(cell.flows)}</a>' for number, cell in cells
    )


def _pairs(report: Report) -> Iterator[str]:
    for number, cell in enumerate(report.cells):
        rows = [_flow_row(report.model.flows[name]) for name in cell.flows]
        shown = [index for index in range(len(_FLOW_COLUMNS)) if any(row[index] for row in rows)]
        heads = "".join(f"<th>{_FLOW_COLUMNS[index]}</th>" for index in shown)
        yield f'<section class="pair" id="pair-{number}"><h3>{escape(_pair(cell))}</h3>\n'
        yield f"<p><code>{escape(str(cell.ports))}</code></p>\n"
        yield f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>\n'
        for row in rows:
            yield f"<tr>{''.join(f'<td>{escape(row[index])}</td>' for index in shown)}</tr>\n"
        yield "</tbody></table></div></section>\n"


def _flow_row(flow: Flow) -> tuple[str, ...]:
    return (flow.name, str(flow.ports), flow.why, flow.source, flow.owner, flow.ticket, str(flow.expires or ""))


def _pair(cell: MatrixCell) -> str:
    return cell.pair


def _classes(fleet: Fleet) -> Iterator[str]:
    hosts: dict[str, list[str]] = {}
    for host, node_class in fleet.classes.items():
        hosts.setdefault(node_class, []).append(host)
    for name, policy in fleet.policies.items():
        own = hosts.get(name, [])
        rules = "".join(f"<li><code>{escape(line)}</code></li>\n" for line in describe(policy))
        yield f"<h3>{escape(name)}</h3>\n<details><summary>{len(own)} hosts</summary>"
        yield f"<p>{escape(', '.join(sorted(own)))}</p></details>\n"
        yield f'<ul class="rules">\n{rules}</ul>\n'


def _live(live: Mapping[str, Live]) -> Iterator[str]:
    """Yield what hosts have said, those first on which something is not as it should be."""
    for one in sorted(live.values(), key=lambda one: (not (one.findings or one.silence), one.host)):
        says = [one.silence] if one.silence else one.findings or [f"as the model has it, by {one.backend}"]
        lines = "".join(f"<li>{escape(line)}</li>" for line in says)
        yield f"<h3>{escape(one.host)}</h3>\n<ul>{lines}</ul>\n"
