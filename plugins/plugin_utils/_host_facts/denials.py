# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the hosts of a fleet have denied, or would have where they only observe: whose it was, and what would allow it.

Rows say it for each host and peer; sums, for hosts of the same classes and peers that are alike, those that the model
knows first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...module_utils._contract.kinds import SPOOFED
from .._model.antispoof import OFF
from .._policy.compile import Fleet, Policy
from .._values.addresses import AddressSet
from .._verdict.ask import Question, managed_at
from .._verdict.endpoints import Ends
from .._verdict.explain import nearest
from .._verdict.packet import verdict_by_every_interface
from .attribution import CLASS, HOST, STRANGER, UNMANAGED, ZONE, Attribution, Peer
from .before import Before, Earlier
from .missing_flows import Missing, missing_flows
from .observed import Observed, Seen, is_never_carried, packet_of
from .state import HostState

DENIED, OBSERVED = "denied", "observed"
_RANKS = {HOST: 0, CLASS: 0, UNMANAGED: 1, ZONE: 2, STRANGER: 3}
_NO_ROOM = "the host had no room left for its peers, and has kept the port alone"
_NEVER_CARRIED = "those behind the host never reach it"
_SPOOFED = "its source is spoofed, or the host routes it by another interface"
_NOT_JUDGED = "gatehouse_antispoof is off by now"
_KEEPS_NOTHING = "gatehouse_denied says that it keeps nothing"
_KEPT_NOTHING = "its rules keep nothing yet: run harden"

Filter = Callable[[str, Seen], bool]
"""Says of what a host has seen whether it is asked for."""


@dataclass(frozen=True)
class Judged:
    """What the model says by now of something that was seen: the flow that allows it, or that almost does."""

    allowed: bool
    reason: str
    flow: str = ""


@dataclass(frozen=True)
class Row:
    """What one host has seen of one peer on one port."""

    host: str
    seen: Seen
    peer: Peer
    judged: Judged
    earlier: Earlier = Earlier()

    def as_data(self) -> dict[str, Any]:
        """Return the row as data that JSON and YAML can hold."""
        seen = self.seen
        return {
            "verdict": verdict_of(seen),
            "direction": seen.direction,
            "address": "" if seen.is_port_alone else str(seen.address),
            "peer": "" if seen.is_port_alone else self.peer.name,
            "peer_kind": self.peer.kind,
            "protocol": seen.protocol,
            "port": seen.port,
            "packets": seen.packets,
            "first": seen.first,
            "last": seen.last,
            "allowed": self.judged.allowed,
            "reason": self.judged.reason,
            "flow": self.judged.flow,
            **_before(self.earlier),
            "programs": list(seen.programs),
        }


@dataclass(frozen=True)
class Sum:
    """The rows of hosts of the same classes about peers that are alike, on one port; the most often seen one first."""

    rows: tuple[Row, ...]

    @property
    def packets(self) -> int:
        """Return how many packets that were."""
        return sum(row.seen.packets for row in self.rows)

    @property
    def last(self) -> str:
        """Return when the last one was."""
        return max(row.seen.last for row in self.rows)

    @property
    def earlier(self) -> Earlier:
        """Return what became of it under the rulesets before, until the last of the hosts had another one."""
        return max((row.earlier for row in self.rows), key=lambda one: one.until)

    @property
    def hosts(self) -> list[str]:
        """Return the hosts that have seen it."""
        return sorted({row.host for row in self.rows})

    @property
    def peer(self) -> str:
        """Return whose the addresses are: by name where that is one, with the address where the name doesn't say it."""
        peer, names = self.rows[0].peer, {row.peer.name for row in self.rows}
        addresses = {str(row.seen.address) for row in self.rows}
        if self.rows[0].seen.is_port_alone:
            return "any"
        if peer.kind == STRANGER:
            return f"stranger {peer.name}" if len(names) == 1 else f"{len(names):,} strangers"
        if peer.kind == UNMANAGED:
            return f"{peer.name if len(names) == 1 else f'{len(names):,} hosts'} (in no node class)"
        if peer.kind == HOST:
            return f"{peer.name} ({peer.group})" if len(names) == 1 else f"{len(names):,} hosts of {peer.group}"
        return f"{peer.name} ({min(addresses) if len(addresses) == 1 else f'{len(addresses):,} addresses'})"

    def as_data(self) -> dict[str, Any]:
        """Return the sum as data that JSON and YAML can hold."""
        most = self.rows[0].as_data()
        same = ("verdict", "direction", "peer_kind", "protocol", "port", "allowed", "reason", "flow")
        kept = [row for row in self.rows if not row.seen.is_port_alone]
        return {
            "hosts": self.hosts,
            **{key: most[key] for key in same},
            **_before(self.earlier),
            "programs": sorted({name for row in self.rows for name in row.seen.programs}),
            "peers": sorted({row.peer.name for row in kept}),
            "addresses": sorted({str(row.seen.address) for row in kept}),
            "packets": self.packets,
            "first": min(row.seen.first for row in self.rows),
            "last": self.last,
        }


@dataclass(frozen=True)
class Denials:
    """All that the hosts have said of it: sums, each host's rows, and the flows that are missing.

    ``since`` has when each host that answered began to keep it, and ``full`` where one had no room left. ``without``
    says why a host has said nothing: it gave no answer, or keeps nothing. ``not_asked`` are those outside of the play.
    """

    sums: tuple[Sum, ...]
    rows: Mapping[str, tuple[Row, ...]]
    missing: Missing
    since: Mapping[str, str]
    full: Mapping[str, tuple[str, ...]]
    without: Mapping[str, str]
    not_asked: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return it as data that JSON and YAML can hold."""
        return {
            "denied": [one.as_data() for one in self.sums],
            "hosts": {
                host: {
                    "since": self.since[host],
                    "full": list(self.full.get(host, ())),
                    "rows": [row.as_data() for row in rows],
                }
                for host, rows in self.rows.items()
            },
            "missing_flows": self.missing.text(),
            "unanswered": dict(self.without),
            "not_asked": list(self.not_asked),
        }


def denials(
    attribution: Attribution,
    states: Mapping[str, HostState],
    not_asked: Sequence[str] = (),
    asked: Filter | None = None,
) -> Denials:
    """Return what the hosts have said of what they denied, or would have; or of it what is asked for alone."""
    fleet = attribution.fleet
    without = {host: why for host, state in states.items() if (why := _without(fleet, state))}
    kept = {host: one for host, state in states.items() if (one := state.unallowed)}
    found = {host: _narrowed(host, one, asked) for host, one in kept.items()}
    judge = Judge(attribution)
    rows = {host: judge.rows(host, one, states[host].before) for host, one in found.items()}
    return Denials(
        sums(fleet, [row for own in rows.values() for row in own]),
        rows,
        missing_flows(fleet, found),
        {host: one.since for host, one in kept.items()},
        {host: one.full for host, one in kept.items() if one.full},
        without,
        tuple(not_asked),
    )


def about(ends: Ends, question: Question) -> Filter:
    """Return what says of what a host has seen whether a question is about it."""
    sides = {"ingress": (question.receiver, question.sender), "egress": (question.sender, question.receiver)}
    hosts = {way: None if here is None else {*managed_at(ends, here)} for way, (here, _there) in sides.items()}
    peers = {
        way: None if there is None else AddressSet.union(there.parts.values()) for way, (_h, there) in sides.items()
    }

    def is_asked_for(host: str, seen: Seen) -> bool:
        own, others, ports = hosts[seen.way], peers[seen.way], question.ports
        return (
            (own is None or host in own)
            and (others is None or seen.is_port_alone or seen.address in others)
            and (not ports or ports.holds(seen.protocol, seen.port or None))
        )

    return is_asked_for


def _before(earlier: Earlier) -> dict[str, str]:
    return {"before": earlier.verdict, "before_flow": earlier.flow, "before_until": earlier.until}


def verdict_of(seen: Seen) -> str:
    """Return what became of it."""
    return DENIED if seen.denied else OBSERVED


def judged(policy: Policy, seen: Seen) -> Judged:
    """Return what a policy says by now of what was seen, if it enforces."""
    if seen.direction == SPOOFED:
        return Judged(True, _NOT_JUDGED) if policy.antispoof == OFF else Judged(False, _SPOOFED)
    if seen.is_port_alone:
        return Judged(False, _NO_ROOM)
    if is_never_carried(policy, seen):
        return Judged(False, _NEVER_CARRIED)
    packet = packet_of(seen)
    found = verdict_by_every_interface(policy, packet)
    if found.allowed:
        return Judged(True, f"by now {found.reason}", found.flow)
    near = nearest(policy, packet)
    return Judged(False, f"{found.reason}; {near}", near.flow) if near else Judged(False, found.reason)


def _without(fleet: Fleet, state: HostState) -> str:
    """Return why a host has said nothing; an empty text where it has."""
    if state.silence or state.unallowed:
        return state.silence
    return _KEPT_NOTHING if fleet.policy_of(state.host).denied.keep else _KEEPS_NOTHING


def _narrowed(host: str, one: Observed, asked: Filter | None) -> Observed:
    return Observed(tuple(seen for seen in one.seen if asked is None or asked(host, seen)), one.full, one.since)


@dataclass
class Judge:
    """Says of what hosts have seen whose it was, and what the model says of it.

    The same strangers knock at many hosts, so that it asks the model once for hosts that it has the same for.
    """

    attribution: Attribution

    def __post_init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[tuple[object, ...], Judged] = {}

    def rows(self, host: str, one: Observed, before: Before | None = None) -> tuple[Row, ...]:
        """Return what a host has seen, what it has seen most often first; ``before`` is its ruleset before."""
        fleet = self.attribution.fleet
        policy, known = fleet.policy_of(host), self._known
        alike = (fleet.sets[host], policy.antispoof, *policy.interfaces.items())
        rows = []
        for seen in sorted(one.seen, key=lambda seen: -seen.packets):
            key = (alike, seen.direction, seen.address, seen.protocol, seen.port, seen.denied)
            if key not in known:
                known[key] = judged(policy, seen)
            earlier = before.of(seen) if before and seen.denied else Earlier()
            rows.append(Row(host, seen, self.attribution.peer(seen.address), known[key], earlier))
        return tuple(rows)


def sums(fleet: Fleet, rows: Sequence[Row]) -> tuple[Sum, ...]:
    """Return the rows by what they have in common, those first that are about peers of the fleet."""
    together: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        seen = row.seen
        before = (row.earlier.verdict, row.earlier.flow)
        what = (seen.denied, seen.direction, seen.protocol, seen.port, seen.is_port_alone, *before)
        key = (fleet.sets[row.host], row.peer.kind, row.peer.group, row.judged.allowed, *what)
        together.setdefault(key, []).append(row)
    found = (Sum(tuple(sorted(own, key=lambda row: -row.seen.packets))) for own in together.values())
    return tuple(sorted(found, key=lambda one: (_RANKS[one.rows[0].peer.kind], -one.packets)))
