# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Rulesets for iptables and ipset as texts: ours, and what ``iptables-save`` and ``ipset save`` print.

A ruleset is three files in one text, so that it is written, renamed and claimed as one: see ``joined``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, List, Mapping, Tuple

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Elements, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import is_filled_set
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract import header
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import ANY_PEER

MARKER_CHAIN = "GATEHOUSE-ARMED"
"""Where the rule is that stands for a change with a rollback. Nothing leads there, and no ruleset has it."""
TABLES = ("filter", "mangle")
FILES = ("ipset", "rules.v4", "rules.v6")
MARK = "#file: "
SET_MATCH = re.compile(
    r" (?:-m set (?:! )?--match-set|-j SET --add-set) (\S+) \S+(?: (?:! )?--(?:return-nomatch|update-\w+|exist))*"
)

_MARKER = re.compile(rf"^(?::|-A ){MARKER_CHAIN} .*\n", re.MULTILINE)
_JUMP = re.compile(r' -[jg] (GATEHOUSE-[^ "]+)$')
_LINE_NUMBER = re.compile(r"line:? (\d+)")
# The kernel chooses these by itself, and differently each time: they are no drift.
_SET_TUNING = re.compile(r" (?:hashsize|bucketsize|initval) \S+")
_ELEMENT_COUNTERS = re.compile(r" (?:packets|bytes|timeout) \d+")
_ENDING = re.compile(r"(gatehouse-\S*-[0-9a-f]{8})\.[a-e](?!\S)")

Files = Mapping[str, str]
Sets = Dict[str, Tuple[str, List[str]]]
"""Type and sorted elements by name."""


def joined(files: Files) -> str:
    """Return a ruleset's three files as one text; an empty one where all of them are.

    What they say of the ruleset is its first line. Of the three, the file for ipset begins with it, folded.
    """
    if not any(files.values()):
        return ""
    line, sets = header.unfolded(files.get("ipset", ""))
    return line + "".join(f"{MARK}{name}\n{_ended(text)}" for name, text in {**files, "ipset": sets}.items())


def parted(ruleset: str) -> dict[str, str]:
    """Return the three files that a text holds."""
    files = dict.fromkeys(FILES, "")
    name = ""
    for line in header.unfolded(ruleset)[1].splitlines(keepends=True):
        if line.startswith(MARK):
            name = line[len(MARK) :].strip()
        if name not in files:
            raise FirewallError(f"this is no ruleset for iptables, it has a part without a name: {line.strip()!r}")
        if not line.startswith(MARK):
            files[name] += line
    return files


@dataclass
class Table:
    """Our part of one table: the rules of each chain, as they were saved, and the jumps from chains of others."""

    chains: dict[str, list[str]] = field(default_factory=dict)
    jumps: list[tuple[str, int, str]] = field(default_factory=list)
    builtin: list[str] = field(default_factory=list)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def our_tables(saved: str) -> dict[str, Table]:
    """Return our part of each table that has any, from what iptables-save prints."""
    tables: dict[str, Table] = {}
    table = Table()
    places: dict[str, int] = {}
    for line in _MARKER.sub("", saved).splitlines():
        word = line.split(" ")[1:2]
        if line.startswith("*"):
            table, places = tables.setdefault(line[1:], Table()), {}
        elif line.startswith(":GATEHOUSE-"):
            table.chains[line[1:].split(" ")[0]] = []
        elif line.startswith(":") and word != ["-"]:
            table.builtin.append(line[1:].split(" ")[0])
        elif line.startswith("-A GATEHOUSE-"):
            table.chains[word[0]].append(line)
        elif line.startswith("-A "):
            # The place of a jump is part of the listing: a rule of others before it can accept what ours deny.
            places[word[0]] = places.get(word[0], 0) + 1
            if _JUMP.search(line):
                table.jumps.append((word[0], places[word[0]], line[len(f"-A {word[0]} ") :]))
    return {name: found for name, found in sorted(tables.items()) if found.chains or found.jumps}


def listed(table: Table) -> Iterator[str]:
    """Yield our part of a table in lines, with the places of the jumps to it."""
    for chain, rules in sorted(table.chains.items()):
        yield f"-N {chain}"
        yield from rules
    for chain, place, rule in sorted(table.jumps):
        yield f"-I {chain} {place} {rule}"


def restoring(tables: dict[str, Table]) -> Iterator[str]:
    """Yield the file for iptables-restore that leads back to our part of these tables."""
    for name, table in tables.items():
        yield f"*{name}\n"
        yield from (f":{chain} - [0:0]\n" for chain in table.chains)
        yield from (f"{rule}\n" for rules in table.chains.values() for rule in rules)
        # Jumps from chains of others are theirs: only those from built-in chains are ours to put back.
        jumps = [(chain, rule) for chain, _place, rule in table.jumps if chain in table.builtin]
        # Each is inserted at place 1, so the last one goes first: that keeps their order.
        yield from (f"-I {chain} 1 {rule}\n" for chain, rule in reversed(list(dict.fromkeys(jumps))))
        yield "COMMIT\n"


def marking(change: str, tables: Iterable[str]) -> str:
    """Return the file for iptables-restore that puts a change's marker into tables, in place of any other's."""
    rule = f"-A {MARKER_CHAIN} -m comment --comment {change} -j RETURN"
    return "".join(f"*{name}\n:{MARKER_CHAIN} - [0:0]\n{rule}\nCOMMIT\n" for name in tables)


def parsed_sets(saved: str, names: Iterable[str]) -> Sets:
    """Return those of the sets that ipset save prints which have one of these names."""
    found: Sets = {name: ("", []) for name in sorted(names)}
    for line in saved.splitlines():
        command, name, rest = [*line.split(" ", 2), "", ""][:3]
        if name in found and command == "create":
            found[name] = (_SET_TUNING.sub("", rest), [])
        elif name in found and command == "add" and not is_filled_set(name):
            found[name][1].append(_ELEMENT_COUNTERS.sub("", rest))
    return {name: (kind, sorted(members)) for name, (kind, members) in found.items()}


def refilling(sets: Sets) -> Iterator[str]:
    """Yield the file for ipset restore that leads back to these sets."""
    for name, (kind, members) in sets.items():
        yield f"create gatehouse-new {kind}\n"
        if kind.startswith("hash:net,port "):
            yield f"add gatehouse-new {ANY_PEER[6 if ' inet6 ' in kind else 4]}\n"
        yield from (f"add gatehouse-new {member}\n" for member in members)
        yield f"create {name} {kind} -exist\n"
        yield f"swap gatehouse-new {name}\n"
        yield "destroy gatehouse-new\n"


def undefined(files: Files, file: str) -> Iterator[str]:
    """Yield what rules refer to and the ruleset doesn't have: iptables-nft-restore --test doesn't look for chains."""
    created = {line.split()[1] for line in files["ipset"].splitlines() if line.startswith("create ")}
    declared: set[str] = set()
    for number, line in enumerate(files[file].splitlines(), 1):
        if line.startswith("*"):
            declared.clear()
        elif line.startswith(":"):
            declared.add(line[1:].split(" ")[0])
        named = {found.group(1) for found in (_JUMP.search(line), re.match(r"-[AI] (GATEHOUSE-\S+)", line)) if found}
        yield from (f"{file}, line {number}: no chain {name}: {line}" for name in sorted(named - declared))
        missing = sorted(set(SET_MATCH.findall(line)) - created)
        yield from (f"{file}, line {number}: no set {name}: {line}" for name in missing)


def counted(saved: str) -> dict[str, int]:
    """Return the number of rules of each chain, as ``filter/INPUT``, in what iptables-save prints."""
    counts: dict[str, int] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            chain = f"{table}/{line.split(' ')[1]}"
            counts[chain] = counts.get(chain, 0) + 1
    return counts


def line_named_in(text: str, words: str) -> str:
    """Return the line that a tool's words name, to be written below them."""
    found = _LINE_NUMBER.search(words)
    lines = text.splitlines()
    number = int(found.group(1)) if found else 0
    return f"\nline {number} is: {lines[number - 1]}" if 0 < number <= len(lines) else ""


def without_endings(text: str) -> str:
    """Return a text with the sets' names as rulesets have them: the loader gives each name an ending in the kernel."""
    return _ENDING.sub(r"\1", text)


def with_elements(ruleset: str, wanted: Elements) -> str:
    """Return a ruleset whose sets hold something else; those that aren't named stay as they are."""
    lines: list[str] = []
    filling: list[str] = []
    for line in ruleset.splitlines(keepends=True):
        words = line.split()
        if words[:1] == ["add"]:
            filling.append(line)
            continue
        if words[:1] == ["create"] and words[-1:] == ["-exist"]:
            name = words[1]
            lines += [f"add gatehouse-new {one}\n" for one in wanted[name]] if name in wanted else filling
            filling = []
        lines.append(line)
    return "".join(lines)


def with_listed_set(listing: str, name: str, live: str) -> str:
    """Return a listing of what is ours with a set as another listing has it."""
    quoted = re.escape(name)
    block = re.compile(rf"ipset create {quoted} .*\n(?:ipset add {quoted} .*\n)*")
    found = block.search(live)
    return block.sub(lambda _match: found.group(), listing) if found else listing
