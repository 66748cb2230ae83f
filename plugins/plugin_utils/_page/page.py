# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The model as one HTML page that needs nothing else: a picture, the matrix, and what each class lets through.

Nothing comes from any network, and the page says so to the browser, which then loads nothing and runs no script but the
page's own, known by its hash. Links and CSS do what there is to do, so that the page opens from a file, an archive or a
merge request, prints, and follows the reader's light or dark; the script adds a box that finds a port.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from .cards import names, pairs
from .changes import changes
from .denied import denied
from .hosts import hosts
from .html import count, section, text
from .matrix import matrix, ports
from .picture import picture
from .report import Report
from .said import said
from .script import SCRIPT
from .style import STYLE

_SECTIONS = (
    ("changes", "What would change", changes),
    ("now", "What the hosts say", said),
    ("denied", "Denied", denied),
    ("picture", "Picture", picture),
    ("matrix", "Matrix", matrix),
    ("ports", "Ports", ports),
    ("pairs", "Pairs", pairs),
    ("names", "Classes and zones", names),
    ("hosts", "Hosts", hosts),
)
_FIND = (
    '<div class="find" hidden><input type="search" aria-label="Find" placeholder="Find a port, name, flow, address: /"'
    ' autocomplete="off" spellcheck="false"><ul aria-label="Found"></ul></div>\n'
)


def page(report: Report) -> str:
    """Return the page, as HTML."""
    shown = [(place, title, list(lines(report))) for place, title, lines in _SECTIONS]
    shown = [(place, title, lines) for place, title, lines in shown if lines]
    links = "".join(f'<a href="#{place}">{text(title)}</a>\n' for place, title, _lines in shown)
    return "".join(
        [
            *_head(),
            *_header(report),
            f'<nav aria-label="Sections">\n{links}{_FIND}</nav>\n<main>\n',
            *(line for part in shown for line in section(*part)),
            f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


def _head() -> Iterator[str]:
    script = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    allowed = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{allowed}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Who reaches whom</title>\n'
    yield '<link rel="icon" href="data:,">\n'
    yield f"<style>{STYLE}</style>\n</head>\n<body>\n"


def _header(report: Report) -> Iterator[str]:
    fleet = report.fleet
    classes = {name for policy in fleet.policies.values() for name in policy.classes}
    counts = (
        f"{count(len(classes), 'class', 'classes')} with {count(len(fleet.hosts), 'host')}, "
        f"{count(len(report.model.flows), 'flow')}"
    )
    yield f"<header>\n<h1>Who reaches whom</h1>\n<p>{counts}. Whatever no flow opens is denied.</p>\n"
    if fleet.expired:
        yield f"<p>Closed, since their last day is over: {text(', '.join(fleet.expired))}.</p>\n"
    yield "</header>\n"
