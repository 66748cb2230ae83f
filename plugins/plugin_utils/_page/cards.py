# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A card for each pair, class, set of classes that hosts have, and zone.

They stand one after the other, and in front of the page where a link leads to one.
"""

from __future__ import annotations

from collections.abc import Iterator

from .._model.model import Flow
from .._policy.compile import Policy
from .._policy.describe import describe_class, describe_rule
from .._policy.flow_matrix import MatrixCell
from .._values.direction import DIRECTIONS
from .html import code, count, items, link, table, text, with_something
from .report import Report

_FLOW_COLUMNS = ("flow", "ports", "why", "source", "owner", "ticket", "expires")
_WORDS = {"ingress": "Lets in", "egress": "Lets out"}
_CLOSE = '<a class="close" href="#closed">Close</a>'
"""Leads nowhere: what was in front of the page goes back into its place, and the page stays where it is."""


def pairs(report: Report) -> Iterator[str]:
    """Yield a card for each pair: its ports, and the flows that open them, with their reasons."""
    for number, cell in enumerate(report.cells):
        ends = " to ".join(link(report.place(name), text(name)) for name in (cell.sender, cell.receiver))
        yield f'<article class="card pair" id="pair-{number}" aria-label="{text(cell.pair)}">{_CLOSE}\n'
        yield f"<h3>{ends}{text(cell.limits)}</h3>\n"
        yield f'<p class="ports">{" ".join(code(port) for port in cell.ports.texts())}</p>\n'
        rows = [_flow_row(report.model.flows[name], len(cell.flows) > 1) for name in cell.flows]
        yield from table(*with_something(_FLOW_COLUMNS, rows))
        yield "</article>\n"


def _flow_row(flow: Flow, one_of_many: bool) -> list[str]:
    said = (flow.why, flow.source, flow.owner, flow.ticket, flow.expires or "")
    return [text(flow.name), code(flow.ports) if one_of_many else "", *(text(words) for words in said)]


def names(report: Report) -> Iterator[str]:
    """Yield a card for each set of classes, class and zone: who it is, and what its hosts let through."""
    classes = [name for policy in report.fleet.policies.values() for name in policy.classes]
    for name in dict.fromkeys([*report.fleet.policies, *classes, *report.names]):
        yield f'<article class="card name" id="{report.place(name)}" aria-label="{text(name)}">{_CLOSE}\n'
        policy = report.fleet.policies.get(name)
        kind = "node class" if report.kind(name) == "class" else "zone"
        kind = "node classes" if policy and len(policy.classes) > 1 else kind
        yield f'<h3><span class="{report.kind(name)}">●</span> {text(name)} <small>{kind}</small></h3>\n'
        yield from _members(report, name, policy)
        yield from _rules(policy) if policy else _peers(report, name)
        yield "</article>\n"


def _members(report: Report, name: str, policy: Policy | None) -> Iterator[str]:
    if policy and len(policy.classes) > 1:
        of_each = " ".join(link(report.place(one), text(one)) for one in policy.classes)
        yield f"<p>{_hosts(report, name)} of all these classes: {of_each}</p>\n"
        return
    sets, pods = report.sets_with(name), report.model.pods.get(name)
    known = [code(word) for word in (*report.fleet.resolved.names.get(name, {}), *_networks(report, name))]
    for one in sets:
        of_more = f" as {link(report.place(one), text(one))}" if one != name else ""
        yield f"<p>{_hosts(report, one)}{of_more}</p>\n"
    if pods:
        labels = " ".join(code(f"{key}={value}") for key, value in pods.labels.items())
        yield f"<p>Pods with {labels}{f' in {code(pods.namespace)}' if pods.namespace else ''}</p>\n"
    if known:
        yield f'<p class="ports">{" ".join(known)}</p>\n'
    elif not sets and not pods:
        yield "<p>Empty, so that its flows open nothing.</p>\n"


def _hosts(report: Report, name: str) -> str:
    return link(f"hosts-{name}", count(len(report.hosts[name]), "host"))


def _networks(report: Report, name: str) -> list[str]:
    return report.fleet.resolved.networks[name].texts()


def _rules(policy: Policy) -> Iterator[str]:
    yield from (f"<p>{text(line[:1].upper() + line[1:])}.</p>\n" for line in describe_class(policy))
    yield '<div class="ways">\n'
    for direction in DIRECTIONS:
        lines = [describe_rule(direction, rule).removeprefix(f"{direction} ") for rule in policy.rules(direction)]
        yield f"<div><h4>{_WORDS[direction]}</h4>\n"
        yield from items([code(line) for line in lines] or ["nothing but what is always allowed"], "rules")
        yield "</div>\n"
    yield "</div>\n"


def _peers(report: Report, name: str) -> Iterator[str]:
    """Yield the pairs of a name that is no set of classes by itself."""
    found: dict[str, list[tuple[int, MatrixCell]]] = {"May reach": [], "May be reached by": []}
    for number, cell in enumerate(report.cells):
        if cell.sender == name:
            found["May reach"].append((number, cell))
        elif cell.receiver == name:
            found["May be reached by"].append((number, cell))
    yield '<div class="ways">\n'
    for words, cells in found.items():
        yield f"<div><h4>{words}</h4>\n"
        others = [(number, cell.receiver if cell.sender == name else cell.sender, cell) for number, cell in cells]
        lines = [f"{link(f'pair-{number}', text(other))} {code(cell.ports)}" for number, other, cell in others]
        yield from items(lines or ["nobody"], "rules")
        yield "</div>\n"
    yield "</div>\n"
