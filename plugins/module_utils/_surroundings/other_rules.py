# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Rules of others, as far as it matters what they do to a packet before or after ours judge it.

A rule is read for what it asks of a packet's ports, protocol and destination. What can't be told counts as anything, so
that a rule is rather found once too often than not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator, Mapping, Sequence, Tuple

NOTRACK, HELPER, REDIRECT, TRANSLATE, DENY = "notrack", "helper", "redirect", "translate", "deny"

Ranges = Tuple[Tuple[int, int], ...]


@dataclass(frozen=True)
class Match:
    """What a rule asks of a packet; None where it asks nothing, or nothing that can be told."""

    protocols: frozenset[str] | None = None
    source_ports: Ranges | None = None
    ports: Ranges | None = None
    destinations: tuple[str, ...] | None = None

    def narrowed(self, other: Match) -> Match | None:
        """Return what both ask; None where no packet can be both."""
        protocols = _both(self.protocols, other.protocols)
        source_ports = shared(self.source_ports, other.source_ports)
        ports = shared(self.ports, other.ports)
        if frozenset() == protocols or () in (source_ports, ports):
            return None
        destinations = self.destinations if other.destinations is None else other.destinations
        return Match(protocols, source_ports, ports, destinations)


def shared(one: Ranges | None, other: Ranges | None) -> Ranges | None:
    """Return the ports that are in both; None is every port."""
    if one is None or other is None:
        return other if one is None else one
    found = [(max(low, first), min(high, last)) for low, high in one for first, last in other]
    return tuple(sorted({(low, high) for low, high in found if low <= high}))


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


@dataclass(frozen=True)
class Rule:
    """One rule: what it asks, what it does (one of the words above, or nothing), and where it leads, if it does."""

    text: str
    match: Match = Match()
    action: str = ""
    jumps: tuple[tuple[Match, str], ...] = ()


@dataclass
class Chain:
    """A chain; ``hook`` is where the kernel calls it, if it does, and ``denies`` what its policy is."""

    name: str
    hook: str = ""
    denies: bool = False
    rules: list[Rule] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """A table of others, by what people call it, with its chains by name."""

    name: str
    chains: Mapping[str, Chain]


@dataclass(frozen=True)
class Reached:
    """A rule that packets of a hook come to, and what all rules on the way there ask of them."""

    table: str
    chain: str
    rule: Rule
    match: Match

    @property
    def place(self) -> str:
        """Return the rule and where it stands."""
        return f"{self.table}, chain {self.chain}: {self.rule.text}"


def reached(tables: Sequence[Table], hook: str, actions: Sequence[str]) -> Iterator[Reached]:
    """Yield the rules of a hook that do one of these things, wherever the chains of the hook lead."""
    for table in tables:
        for chain in table.chains.values():
            if chain.hook == hook:
                yield from _walk(table, chain, Match(), actions, set())


def _walk(
    table: Table, chain: Chain, match: Match, actions: Sequence[str], seen: set[tuple[str, Match]]
) -> Iterator[Reached]:
    # Many rules lead to one chain: it is walked once for the same packets.
    if (chain.name, match) in seen:
        return
    seen.add((chain.name, match))
    for rule in chain.rules:
        asked = match.narrowed(rule.match)
        if asked is None:
            continue
        if rule.action in actions:
            yield Reached(table.name, chain.name, rule, asked)
        for more, target in rule.jumps:
            narrowed = asked.narrowed(more)
            if narrowed and target in table.chains:
                yield from _walk(table, table.chains[target], narrowed, actions, seen)


def denying_chains(tables: Sequence[Table], hook: str) -> list[str]:
    """Return the chains of a hook whose policy denies."""
    chains: dict[str, Chain] = {
        f"{table.name}, chain {one.name}": one for table in tables for one in table.chains.values()
    }
    return [f"{name}: policy drop" for name, one in chains.items() if one.hook == hook and one.denies]
