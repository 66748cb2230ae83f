# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What ``nft list table`` prints of a table of others, read for what it does to packets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterator, Mapping, Sequence, Tuple

from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules import (
    DENY,
    HELPER,
    NOTRACK,
    REDIRECT,
    TRANSLATE,
    Chain,
    Match,
    Ranges,
    Rule,
    Table,
)

_BLOCK = re.compile(r"^\t(set|map|chain) (\S+) \{\n(.*?)^\t\}", re.MULTILINE | re.DOTALL)
_ELEMENTS = re.compile(r"elements = \{(.*)\}", re.DOTALL)
_HOOK = re.compile(r"type \S+ hook (\w+) .*")
_FIELD = (
    r"(?:ip6? (?:[sd]addr|protocol|nexthdr)|(?:tcp|udp|udplite|dccp|sctp|th) [sd]port|meta l4proto|iifname|iif|oifname)"
)
_EXPRESSION = re.compile(
    rf"(?P<fields>{_FIELD}(?: \. {_FIELD})*) (?:(?P<other>!=) )?(?:(?P<how>vmap|map) )?(?P<value>\{{[^}}]*\}}|@\S+|\S+)"
)
_VERDICT = re.compile(r"\b(?:jump|goto) (\S+)")
_QUOTED = re.compile(r'comment "[^"]*"')
_ELEMENT_EXTRAS = re.compile(r" (?:comment|timeout|expires|counter|limit|quota)\b.*", re.DOTALL)
_PROTOCOLS = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp", "136": "udplite"}
_ACTIONS = (
    (NOTRACK, re.compile(r"\bnotrack\b")),
    (HELPER, re.compile(r"\bct helper set\b")),
    (REDIRECT, re.compile(r"\b(?:dnat|redirect|tproxy)\b")),
    (TRANSLATE, re.compile(r"\b(?:snat|masquerade)\b")),
    (DENY, re.compile(r"\b(?:drop|reject)\b")),
)
# kube-proxy's chains for addresses that only the cluster knows.
_CLUSTER_CHAIN = "service-"

Elements = Sequence[Tuple[str, str]]
"""Keys, and what a map says of each."""


def read_table(name: str, listing: str) -> Table:
    """Return the chains of a listed table."""
    blocks = [found.groups() for found in _BLOCK.finditer(listing)]
    sets = {name: _elements(body) for kind, name, body in blocks if kind != "chain"}
    chains = [_chain(chain, body, sets) for kind, chain, body in blocks if kind == "chain"]
    return Table(f"nftables {name}", {chain.name: chain for chain in chains})


def _elements(body: str) -> Elements:
    found = _ELEMENTS.search(body)
    return _members(found.group(1)) if found else ()


def _members(text: str) -> Elements:
    """Return what stands between a set's braces."""
    parts = [part.strip() for part in _QUOTED.sub("", text).split(",")]
    pairs = [part.partition(" : ") for part in parts if part]
    return [(_ELEMENT_EXTRAS.sub("", key).strip(), data.strip()) for key, _colon, data in pairs]


def _chain(name: str, body: str, sets: Mapping[str, Elements]) -> Chain:
    chain = Chain(name)
    for line in (line.strip() for line in body.splitlines()):
        hook = _HOOK.match(line)
        if hook:
            chain.hook, chain.denies = hook.group(1), "policy drop" in line
        elif line:
            chain.rules += _rule(line, sets)
    return chain


def _rule(line: str, sets: Mapping[str, Elements]) -> Iterator[Rule]:
    """Yield what a line says; nothing of one that is about the loopback interface alone."""
    text = _QUOTED.sub("", line)
    match, jumps = Match(), [(Match(), target) for target in _VERDICT.findall(re.sub(r"vmap \{[^}]*\}", "", text))]
    for found in _EXPRESSION.finditer(text):
        fields, how = found["fields"].split(" . "), found["how"]
        if fields[0] in ("iif", "iifname") and found["value"] == '"lo"' and not found["other"]:
            return
        elements = None if found["other"] else _named(found["value"], sets)
        if how == "vmap":
            jumps += _edges(fields, elements or ())
        else:
            match = match.narrowed(_asked(fields, [key for key, _data in elements or ()])) or match
    action = next((name for name, pattern in _ACTIONS if pattern.search(text)), "")
    yield Rule(" ".join(line.split()), match, action, tuple(jumps))


def _named(value: str, sets: Mapping[str, Elements]) -> Elements | None:
    """Return the keys that a value stands for; None where they can't be told."""
    if value.startswith("{"):
        return _members(value[1:-1])
    if value.startswith("@"):
        return sets.get(value[1:])
    return [(value, "")]


def _edges(fields: Sequence[str], elements: Elements) -> list[tuple[Match, str]]:
    """Return where a verdict map leads: one edge for all elements that lead to one chain."""
    keys: dict[str, list[str]] = {}
    for key, data in elements:
        verdict = _VERDICT.match(data)
        if verdict and not verdict.group(1).startswith(_CLUSTER_CHAIN):
            keys.setdefault(verdict.group(1), []).append(key)
    return [(_asked(fields, [key]), target) for target, them in keys.items() for key in them]


def _asked(fields: Sequence[str], keys: Sequence[str]) -> Match:
    """Return what it means for these fields to have one of these values."""
    rows = [key.split(" . ") for key in keys]
    known = bool(rows) and all(len(row) == len(fields) for row in rows)
    match = Match()
    for index, name in enumerate(fields):
        match = match.narrowed(_one_field(name, [row[index] for row in rows] if known else ())) or match
    return match


def _one_field(name: str, values: Sequence[str]) -> Match:
    """Return what it means for a field to have one of these values, or any other where there are none."""
    protocol, _space, what = name.partition(" ")
    if what in ("dport", "sport"):
        found = Match() if protocol == "th" else Match(protocols=frozenset([protocol]))
        ports = _ports(values)
        return replace(found, ports=ports) if what == "dport" else replace(found, source_ports=ports)
    if not values:
        return Match()
    if what in ("l4proto", "protocol", "nexthdr"):
        return Match(protocols=frozenset(_PROTOCOLS.get(value, value) for value in values))
    return Match(destinations=tuple(values)) if what == "daddr" else Match()


def _ports(values: Sequence[str]) -> Ranges | None:
    pairs = [value.partition("-") for value in values]
    if not pairs or not all(low.isdigit() and (not dash or high.isdigit()) for low, dash, high in pairs):
        return None
    return tuple((int(low), int(high) if dash else int(low)) for low, dash, high in pairs)
