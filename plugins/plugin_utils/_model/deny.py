# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How a host denies a packet: whether it drops it, or tells the sender at once that it was refused."""

from __future__ import annotations

from dataclasses import dataclass

from ...module_utils._contract.kinds import FORWARD_IN, FORWARD_OUT
from .._values.direction import MODE_DIRECTIONS
from .._values.problems import Problems, Where
from .._values.readers import Item

KEY = "gatehouse_deny"
DROP, REJECT = WAYS = ("drop", "reject")


@dataclass(frozen=True)
class Deny:
    """What becomes of a packet that no flow allows, by direction.

    What a host's own programs send is refused, so that they fail at once and don't wait for a timeout, and so is what
    those behind it send (``forward``); to others, the host says nothing. What is denied before DNAT, or for its source,
    is dropped whatever this says, and with iptables what is forwarded.
    """

    ingress: str = DROP
    egress: str = REJECT
    forward: str = REJECT

    def rejects(self, kind: str) -> bool:
        """Return whether a kind of denial tells the sender."""
        ways = {"ingress": self.ingress, "egress": self.egress, FORWARD_OUT: self.forward, FORWARD_IN: self.ingress}
        return ways.get(kind) == REJECT

    def __str__(self) -> str:
        """Return it in words, for keys and names."""
        return f"{self.ingress},{self.egress},{self.forward}"


SILENT = Deny(DROP, DROP, DROP)
"""What needs no part of the kernel that may be missing."""


def read_deny(where: Where, value: object, problems: Problems) -> Deny:
    """Read how a host denies, noting problems; a direction that isn't said has its default."""
    if value is None:
        return Deny()
    item = Item(where, value, MODE_DIRECTIONS, problems)
    return Deny(**{key: item.choice(key, WAYS, getattr(Deny(), key)) for key in MODE_DIRECTIONS})


def to_data(deny: Deny) -> dict[str, str]:
    """Return what ``read_deny`` reads again."""
    return {key: getattr(deny, key) for key in MODE_DIRECTIONS}
