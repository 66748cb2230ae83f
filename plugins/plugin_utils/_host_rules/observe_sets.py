# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host that only observes keeps in its kernel: what it would have denied, in sets that can't grow for ever.

A kernel doesn't know since when a set has an element, only when it will lose it. So there are two sets for each
direction and family: in one a key stays as it came, with its counter; in the other every new connection renews it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...module_utils._contract.kinds import (
    DENIED_KINDS,
    FORWARDED,
    OBSERVED_KINDS,
    PRE_DNAT,
    SET_WORDS,
    SPOOFED,
)
from .._model.antispoof import OFF
from .._policy.compile import Policy

KEPT = ("first", "last")
HEARD = ("ingress", PRE_DNAT)
"""Where a host hears its own broadcasts, which nothing keeps."""


def judged_kinds(policy: Policy) -> list[str]:
    """Return the kinds of packets that a policy judges."""
    judges = {PRE_DNAT: bool(policy.pre_dnat), SPOOFED: policy.antispoof != OFF}
    judges |= dict.fromkeys(FORWARDED, bool(policy.carries))
    return [kind for kind in DENIED_KINDS if judges.get(kind, True)]


def kinds(policy: Policy) -> list[str]:
    """Return the kinds of denials that are counted where a policy observes."""
    return [kind for kind in judged_kinds(policy) if kind in OBSERVED_KINDS and policy.observes(kind)]


def sets(policy: Policy) -> Iterator[tuple[str, str, int]]:
    """Yield kind, what of a key is kept (``first`` or ``last``), and family of each set."""
    for direction in kinds(policy):
        for family in (4, 6):
            yield from ((direction, kept, family) for kept in KEPT)


def log_prefix(direction: str) -> str:
    """Return what the lines in the kernel's log begin with."""
    return f"gatehouse observed {SET_WORDS[direction]}: "
