# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The words of an nftables ruleset that several of its parts have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...module_utils._contract.kinds import way_of

KEYWORD = {4: "ip", 6: "ip6"}
ANYBODY = {4: "meta nfproto ipv4 ", 6: "meta nfproto ipv6 "}


def set_name(peer: str, family: int) -> str:
    """Return what a peer's set in a family is called."""
    return f"{peer}.v{family}"


def address_match(kind: str) -> str:
    """Return which address of a packet of a direction, or of a kind of denials, is at the other end."""
    return "daddr" if way_of(kind) == "egress" else "saddr"


def in_set(kind: str, name: str, family: int) -> str:
    """Return the match for who is at the other end of a packet."""
    return f"{KEYWORD[family]} {address_match(kind)} @{set_name(name, family)} "


def chain(name: str, statements: Iterable[str]) -> Iterator[str]:
    """Yield a chain."""
    yield f"\tchain {name} {{"
    yield from (f"\t\t{statement}" for statement in statements)
    yield "\t}"


def filled_by_kernel(name: str, key: str, size: int, seconds: int) -> Iterator[str]:
    """Yield a set that rules fill. It is bounded, since strangers decide how many keys there are."""
    yield f"\tset {name} {{"
    yield f"\t\ttype {key}; size {size}; flags dynamic,timeout; timeout {seconds}s;"
    yield "\t}"
