# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host has to know of a ruleset, as data: the first line of its text, which is a comment to every tool.

The renderer of a ruleset writes it, and so does a host that finds new addresses; reader.py reads it. A later format may
say anything else, but its first line begins in the same way, and its JSON has ``format`` and ``version``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Iterable, Mapping

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import (
    DIRECTIONS,
    ENFORCE,
    FORWARD,
    KNOWN_PEERS,
    MAX_ADDRESSES,
    OBSERVE,
    VERSION,
)

FORMAT = 1
MARK = "# gatehouse: "
_MORE = "# gatehouse+ "
# ipset reads 1024 bytes of a line, and takes what follows for another one.
_WIDTH = 900


@dataclass(frozen=True)
class Refresh:
    """What counts as an answer: for how many seconds, at least and at most, and which networks it may not be in.

    ``max_addresses`` is how many addresses of a family count behind one name.
    """

    min_ttl: int
    max_ttl: int
    refused: tuple[str, ...]
    max_addresses: int = MAX_ADDRESSES

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Refresh:
        """Return what data say; raise ValueError, TypeError or KeyError where they aren't such."""
        most = found.get("max_addresses", MAX_ADDRESSES)  # version 0.1.0 had none
        refused = _texts(found["refused"])
        for network in refused:
            ip_network(network)
        return cls(_number(found["min_ttl"]), _number(found["max_ttl"]), refused, _number(most))

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

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> HostName:
        """Return what data say; raise as ``Refresh.of`` does."""
        addresses = _texts(found["addresses"])
        for address in addresses:
            ip_address(address)
        return cls(_text(found["name"]), addresses, {family: _texts(found["sets"][family]) for family in ("4", "6")})


@dataclass(frozen=True)
class NamedSet:
    """A set by the name that it has in the ruleset, the peer of the model that it stands for, and what it holds."""

    name: str
    peer: str
    elements: tuple[str, ...]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> NamedSet:
        """Return what data say; raise as ``Refresh.of`` does."""
        return cls(_text(found["name"]), _text(found["peer"]), _texts(found["elements"]))


@dataclass(frozen=True)
class Header:
    """What a ruleset's text says of it. ``format`` is 0 where it has no such line, and None where that is broken.

    A set holds the addresses of all names that name the set. A ruleset that ``keeps`` keeps what it denies. It only
    observes in the directions of ``observing``; ``mode`` says the same of all at once. One that ``carries`` judges what
    the host forwards for those behind it. ``self_heal`` is whether the host loads it again by itself where all of it
    was flushed.
    """

    format: int | None = FORMAT
    version: str = VERSION
    mode: str = ENFORCE
    describes: tuple[str, ...] = ()
    refresh: Refresh | None = None
    names: tuple[HostName, ...] = ()
    sets: tuple[NamedSet, ...] = ()
    self_heal: bool = False
    keeps: bool = False
    carries: bool = False
    observing: tuple[str, ...] = ()

    @property
    def is_newer(self) -> bool:
        """Return whether a later version of this collection wrote it, in a way that this one can't read."""
        return self.format is not None and self.format > FORMAT

    @property
    def observes(self) -> bool:
        """Return whether the ruleset denies nothing in some direction."""
        return bool(self.observed_directions)

    @property
    def judged(self) -> tuple[str, ...]:
        """Return what the ruleset judges: its directions, and what it forwards where it judges that."""
        return (*DIRECTIONS, *([FORWARD] if self.carries else []))

    @property
    def observed_directions(self) -> tuple[str, ...]:
        """Return the directions in which the ruleset denies nothing."""
        return self.judged if self.mode == OBSERVE else self.observing

    @property
    def elements(self) -> dict[str, tuple[str, ...]]:
        """Return what each set holds, by its name."""
        return {one.name: one.elements for one in self.sets}

    @property
    def holds_its_names(self) -> bool:
        """Return whether the sets of host names hold the addresses behind these names, and no others."""
        if self.names and self.refresh is None:
            return False
        elements = self.elements
        behind = elements_behind(self.names).items()
        return all(name in elements and set(elements[name]) == set(found) for name, found in behind)

    def description(self) -> list[str]:
        """Return the lines that say what the ruleset lets through, and the addresses behind each peer."""
        if self.format is None:
            return ["rules without a description: the first line of their file was edited"]
        if self.is_newer:
            return [f"rules of version {self.version}, which wrote format {self.format}: {VERSION} can't read it"]
        peers = [one for one in self.sets if one.peer not in KNOWN_PEERS]
        return [*self.describes, *(f"{one.peer} is {element}" for one in peers for element in one.elements)]

    def line(self) -> str:
        """Return the line."""
        refresh = self.refresh
        content: dict[str, Any] = {
            "describes": self.describes,
            "keeps": self.keeps,
            "carries": self.carries,
            "mode": self.mode,
            "observing": self.observing,
            "names": [{"addresses": one.addresses, "name": one.name, "sets": one.sets} for one in self.names],
            "refresh": refresh and {**vars(refresh)},
            "sets": [{"elements": one.elements, "name": one.name, "peer": one.peer} for one in self.sets],
        }
        if self.self_heal:  # where it isn't said, it isn't so
            content["self_heal"] = True
        return marked({"format": self.format, "version": self.version, **content})


def elements_behind(names: Iterable[HostName]) -> dict[str, tuple[str, ...]]:
    """Return what the sets hold that depend on host names."""
    found: dict[str, list[str]] = {}
    for one in names:
        for family, sets in one.sets.items():
            own = [address for address in one.addresses if ip_address(address).version == int(family)]
            for name in sets:
                found.setdefault(name, []).extend(own)
    return {name: tuple(in_order(set(members))) for name, members in found.items()}


def in_order(addresses: Iterable[str]) -> list[str]:
    """Return addresses in the order in which rulesets have them."""
    return sorted(addresses, key=lambda text: (ip_address(text).version, int(ip_address(text))))


def marked(content: Mapping[str, Any]) -> str:
    """Return the first line of a file, as short as it can be: some awks take no line of more than 32767 words."""
    return f"{MARK}{json.dumps(content, separators=(',', ':'), sort_keys=True)}\n"


def stamp() -> dict[str, Any]:
    """Return what the first line of every file of ours says, whatever else it does."""
    return {"format": FORMAT, "version": VERSION}


def folded(line: str) -> str:
    """Return the line as several, as ipset takes no long ones."""
    rest = line[len(MARK) :].rstrip("\n")
    lines: list[str] = []
    while rest:
        part = rest[:_WIDTH].rstrip(" ") or rest  # what an editor takes away at the end of a line is not there
        lines.append(f"{_MORE if lines else MARK}{part}\n")
        rest = rest[len(part) :]
    return "".join(lines)


def unfolded(text: str) -> tuple[str, str]:
    """Return the line as one, and the rest of a text that begins with it in several; an empty one where it doesn't."""
    if not text.startswith(MARK):
        return "", text
    parts: list[str] = []
    rest = text
    while rest.startswith(MARK if not parts else _MORE):
        line, _newline, rest = rest.partition("\n")
        parts.append(line[len(MARK) :])
    return f"{MARK}{''.join(parts)}\n", rest


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(value)
    return tuple(map(_text, value))


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value
