# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Sources that can't be true: a host would answer them by another interface than the one that they came in by.

An address as a peer is a claim of the sender's. Where a host has interfaces of two sides, its routes contradict some
of these claims: this module says which, for the renderers and for verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._values.problems import Problems, Where
from .._values.readers import SIDES, choice_at

OFF, BY_SIDES, STRICT = ANTISPOOF = ("off", "sides", "strict")
LINK_LOCAL = "fe80::/10"
"""Sources that have no route of their own: each interface has the same."""

_FOR_IPTABLES = "strict or off: iptables, unlike nftables, can't tell by which other interface a route leaves"

Interfaces = Mapping[str, Sequence[str]]


CAVEATS = {
    OFF: "",
    BY_SIDES: "; but not by one side from a source that this host routes by the other (gatehouse_antispoof: sides)",
    STRICT: "; but not by an interface of a side from a source that it routes by another (gatehouse_antispoof: strict)",
}
"""What an answer about packets that come in has to add, as it knows no routes."""


def antispoof_at(where: Where, value: object, problems: Problems) -> str:
    """Read what to do with such sources; YAML reads a bare ``off`` as false, and a template may make that a text."""
    return choice_at(where, OFF if str(value).lower() == "false" else value, ANTISPOOF, OFF, problems)


def note_beyond_iptables(where: Where, mode: str, problems: Problems) -> None:
    """Note a mode that no rule of iptables can say: these know whether an interface is the right one, and no more."""
    if not can_iptables(mode):
        problems.add(where, mode, _FOR_IPTABLES)


def can_iptables(mode: str) -> bool:
    """Return whether rules of iptables can do what a mode says."""
    return mode != BY_SIDES


def effective(mode: str, interfaces: Interfaces) -> str:
    """Return what of a mode a host can do that has these interfaces; nothing where it couldn't tell the sides apart."""
    can = {OFF: False, BY_SIDES: bool(routed_wrongly(interfaces)), STRICT: bool(judged(interfaces))}
    return mode if can[mode] else OFF


def routed_wrongly(interfaces: Interfaces) -> dict[str, list[str]]:
    """Return, for each interface of one side alone, those of the other side alone."""
    own = {side: list(dict.fromkeys(interfaces.get(side) or ())) for side in SIDES}
    private, public = ([name for name in own[side] if name not in own[other]] for side, other in (SIDES, SIDES[::-1]))
    pairs = {**dict.fromkeys(private, public), **dict.fromkeys(public, private)}
    return {name: others for name, others in pairs.items() if others}


def judged(interfaces: Interfaces) -> list[str]:
    """Return the interfaces of all sides."""
    return list(dict.fromkeys(name for side in SIDES for name in interfaces.get(side) or ()))


def contradicted(mode: str, interfaces: Interfaces, interface: str, back: str) -> bool:
    """Return whether a source that came in by one interface must not be routed back by another one."""
    if mode == STRICT:
        return interface in judged(interfaces) and back != interface
    return mode == BY_SIDES and back in routed_wrongly(interfaces).get(interface, ())
