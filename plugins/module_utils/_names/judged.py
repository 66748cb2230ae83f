# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What of an answer counts, and for how long what earlier answers had counts beside it.

Many names answer with other addresses each time. An application keeps one that it was given for a while, so an address
counts until ``max_ttl`` after it was last in an answer. No family ever has more than ``max_addresses``.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Iterable, Mapping

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Refresh, in_order
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Answer

FAMILIES = (4, 6)


@dataclass(frozen=True)
class Judged:
    """The addresses of an answer that count, the families of which it tells nothing, and why that isn't all of it."""

    addresses: tuple[str, ...]
    untold: tuple[int, ...]
    error: str


@dataclass(frozen=True)
class Held:
    """When each address that counts was in an answer last, and the families in which more did than count."""

    seen: Mapping[str, float]
    crowded: tuple[int, ...]


def judge(refresh: Refresh, answer: Answer) -> Judged:
    """Return what of an answer counts.

    A family with more addresses than count is not taken at all: which of them are the right ones, the host can't tell.
    """
    allowed = in_order({one for one in answer.addresses if not refresh.refuses(one)})
    refused = in_order(set(answer.addresses) - set(allowed))
    crowds = {family: _of(allowed, family) for family in FAMILIES}
    crowds = {family: some for family, some in crowds.items() if len(some) > refresh.max_addresses}
    reasons = [
        *answer.unanswered.values(),
        *([f"nobody's address: {', '.join(refused)}"] if refused else []),
        *(
            f"got {len(some)} IPv{family} addresses, expected at most {refresh.max_addresses} (max_addresses)"
            for family, some in crowds.items()
        ),
    ]
    good = tuple(one for one in allowed if family_of(one) not in crowds)
    return Judged(good, tuple(sorted({*answer.unanswered, *crowds})), "; ".join(reasons))


def hold(refresh: Refresh, judged: Judged, seen: Mapping[str, float], now: float) -> Held:
    """Return what counts after an answer, given when each address that counted until now was in an answer last.

    Of a family that an answer tells nothing of, everything stays. A clock that was set back makes nothing younger.
    """
    stays = {
        one: min(time, now)
        for one, time in seen.items()
        if not refresh.refuses(one) and (now < time + refresh.max_ttl or family_of(one) in judged.untold)
    }
    stays.update(dict.fromkeys(judged.addresses, now))
    newest = [one for family in FAMILIES for one in _newest(_of(stays, family), stays)[: refresh.max_addresses]]
    crowded = tuple(family for family in FAMILIES if len(_of(stays, family)) > refresh.max_addresses)
    return Held({one: stays[one] for one in newest}, crowded)


def next_question(refresh: Refresh, judged: Judged, held: Held, ttl: int, now: float) -> float:
    """Return when to ask again: when the answer counts no longer, or the first of the earlier addresses doesn't."""
    # A server may say 0, or years: the first would have the host ask without end, the second never again.
    ttl = min(max(ttl, refresh.min_ttl), refresh.max_ttl)
    earlier = (time for one, time in held.seen.items() if time < now and family_of(one) not in judged.untold)
    return min([now + ttl, *(time + refresh.max_ttl for time in earlier)])


def crowded(refresh: Refresh, family: int) -> str:
    """Return what to say of a family in which a name had more addresses than count."""
    most = f"more than {refresh.max_addresses} IPv{family} addresses within {refresh.max_ttl} s"
    return f"{most}, of which those seen last count (max_addresses)"


def family_of(address: str) -> int:
    """Return 4 or 6."""
    return ip_address(address).version


def _of(addresses: Iterable[str], family: int) -> list[str]:
    return [one for one in addresses if family_of(one) == family]


def _newest(addresses: Iterable[str], seen: Mapping[str, float]) -> list[str]:
    return sorted(in_order(addresses), key=lambda one: -seen[one])
