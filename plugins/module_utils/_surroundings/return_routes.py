# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""By which interface a host answers its peers: who would be cut where it drops sources that are routed elsewhere."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Iterable, Iterator

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Run
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import Declared

OFF, STRICT = "off", "strict"


def return_routes(run: Run, ip: str, questions: Iterable[str]) -> dict[str, str]:
    """Return the interface by which packets to an address leave, for each that the host has a route to.

    A question is an address, or an address and ``from`` which of the host's own.
    """
    lines = "".join(f"route get {question}\n" for question in questions)
    output = run([ip, "-force", "-oneline", "-batch", "-"], lines)[1] if lines else ""
    rows = (line.split() for line in output.splitlines())
    # The host's own addresses, and what it refuses to route, have a word before the address.
    return {row[0]: row[row.index("dev") + 1] for row in rows if "dev" in row[:-1] and _is_address(row[0])}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def cut(declared: Declared, ways: dict[str, str]) -> Iterator[str]:
    """Yield each known peer that the host would take for spoofed on the side that a flow has it on."""
    for side, peer, address in declared.sided_peers:
        if address in ways and _is_cut(declared, side, ways[address]):
            yield f"{address} of {peer}: flows let it in by the {side} side, and packets to it leave by {ways[address]}"


def _is_cut(declared: Declared, side: str, way: str) -> bool:
    if way in declared.interfaces.get(side, ()):
        return False
    others = [name for other, names in declared.interfaces.items() if other != side for name in names]
    return declared.antispoof == STRICT or way in others
