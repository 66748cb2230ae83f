# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host that enforces keeps in its kernel of what it has denied, in sets that can't grow for ever.

Peers that a class or zone of the model has are apart from strangers, who may be any number: however many of these
knock, the fleet's own stay. Where a set takes no more, a port is kept without its peer. As with what is observed
(``observe_sets``), there are two sets each: for how often and the first time, and for the last time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...module_utils._contract.constants import ANY, DENIED_SECONDS, KNOWN, KNOWN_PEERS, STRANGER
from ...module_utils._contract.kinds import FORWARDED, PRE_DNAT, SET_WORDS, SPOOFED
from .._policy.compile import Policy
from .._values.addresses import AddressSet
from .._values.direction import DIRECTIONS
from .observe_sets import KEPT, judged_kinds
from .peer_sets import FAMILIES, is_everybody, peer_name

REASONS = {
    **dict.fromkeys(DIRECTIONS, "denied: no flow allows it"),
    PRE_DNAT: "denied before DNAT: no flow allows it",
    SPOOFED: "denied: spoofed source",
    **dict.fromkeys(FORWARDED, "denied where it is forwarded: no flow allows it"),
}
LOST = "invalid: of a connection that is no longer tracked"
INVALID = "invalid: belongs to no connection"


@dataclass(frozen=True)
class DeniedSet:
    """A set: of which denials, of which peers (``known``, ``stranger`` or ``any``), what is kept, and family."""

    kind: str
    peers: str
    kept: str
    family: int

    @property
    def name(self) -> str:
        """Return its name, without the family."""
        return f"denied.{SET_WORDS[self.kind]}.{self.peers}.{self.kept}"

    @property
    def seconds(self) -> int:
        """Return how long a key stays that isn't renewed."""
        return DENIED_SECONDS[self.peers]


def kinds(policy: Policy) -> list[str]:
    """Return the kinds of denials that a policy makes."""
    return [kind for kind in judged_kinds(policy) if not policy.observes(kind)]


def keeps(policy: Policy) -> bool:
    """Return whether a policy keeps what it denies."""
    return policy.denied.keep and bool(kinds(policy))


def groups(policy: Policy) -> list[str]:
    """Return the groups of peers that a policy tells apart, and any peer, of which the port alone is kept."""
    return [*([KNOWN] if policy.known or named(policy) else []), STRANGER, ANY]


def named(policy: Policy) -> list[str]:
    """Return what names the sets of addresses behind host names that a policy has: these peers are known, too."""
    rules = ((direction, rule) for direction in DIRECTIONS for rule in policy.rules(direction))
    return sorted({peer_name(direction, rule) for direction, rule in rules if rule.names})


def known_sets(policy: Policy) -> Iterator[tuple[str, int, AddressSet]]:
    """Yield name, family and addresses of the sets of known peers."""
    if keeps(policy):
        for family in FAMILIES:
            if not is_everybody(policy.known.of_family(family)):
                parts = zip(KNOWN_PEERS, policy.known.parts)
                yield from ((name, family, part) for name, part in parts if part.of_family(family))


def sets(policy: Policy) -> Iterator[DeniedSet]:
    """Yield the sets."""
    if keeps(policy):
        for kind in kinds(policy):
            for family in FAMILIES:
                for peers in groups(policy):
                    yield from (DeniedSet(kind, peers, kept, family) for kept in KEPT)


def log_prefix(kind: str) -> str:
    """Return what the lines in a log begin with."""
    return f"gatehouse denied {SET_WORDS[kind]}: "
