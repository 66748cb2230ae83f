# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What others have changed in our rules since we loaded them: addresses by class or zone, rules by chain."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Iterator, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding, finding_about

_BLOCK = re.compile(r"^\t?(?:table|set|chain) (.*) \{$")
_JUMP = re.compile(r"^(ip6?tables -t \S+ -I \S+) (\d+) (.*)$", re.MULTILINE)
_NFT_ELEMENTS = re.compile(r"^\tset (\S+) \{$[^}]*?^\t\telements = \{([^}]*)\}$", re.MULTILINE)
_IPSET_ELEMENT = re.compile(r"^add (\S+) (\S+).*\n?", re.MULTILINE)
_FAMILY = re.compile(r"\.v[46]$")
_GENERATION = re.compile(r"\.[a-e]$")  # iptables_loader.py fills new sets under other names

Elements = Mapping[str, Sequence[str]]


def changes_of_rules(recorded: str, live: str, peers: Mapping[str, str]) -> list[Finding]:
    """Return what others changed in the kernel since we applied, given both listings of our rules.

    ``peers`` has the class or zone behind the name of a set, as the ruleset's header says it.
    """
    if recorded and not live:
        return [Finding("table_gone", "none of our rules is in the kernel")]
    (elements, before), (elements_now, after) = map(_split, (recorded, live))
    return [
        *_behind_others(live),
        *_changed_rules(before, after),
        *_changed_sets(elements, elements_now, live.splitlines(), peers),
    ]


def _split(listing: str) -> tuple[Elements, list[str]]:
    """Return what is in each set, and the other lines, with their places."""
    found: dict[str, list[str]] = {}
    for name, inside in _NFT_ELEMENTS.findall(listing):
        found[name] = [text.strip() for text in inside.split(",")]
    for name, text in _IPSET_ELEMENT.findall(listing):
        found.setdefault(name, []).append(text)
    # Where a jump stands is a finding of its own, and no difference of rules.
    rest = _JUMP.sub(r"\1 1 \3", _IPSET_ELEMENT.sub("", _NFT_ELEMENTS.sub("\tset \\1 {", listing)))
    return found, list(_placed(rest))


def _placed(listing: str) -> Iterator[str]:
    """Yield each line with the block that it stands in: the same rule in two chains is two rules."""
    block = ""
    for line in listing.splitlines():
        found = _BLOCK.match(line)
        block = found.group(1) if found else block
        if line.strip() not in ("", "}"):
            yield f"{block}: {line.strip()}" if block and not found else line.strip()


def _behind_others(live: str) -> Iterator[Finding]:
    """Yield our jumps that aren't the first rule any more: what others accept before them is never judged."""
    for line, place, jump in _JUMP.findall(live):
        if place != "1":
            command, _minus, chain = line.partition(" -I ")
            words = f"our jump ({command} -A {chain} {jump}) is rule {place}: what is accepted before it isn't judged"
            yield Finding("jump_not_first", f"{words}. Harden puts it first; have whatever moved it come before us")


def _changed_rules(before: Sequence[str], after: Sequence[str]) -> Iterator[Finding]:
    for tag, low, high, new_low, new_high in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = before[low:high], after[new_low:new_high]
        pairs = min(len(old), len(new)) if tag == "replace" else 0
        for was, now in zip(old[:pairs], new):
            yield finding_about(was, "rule_changed", f"changed: {was}, which is now: {now}")
        if tag != "equal":
            yield from (finding_about(line, "rule_removed", f"removed: {line}") for line in old[pairs:])
            yield from (finding_about(line, "rule_added", f"added: {line}") for line in new[pairs:])


def _changed_sets(
    before: Elements, after: Elements, rules: Sequence[str], peers: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield what came into sets and what left them; a set that came or went as a whole is a rule's business."""
    for name in sorted({*before, *after}):
        old, new = before.get(name, ()), after.get(name, ())
        if old == new:
            continue
        peer = peers.get(_GENERATION.sub("", name)) or _FAMILY.sub("", name)
        using = [line for line in rules if re.search(rf"(?:@|--match-set ){re.escape(name)}\s", line)]
        flows = list(
            dict.fromkeys(found.flow for found in (finding_about(line, "", "") for line in using) if found.flow)
        )
        words = f", for the flow{'s' if len(flows) > 1 else ''} {', '.join(flows)}" if flows else ""
        came, went = ([text for text in one if text not in set(other)] for one, other in ((new, old), (old, new)))
        for kind, how, texts in (("address_added", "added to", came), ("address_removed", "removed from", went)):
            if texts:
                yield Finding(kind, f"{how} {peer}: {', '.join(texts)}{words}", flows[0] if flows else "")
