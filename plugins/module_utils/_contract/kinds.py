# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The kinds of packets that no flow allows, by where a host judges them, and what a kind has of a direction.

``ingress`` and ``egress`` are the host's own packets; ``pre_dnat``, what comes in as it is before the host redirects
it; ``spoofed``, what comes in with a source that can't be true; ``forward_in`` and ``forward_out``, what a host
forwards to and from those behind it.
"""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import DIRECTIONS, FORWARD

PRE_DNAT = "pre_dnat"
SPOOFED = "spoofed"
FORWARD_IN, FORWARD_OUT = FORWARDED = ("forward_in", "forward_out")

OBSERVED_KINDS = (*DIRECTIONS, SPOOFED, *FORWARDED)
"""What a host that observes tells apart: what comes in before DNAT is ingress there."""

DENIED_KINDS = (*DIRECTIONS, PRE_DNAT, SPOOFED, *FORWARDED)

SET_WORDS = {
    "ingress": "in",
    "egress": "out",
    PRE_DNAT: "pre",
    SPOOFED: "src",
    FORWARD_IN: "fwi",
    FORWARD_OUT: "fwo",
}
"""How names of sets have a kind: the longest name of a set has 31 characters."""


def way_of(kind: str) -> str:
    """Return the direction of the flow that would allow a packet of a kind."""
    return "egress" if kind in ("egress", FORWARD_OUT) else "ingress"


def observed_as(kind: str) -> str:
    """Return as which kind a host counts what it only observes."""
    return kind if kind in OBSERVED_KINDS else way_of(kind)


def mode_of(kind: str) -> str:
    """Return which of the modes decides whether a kind is denied, or only observed."""
    if kind in (FORWARD, *FORWARDED):
        return FORWARD
    return "egress" if kind == "egress" else "ingress"
