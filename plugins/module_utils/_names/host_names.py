# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The host names that sets of a ruleset depend on, and the addresses behind them, as the ruleset's comments say.

plugin_utils/render/peers.py writes them. A ruleset's set holds the addresses of all names that name the set, so that
one line per name is all there is to know and to change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend

NAME_MARK = "#name: "
REFRESH_MARK = "#refresh: "
MAX_ADDRESSES = 256  # where a ruleset says nothing: plugin_utils/refresh.py has the same
_KEYS = {NAME_MARK: {"name", "addresses", "sets"}, REFRESH_MARK: {"min_ttl", "max_ttl", "refused"}}

Answers = Mapping[str, Sequence[str]]
"""Addresses, by the host names behind which they are."""


@dataclass(frozen=True)
class Refresh:
    """What counts as an answer: for how many seconds, at least and at most, and which networks it may not be in.

    ``max_addresses`` is how many addresses of a family count behind one name.
    """

    min_ttl: int
    max_ttl: int
    refused: tuple[str, ...]
    max_addresses: int = MAX_ADDRESSES

    def refuses(self, address: str) -> bool:
        """Return whether an address can't be a peer's; an IPv4 address written as an IPv6 one never is."""
        found = ip_address(address)
        if found.version == 6 and found.ipv4_mapped:
            return True
        return any(found in ip_network(network) for network in self.refused)


@dataclass(frozen=True)
class HostName:
    """A host name, the addresses behind it, and the sets that hold them, by family: ``4`` or ``6``."""

    name: str
    addresses: tuple[str, ...]
    sets: Mapping[str, tuple[str, ...]]


def refresh_of(ruleset: str) -> Refresh | None:
    """Return what counts as an answer; None where the ruleset depends on no host name."""
    for line in ruleset.splitlines():
        found = _read(line, REFRESH_MARK)
        if found:
            most = found.get("max_addresses", MAX_ADDRESSES)  # a ruleset of an earlier version has none
            return Refresh(found["min_ttl"], found["max_ttl"], tuple(found["refused"]), most)
    return None


def names_of(ruleset: str) -> list[HostName]:
    """Return the host names that a ruleset depends on."""
    found = [_read(line, NAME_MARK) for line in ruleset.splitlines()]
    return [
        HostName(one["name"], tuple(one["addresses"]), {family: tuple(sets) for family, sets in one["sets"].items()})
        for one in found
        if one
    ]


def _read(line: str, mark: str) -> dict[str, Any]:
    """Return what a comment of ours says; nothing where it is another one, or somebody has edited it."""
    if not line.startswith(mark):
        return {}
    try:
        found = json.loads(line[len(mark) :])
    except ValueError:
        return {}
    return found if isinstance(found, dict) and _KEYS[mark] <= found.keys() else {}


def with_answers(backend: Backend, ruleset: str, answers: Answers) -> str:
    """Return a ruleset with these addresses behind its host names, in its comments and its sets."""
    if not any(one.name in answers for one in names_of(ruleset)):
        return ruleset
    changed = _with_comments(ruleset, {name: in_order(addresses) for name, addresses in answers.items()})
    return backend.with_elements(changed, elements_behind(names_of(changed)))


def elements_behind(names: Iterable[HostName]) -> dict[str, tuple[str, ...]]:
    """Return what the sets hold that depend on host names."""
    found: dict[str, list[str]] = {}
    for one in names:
        for family, sets in one.sets.items():
            own = [address for address in one.addresses if ip_address(address).version == int(family)]
            for name in sets:
                found.setdefault(name, []).extend(own)
    return {name: tuple(in_order(set(members))) for name, members in found.items()}


def without_answers(ruleset: str) -> str:
    """Return a ruleset's text without what its comments say of the addresses behind host names."""
    return _with_comments(ruleset, {one.name: [] for one in names_of(ruleset)})


def _with_comments(ruleset: str, answers: Answers) -> str:
    lines = ruleset.splitlines(keepends=True)
    for index, line in enumerate(lines):
        found = _read(line, NAME_MARK)
        if found:
            found["addresses"] = list(answers.get(found["name"], found["addresses"]))
            lines[index] = f"{NAME_MARK}{json.dumps(found)}\n"
    return "".join(lines)


def in_order(addresses: Iterable[str]) -> list[str]:
    """Return addresses in the order in which rulesets have them."""
    return sorted(addresses, key=lambda text: (ip_address(text).version, int(ip_address(text))))
