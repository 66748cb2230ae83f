# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What rules of others do to what the model says of a host: in words, each with the rule and where it stands."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Collection, Iterator, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import (
    Declared,
    Stage,
    in_both,
    in_words,
    of_match,
    without,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules import (
    DENY,
    HELPER,
    NOTRACK,
    REDIRECT,
    TRANSLATE,
    Match,
    Table,
    denying_chains,
    reached,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.own_addresses import (
    Network,
    networks,
    within,
)

_NO_STAGE = Stage((), ())
_TARGET = re.compile(
    r"(?:\bdnat (?:ip6? )?to|--to-destination) (?:\[([0-9a-f:]+)\]|([0-9.]+)|([0-9a-f:]+))(?::\d+)?(?= |$)"
)
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")


def untracked(tables: Sequence[Table], declared: Declared, own: Sequence[str]) -> Iterator[str]:
    """Yield what is taken out of connection tracking, although a flow needs its replies known."""
    for hook, asked, replied in (
        ("prerouting", declared.ingress, declared.egress),
        ("output", declared.egress, declared.ingress),
    ):
        for one in reached(tables, hook, [NOTRACK]):
            if hook == "output" and one.match.destinations and _all_own(one.match.destinations, own):
                continue  # it stays on the loopback interface
            turned = replace(one.match, ports=one.match.source_ports, source_ports=one.match.ports)
            ports = [*_meant(one.match, asked), *_meant(turned, replied)]
            if ports:
                yield f"{in_words(ports)} is not tracked, by a rule of others ({one.place})"


def _meant(match: Match, ports: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Return which of these ports a rule is about; one that names ports of the other end alone is about none."""
    if match.ports is None and match.source_ports is not None:
        return []
    return in_both(ports, of_match(match))


def helped(tables: Sequence[Table]) -> Iterator[str]:
    """Yield which rules give connections a helper, which expects others for them."""
    for hook in _HOOKS:
        for one in reached(tables, hook, [HELPER]):
            yield f"connections get a helper by a rule of others ({one.place})"


def targets(tables: Sequence[Table]) -> list[str]:
    """Return the addresses to which rules redirect, where a rule names one."""
    found = (target_of(one.rule.text) for one in reached(tables, "prerouting", [REDIRECT]))
    return list(dict.fromkeys(one for one in found if one))


def target_of(rule: str) -> str:
    """Return the address to which a rule redirects; an empty text where it names none."""
    found = _TARGET.search(rule)
    return next(filter(None, found.groups()), "") if found else ""


def redirected(
    tables: Sequence[Table], declared: Declared, own: Sequence[str], carried: Collection[str] = ()
) -> Iterator[str]:
    """Yield what is redirected before our rules judge it, since pre_dnat doesn't name it.

    What goes to an address that is ``carried`` is judged where it is forwarded.
    """
    known = set()
    for one in reached(tables, "prerouting", [REDIRECT]):
        places = one.match.destinations or ()
        if target_of(one.rule.text) in carried:
            continue
        if places and all(_is_loopback(place) for place in places):
            continue
        ports, others = of_match(one.match), list(places)
        for stage in declared.pre_dnat or [_NO_STAGE]:
            elsewhere = [place for place in places if not _is_judged_at(place, stage, own)]
            ports = ports if elsewhere else without(ports, stage.ports)
            others = [place for place in others if place in elsewhere]
        what = f"{in_words(ports)}{_at(others or places)}"
        if ports and what not in known:
            known.add(what)
            yield f"{what} is redirected by a rule of others ({one.place})"


def _is_judged_at(place: str, stage: Stage, own: Sequence[str]) -> bool:
    """Return whether a pre-DNAT stage looks at a destination: an address of the host's own, or one that it names."""
    named = networks(stage.addresses)
    parts = networks([place])
    return _is_own(place, own) or (bool(parts) and all(any(_is_in(part, one) for one in named) for part in parts))


def _is_in(part: Network, whole: Network) -> bool:
    return part.version == whole.version and part.subnet_of(whole)  # type: ignore[arg-type]


def _is_loopback(place: str) -> bool:
    parts = networks([place])
    return bool(parts) and all(part.is_loopback for part in parts)


def _at(places: Sequence[str]) -> str:
    texts = [place.replace("/32", "").replace("/128", "") for place in places]
    return f" at {', '.join(texts)}" if texts else ""


def lost_with_forwarding(tables: Sequence[Table]) -> list[str]:
    """Return what denies or translates forwarded traffic."""
    denying = [one.place for one in reached(tables, "forward", [DENY])]
    translating = [one.place for one in reached(tables, "postrouting", [TRANSLATE])]
    return [*denying_chains(tables, "forward"), *dict.fromkeys([*denying, *translating])]


def _all_own(places: Sequence[str], own: Sequence[str]) -> bool:
    return all(_is_own(place, own) for place in places)


def _is_own(place: str, own: Sequence[str]) -> bool:
    return any(within(address, networks([place])) for address in own)
