# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What no flow allows, as a kernel has counted it: what a host has denied, or would have where it only observes.

plugin_utils/_host_rules/observe_sets.py and denied_sets.py say in which sets. The kernel puts elements into them, so
that these are no drift, and nothing to compare. A change of the ruleset empties them: what a host had observed goes
into a file (for what it had denied, see _kept/denials.py). A boot empties them, too, and so does a flush: what was
observed then is lost, and counts from the next load on.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import (
    ANY,
    DENIED_SECONDS,
    DIRECTIONS,
    KNOWN,
    NO_PEER,
    OBSERVED_MOST,
    OBSERVED_SECONDS,
    STRANGER,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.kinds import SET_WORDS, mode_of

FILE = "var/lib/gatehouse/observed.json"
_GAP = 60  # seconds within which a load is part of the change that has kept what the one before had counted

_KINDS = {word: kind for kind, word in SET_WORDS.items()}
_WORD = "|".join(_KINDS)
_NFT_SET = re.compile(
    rf"\tset (?:observed|denied)\.({_WORD})\.(?:(known|stranger|any)\.)?(first|last)\.v([46]) \{{\n(.*?)\n\t\}}",
    re.DOTALL,
)
_NFT_ELEMENTS = re.compile(
    r"(\t(?:set|map) \S+ \{\n(?:\t\t(?!elements)[^\n]*\n)*)(\t\telements = \{.*?\}\n)", re.DOTALL
)
_NFT_DYNAMIC = re.compile(r"^\t\tflags [a-z,]*\bdynamic\b", re.MULTILINE)
_NFT_KEPT = re.compile(
    r'("[^"]*")| counter(?: packets \d+ bytes \d+)?| expires [0-9a-z]+'
    r"| limit rate (?:over )?(?:\d+ )?[0-9a-z/]+(?: burst \d+ [a-z]+)?"
)
_NFT_KEY = re.compile(r"(?:([0-9a-f.:]+) \. )?(\S+) \. (\d+)\b")
_NFT_CONSTANT = re.compile(r" 0x0+ \[invalid type\]")
_COUNTER = re.compile(r"\bpackets (\d+)")
_EXPIRES = re.compile(r"\bexpires (\S+)")
_TIME = re.compile(r"(\d+)(ms|[dhms])")
_IN_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_IPSET_SET = re.compile(rf"gatehouse-({_WORD})([46])\.([ksa]?)(first|last|f|l)-[0-9a-f]{{8}}(?:\.[a-e])?")
_IPSET_ELEMENT = re.compile(r"([0-9a-f.:]+)(?:/1)?,(?:([^:,]+):)?(\S+) timeout (\d+)(?: packets (\d+))?")
_PEERS = {one[:1]: one for one in (KNOWN, STRANGER, ANY)}
_KEPT = {"f": "first", "l": "last"}
_WITH_PORTS = ("tcp", "udp", "sctp")
_NAMES = {"ipv6-icmp": "icmpv6", "ip6-icmp": "icmpv6"}

Write = Callable[[Path, str], None]


@dataclass(frozen=True)
class Element:
    """A key in one of the kernel's sets: its peer, how often, and in how many seconds the kernel drops it.

    ``peers`` says of what was denied whether the model knows the peer (``known``, ``stranger``, or ``any`` where a port
    stands alone); of what was observed, nothing.
    """

    direction: str
    kept: str
    address: str
    protocol: str
    port: int
    packets: int
    left: float
    peers: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Return what is the same in both sets."""
        return (self.direction, self.address, self.protocol, self.port)

    @property
    def age(self) -> float:
        """Return for how many seconds the key has been there, or has not been renewed."""
        return max(0.0, DENIED_SECONDS.get(self.peers, OBSERVED_SECONDS) - self.left)


def without_filled(listing: str) -> str:
    """Return what nft lists without what the kernel has put into sets, in a form that nft takes again.

    nft 0.9.8 writes a constant in a key as no nft reads it, and dies of an element with a counter or a limit. Sets that
    rules fill lose what is in them, whatever made them, and elements of others lose what the kernel keeps with them.
    """
    return _NFT_CONSTANT.sub(" 0", _NFT_ELEMENTS.sub(_without_filled, listing))


def _without_filled(found: re.Match[str]) -> str:
    head, block = found.groups()
    return head if _NFT_DYNAMIC.search(head) else head + _NFT_KEPT.sub(r"\1", block)


def filled_by_nft(listing: str) -> list[Element] | None:
    """Return what nft lists in our sets, with counters; None where the ruleset has no such set."""
    found = list(_NFT_SET.finditer(listing))
    return [one for block in found for one in _nft_elements(*block.groups())] if found else None


def _nft_elements(way: str, peers: str | None, kept: str, family: str, block: str) -> Iterator[Element]:
    for text in block.partition("elements = {")[2].split(","):
        key, counter, expires = _NFT_KEY.search(text), _COUNTER.search(text), _EXPIRES.search(text)
        if key:
            left = sum(int(number) * _IN_SECONDS[unit] for number, unit in _TIME.findall(expires[1] if expires else ""))
            address = key[1] or NO_PEER[int(family)]
            packets = counter[1] if counter else "0"
            yield _element((way, peers or "", kept), (address, key[2], key[3]), packets, left)


def is_filled_set(name: str) -> bool:
    """Return whether the kernel fills an ipset of this name."""
    return bool(_IPSET_SET.fullmatch(name))


def filled_by_ipset(saved: str, names: Iterable[str]) -> list[Element] | None:
    """Return what ipset saves of those of our sets that rules name; None where these fill none."""
    matches = ((name, _IPSET_SET.fullmatch(name)) for name in names)
    known = {name: found for name, found in matches if found}
    if not known:
        return None
    lines = (line.split(" ", 2) for line in saved.splitlines() if line.startswith("add "))
    found = [(known[name], _IPSET_ELEMENT.match(rest)) for _add, name, rest in lines if name in known]
    return [_ipset_element(name, one) for name, one in found if one and one[4] != "0"]  # which is there from the start


def filled_as_saved(text: str) -> list[Element]:
    """Return what a host has saved of its sets, as nft lists them or as ipset saves them."""
    names = {line.split(" ")[1] for line in text.splitlines() if line.startswith("add ")}
    return filled_by_ipset(text, names) or filled_by_nft(text) or []


def _ipset_element(name: re.Match[str], one: re.Match[str]) -> Element:
    peers = _PEERS.get(name[3], "")
    address = NO_PEER[int(name[2])] if peers == ANY else one[1]
    place = (name[1], peers, _KEPT.get(name[4], name[4]))
    return _element(place, (address, one[2] or "tcp", one[3]), one[5] or "0", float(one[4]))


def _element(place: tuple[str, str, str], key: Sequence[str], packets: str, left: float) -> Element:
    way, peers, kept = place
    address, protocol, port = key
    name = _NAMES.get(protocol, protocol)
    number = int(port) if name in _WITH_PORTS and port.isdigit() else 0  # of ICMP, ipset tells the type
    return Element(_KINDS[way], kept, address, name, number, int(packets), left, peers)


def keys_in_sets(elements: Iterable[Element]) -> dict[str, int]:
    """Return how many keys sets have, as ``ingress IPv4``, or ``ingress IPv4 stranger`` of what was denied."""
    counts = Counter((one.direction, "IPv6" if ":" in one.address else "IPv4", one.peers, one.kept) for one in elements)
    found: dict[str, int] = {}
    for key, count in sorted(counts.items()):
        name = " ".join(filter(None, key[:3]))
        found[name] = max(found.get(name, 0), count)
    return found


def full_sets(elements: Iterable[Element]) -> list[str]:
    """Return which sets take no more keys, by the same names."""
    # In an ipset for ports alone, one key is there from the start.
    return [name for name, count in keys_in_sets(elements).items() if count >= OBSERVED_MOST - name.endswith(f" {ANY}")]


def merged(elements: Iterable[Element], now: float) -> list[dict[str, Any]]:
    """Return one row for each key, with its first and last time; a set tells a time by what is left of it.

    A row of what was denied says whether the peer is ``known``.
    """
    rows: dict[tuple[str, str, str, int], dict[str, Any]] = {}
    for one in sorted(elements, key=lambda one: one.kept):
        at = now - one.age
        direction, address, protocol, port = one.key
        row = {"direction": direction, "address": address, "protocol": protocol, "port": port}
        row.update({"known": False} if one.peers else {})
        known = rows.setdefault(one.key, {**row, "packets": 0, "first": at, "last": at})
        if one.peers == KNOWN:
            known["known"] = True
        # ipset counts in the "last" set as well, where each renewal begins from 1 again.
        known["packets"] += one.packets if one.kept == "first" else 0
        known["first"], known["last"] = min(known["first"], at), max(known["last"], at)
    return [{**row, "first": utc(row["first"]), "last": utc(row["last"])} for _key, row in sorted(rows.items())]


def together(before: Iterable[dict[str, Any]], now: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of both; those of one key as one."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in (*before, *now):
        key = tuple(row[name] for name in ("direction", "address", "protocol", "port"))
        other = rows.get(key)
        rows[key] = (
            row
            if not other
            else {
                **row,
                **({"known": row["known"] or other["known"]} if "known" in row else {}),
                "packets": other["packets"] + row["packets"],
                "first": min(other["first"], row["first"]),
                "last": max(other["last"], row["last"]),
            }
        )
    return [row for _key, row in sorted(rows.items())]


def utc(seconds: float) -> str:
    """Return a time as ISO 8601 has it, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Observing:
    """A host's file on what it has counted under rulesets before the one in force."""

    def __init__(self, write: Write, root: Path = Path("/")) -> None:
        """Take the way to replace a file; ``root`` is where the host's files lie."""
        self._write = write
        self._path = root / FILE
        self._prepared = self._path.with_name(f".{self._path.name}.new")

    def result(
        self, elements: Sequence[Element], loaded_at: float | None, directions: Sequence[str] = DIRECTIONS
    ) -> dict[str, Any]:
        """Return what modules return of a host that observes, whose rules were loaded at a time, if that is known.

        It has observed since then, or for as long before as the file has what was counted. What it has seen in another
        direction, before it enforced that, counts no more.
        """
        known = self._read()
        since = "" if loaded_at is None else utc(loaded_at)
        # The file's counts continue in the kernel's sets only if this load was part of its change: after a boot, or a
        # load by others, what was counted between is lost.
        is_whole = loaded_at is not None and utc(loaded_at - _GAP) <= known["until"]
        rows, full = together(known["observed"], merged(elements, time.time())), {*known["full"], *full_sets(elements)}
        return {
            "observed": [row for row in rows if mode_of(row["direction"]) in directions],
            "observed_directions": [*directions],
            "observed_full": sorted(one for one in full if mode_of(one.partition(" ")[0]) in directions),
            "observed_since": known["since"] if is_whole else since,
        }

    def prepare(self, result: dict[str, Any]) -> None:
        """Write what the kernel is about to forget, so that nothing can fail afterwards for want of space.

        Of each direction and family, that is no more than it can have counted.
        """
        kept: list[dict[str, Any]] = []
        counts: Counter[tuple[str, bool]] = Counter()
        # The newest first: what is beyond the bound is what was seen longest ago.
        for row in sorted(result["observed"], key=lambda row: str(row["last"]), reverse=True):
            kind = (row["direction"], ":" in row["address"])
            counts[kind] += 1
            if counts[kind] <= OBSERVED_MOST:
                kept.append(row)
        times = {"since": result["observed_since"], "until": utc(time.time())}
        self._write(self._prepared, json.dumps({**times, "full": result["observed_full"], "observed": kept}) + "\n")

    def keep(self) -> None:
        """Keep what was prepared, now that the kernel has forgotten it."""
        self._prepared.replace(self._path)

    def give_up(self) -> None:
        """Remove what was prepared: the kernel still has it."""
        self._prepared.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove the file."""
        self.give_up()
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        """Return what the file has; one that isn't there, or was spoilt, says nothing."""
        nothing: dict[str, Any] = {"since": "", "until": "", "full": [], "observed": []}
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            together(found["observed"], ())
        except (OSError, ValueError, KeyError, TypeError):
            return nothing
        return {**nothing, **found}
