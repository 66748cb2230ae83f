# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Which flows are used: what reports have seen hosts count, kept from one report to the next.

A count says how much, not when: what it has gained was let through between two reports. And it begins anew with each
load of a ruleset, so that what was counted between the report before that and the load is lost. A flow is unused where
it was watched for long enough without a gain; times without a watch make it neither used nor unused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from .._model.model import Flow
from .._policy.compile import Fleet
from .._values.direction import DIRECTIONS
from .reader import TIME
from .state import HostState

_KEPT_DAYS = 90
_NOTHING = timedelta()


@dataclass(frozen=True)
class Watched:
    """What reports have seen of a flow at one host in one direction.

    ``since`` is the first report that saw it counted, ``used`` the last one that saw more than the one before: it was
    used no later than then. ``idle`` is how long it was watched without use since.
    """

    since: datetime
    packets: int
    used: datetime | None
    idle: timedelta = _NOTHING


@dataclass(frozen=True)
class HostUsage:
    """What reports have seen of one host: when last, since when its rules counted then, and each flow's direction."""

    seen: datetime
    in_force_since: str
    flows: Mapping[tuple[str, str], Watched]


History = Mapping[str, HostUsage]


@dataclass(frozen=True)
class FlowUse:
    """What is known of a flow's use by the whole fleet.

    ``used`` is when it was last used; nothing where no report has seen it used since ``since``, the first one
    that saw it counted. ``idle`` is the longest that a host has watched it without use. ``blind`` are the hosts that
    have it and were not heard this time.
    """

    flow: Flow
    used: datetime | None
    since: datetime | None
    idle: timedelta
    packets: int
    hosts: int
    blind: tuple[str, ...]

    def is_unused(self, days: int, now: datetime) -> bool:
        """Return whether it was unused for so many days, and some host was watched that long."""
        recent = self.used is not None and now - self.used < timedelta(days=days)
        return not recent and self.idle >= timedelta(days=days)


def updated(history: History, live: Mapping[str, HostState], now: datetime, days: int) -> dict[str, HostUsage]:
    """Return the history with what hosts have counted now. Of one without counts, it stays: so many days or 90.

    That is a host that didn't answer, or one whose rules are gone: it has used what it used.
    """
    keep = timedelta(days=max(days, _KEPT_DAYS))
    counted = {host: one for host, one in live.items() if one.usage and not one.silence}
    kept = {host: one for host, one in history.items() if host not in counted and now - one.seen <= keep}
    new = {host: _of_host(history.get(host), one, now) for host, one in counted.items()}
    return dict(sorted({**kept, **new}.items()))


def uses(fleet: Fleet, history: History, now: datetime) -> list[FlowUse]:
    """Return what is known of each flow that is open, in the model's order."""
    holders = _holders(fleet)
    found: dict[str, list[tuple[str, Watched]]] = {}
    for host, one in history.items():
        for (flow, _direction), watched in one.flows.items():
            found.setdefault(flow, []).append((host, watched))
    heard = {host for host, one in history.items() if one.seen == now}
    return [
        _use(flow, found.get(flow.name, []), holders.get(flow.name, []), heard)
        for flow in fleet.resolved.model.flows.values()
        if flow.name not in fleet.expired
    ]


def _of_host(before: HostUsage | None, live: HostState, now: datetime) -> HostUsage:
    flows = {
        (count.flow, count.direction): _watched(before, live, (count.flow, count.direction), count.packets, now)
        for count in live.usage
    }
    return HostUsage(now, live.in_force_since, flows)


def _watched(before: HostUsage | None, live: HostState, key: tuple[str, str], packets: int, now: datetime) -> Watched:
    old = before.flows.get(key) if before else None
    if before is None or old is None:
        return Watched(now, packets, now if packets else None)
    # Counters begin anew with each load of rules; fewer packets than before show one that was not noted.
    anew = live.in_force_since != before.in_force_since or packets < old.packets
    if packets > (0 if anew else old.packets):
        return Watched(old.since, packets, now)
    return replace(old, packets=packets, idle=old.idle + max(_NOTHING, now - _watched_from(before, live, anew, now)))


def _watched_from(before: HostUsage, live: HostState, anew: bool, now: datetime) -> datetime:
    """Return from when on, since the last report, nothing is lost of what was counted; ``now`` where that isn't known.

    The times are those of two clocks, so that a host's own counts only where it lies between the reports.
    """
    loaded = read_time(live.in_force_since)
    if loaded is None:
        return now
    if not anew:
        return before.seen
    is_new = live.in_force_since != before.in_force_since
    return loaded if is_new and before.seen <= loaded <= now else now


@lru_cache(maxsize=1024)  # the same few times stand at thousands of flows
def read_time(text: str) -> datetime | None:
    """Return the time that a text has as ``2026-11-21T09:30:00Z``; nothing where it has none."""
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _holders(fleet: Fleet) -> dict[str, list[str]]:
    """Return the managed hosts that let each flow through, in or out."""
    flows = {name: set(_flows_of(fleet, name)) for name in fleet.policies}
    found: dict[str, list[str]] = {}
    for host, name in sorted(fleet.sets.items()):
        for flow in flows[name]:
            found.setdefault(flow, []).append(host)
    return found


def _flows_of(fleet: Fleet, name: str) -> Iterator[str]:
    for direction in DIRECTIONS:
        yield from (rule.flow for rule in fleet.policies[name].rules(direction) if rule.is_for_somebody)


def _use(flow: Flow, found: list[tuple[str, Watched]], holders: list[str], heard: set[str]) -> FlowUse:
    """Return what is known of a flow. A host that is no more has used it all the same, but watches it no longer."""
    having = set(holders)
    watching = [(host, watched) for host, watched in found if host in having]
    return FlowUse(
        flow,
        used=max((watched.used for _host, watched in found if watched.used), default=None),
        since=min((watched.since for _host, watched in watching), default=None),
        idle=max((watched.idle for _host, watched in watching), default=_NOTHING),
        packets=sum(watched.packets for host, watched in watching if host in heard),
        hosts=len({host for host, _watched in watching}),
        blind=tuple(host for host in holders if host not in heard),
    )
