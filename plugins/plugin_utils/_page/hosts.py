# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The index of hosts: by classes, since hosts of the same have the same rules; and what each has of its own."""

from __future__ import annotations

from collections.abc import Iterator

from .._policy.resolve import Host
from .html import code, count, link, table, text, with_something
from .report import Report

_COLUMNS = ("host", "private", "public", "interfaces", "backend")
_OPEN = 50
"""Tables of more hosts are folded; the browser's search opens them."""


def hosts(report: Report) -> Iterator[str]:
    """Yield a table for each set of classes."""
    for name, own in report.hosts.items():
        shown = " open" if len(own) <= _OPEN else ""
        yield f'<details id="hosts-{name}"{shown}><summary><h3>{text(name)}</h3> '
        yield f"{count(len(own), 'host')}</summary>\n"
        yield f'<p class="note">All have {link(report.place(name), f"the rules of {text(name)}")}.</p>\n'
        yield from table(*with_something(_COLUMNS, [_row(report, host) for host in own]), "hosts")
        yield "</details>\n"


def _row(report: Report, host: Host) -> list[str]:
    public = [] if host.public == host.private else host.public.texts()
    interfaces = " ".join(f"{code(' '.join(names))} {side}" for side, names in host.interfaces.items())
    place = report.host_places[host.name]
    return [
        f'<span id="{place}">{text(host.name)}</span>',
        " ".join(code(address) for address in host.private.texts()),
        " ".join(code(address) for address in public),
        interfaces,
        _backend(report, host),
    ]


def _backend(report: Report, host: Host) -> str:
    """Return what enforces: as the host has said, or else as it is declared, if it is."""
    live = report.live.get(host.name)
    return text(live.backend if live and live.backend else host.backend.replace("auto", ""))
