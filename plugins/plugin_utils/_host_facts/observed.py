# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What hosts have denied, or would have where they only observe, as ``ruleset_info`` returned it.

And what a policy says of it now.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ...module_utils._contract.constants import ANY, KNOWN, STRANGER
from ...module_utils._contract.kinds import DENIED_KINDS, FORWARD_OUT, OBSERVED_KINDS, SPOOFED, way_of
from .._model.antispoof import OFF
from .._policy.compile import Policy
from .._values.addresses import Address
from .._values.direction import DIRECTIONS, MODE_DIRECTIONS
from .._values.ports import PROTOCOLS
from .._verdict.packet import Packet, verdict_by_every_interface
from .reader import TIME, Answer

SHOWN = 20
SHORT = 3600
"""Seconds of observing after which a host can't have seen much."""

_NOBODY: dict[int, Address] = {4: IPv4Address(0), 6: IPv6Address(0)}
_COMM = 15
"""Characters of a process's name, as the kernel keeps it."""
_FAMILIES = ("IPv4", "IPv6")
_SETS = tuple(f"{kind} {family}" for kind in OBSERVED_KINDS for family in _FAMILIES)
_PEERS = (KNOWN, STRANGER, ANY)
_DENIED_SETS = tuple(f"{kind} {family} {peers}" for kind in DENIED_KINDS for family in _FAMILIES for peers in _PEERS)


@dataclass(frozen=True)
class Seen:
    """New connections from or to one address, of one protocol and port (0 where it has none), that no flow allowed.

    Or packets with it as a spoofed source, where ``direction`` says so; or what was judged before DNAT.

    ``first`` and ``last`` are times in UTC, as ISO 8601 has them. What was not ``denied``, the host has let through.
    ``programs`` of the host itself waited for it when the host was asked.
    """

    direction: str
    address: Address
    protocol: str
    port: int
    packets: int
    first: str
    last: str
    denied: bool = False
    programs: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it for people."""
        preposition = "to" if self.way == "egress" else "from"
        peer = "any peer" if self.is_port_alone else self.address
        return f"{self.direction} {self.what} {preposition} {peer}: {self.packets}, last {self.last}"

    @property
    def what(self) -> str:
        """Return port and protocol as they are written in a model; a protocol without ports alone."""
        return f"{self.port}/{self.protocol}" if self.protocol in PROTOCOLS else self.protocol

    @property
    def way(self) -> str:
        """Return the direction of the flow that would allow it."""
        return way_of(self.direction)

    @property
    def is_port_alone(self) -> bool:
        """Return whether the host had no more room for peers, and has kept the port without them."""
        return self.denied and self.address.is_unspecified


@dataclass(frozen=True)
class Observed:
    """All that one host has counted, since when, and in which sets there was no more room (``ingress IPv4``).

    It has done so in ``directions``.
    """

    seen: tuple[Seen, ...] = ()
    full: tuple[str, ...] = ()
    since: str = ""
    directions: tuple[str, ...] = DIRECTIONS


def read_observed(result: Mapping[str, Any]) -> Observed | None:
    """Return what a look at a host tells of it; None where the host doesn't observe.

    Raises AnswerError where any of it is not as we write it.
    """
    if result.get("observed") is None:
        return None
    answer = Answer(result)
    seen = tuple(_seen(row, OBSERVED_KINDS) for row in answer.rows("observed"))
    directions = answer.words("observed_directions", MODE_DIRECTIONS) or DIRECTIONS
    return Observed(seen, answer.words("observed_full", _SETS), answer.time_if_any("observed_since"), directions)


def read_denied(result: Mapping[str, Any]) -> Observed | None:
    """Return what a look at a host tells of its denials; None where its rules keep none.

    Raises AnswerError where any of it is not as we write it. Whether the host knows a peer is read, and counts for
    nothing: the model says it.
    """
    if result.get("denied") is None:
        return None
    answer = Answer(result)
    seen = tuple(map(_denied, answer.rows("denied")))
    return Observed(seen, answer.words("denied_full", _DENIED_SETS), answer.time_if_any("denied_since"))


def _denied(row: Answer) -> Seen:
    row.flag("known")
    return replace(_seen(row, DENIED_KINDS), denied=True, programs=tuple(map(_program, row.rows("programs"))))


def _program(row: Answer) -> str:
    """Return a program in words; a process calls itself what it likes."""
    name = "".join(one if one.isprintable() and one.isascii() else "?" for one in row.text("name"))
    return f"{name[:_COMM]} (uid {row.number('uid')})"


def _seen(row: Answer, kinds: tuple[str, ...]) -> Seen:
    return Seen(
        row.word("direction", kinds),
        row.address("address"),
        row.protocol("protocol"),
        row.port("port"),
        row.number("packets"),
        row.time("first"),
        row.time("last"),
    )


def denied(policy: Policy, seen: Iterable[Seen]) -> list[Seen]:
    """Return what of it a host that enforces this policy denies on some interface, the most often seen first.

    It was counted without its interface, and denied on that one: what a flow allows on another is no answer to it. A
    source that was spoofed, or is routed elsewhere, is denied by what judges sources, whatever the flows say.
    """
    found = (one for one in seen if _is_denied(policy, one))
    return sorted(found, key=lambda one: -one.packets)


def _is_denied(policy: Policy, seen: Seen) -> bool:
    if seen.direction == SPOOFED:
        return policy.antispoof != OFF
    return seen.is_port_alone or is_never_carried(policy, seen) or not _allows(policy, seen)


def _allows(policy: Policy, seen: Seen) -> bool:
    return verdict_by_every_interface(policy, packet_of(seen)).allowed


def is_never_carried(policy: Policy, seen: Seen) -> bool:
    """Return whether a policy refuses it to those behind the host alone."""
    if seen.direction != FORWARD_OUT:
        return False
    is_guest = seen.address in policy.carries.networks
    return seen.address in policy.carries.excepted or (is_guest and policy.isolates_carried)


def packet_of(seen: Seen) -> Packet:
    """Return what was seen as a packet of the host's; what it has carried is judged as that, too."""
    host = _NOBODY[seen.address.version]  # a host's own address decides of nothing here
    ends = (seen.address, host) if seen.way == "ingress" else (host, seen.address)
    return Packet(seen.way, *ends, seen.protocol, port=seen.port if seen.protocol in PROTOCOLS else None)


def would_cut(policy: Policy, observed: Observed) -> str:
    """Return why a host that observes should not enforce this policy yet; an empty text where nothing is known."""
    cut = denied(policy, (one for one in observed.seen if not policy.observes(one.direction)))
    if not cut:
        return ""
    more = [f"and {len(cut) - SHOWN} more"] if len(cut) > SHOWN else []
    full = [f"There may be more still: no room was left for {', '.join(observed.full)}"] if observed.full else []
    lines = "".join(f"\n  {line}" for line in (*map(str, cut[:SHOWN]), *more, *full))
    since = observed.since or "an unknown time"
    return (
        f"This host observes, and to enforce would cut {len(cut)} of what it has seen since {since}:{lines}"
        "\nreport writes the flows that are missing (missing_flows.yml). Add those that are wanted, or set "
        "gatehouse_accept_observed: true to have all others denied"
    )


def remarks(observed: Observed, now: datetime.datetime) -> list[str]:
    """Return what speaks against trusting what a host has seen, or has not."""
    found = []
    seconds = (now - _time(observed.since)).total_seconds() if observed.since else 0.0
    if seconds < SHORT:
        how_long = f"{max(0, int(seconds // 60))} minutes only" if observed.since else "an unknown time"
        what = "" if observed.seen else " and has seen nothing yet"
        found.append(f"This host has observed for {how_long}{what}: services may be missed")
    if observed.full:
        found.append(f"This host had no room left to count more ({', '.join(observed.full)}): services may be missed")
    return found


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, TIME).replace(tzinfo=datetime.timezone.utc)
