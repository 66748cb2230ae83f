# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How a host differs from what it should be, by flow: what an audit reports."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Iterator, Mapping, Sequence

KINDS = (
    "rule_added",
    "rule_removed",
    "rule_changed",
    "table_gone",
    "never_applied",
    "boot_file_edited",
    "unit_disabled",
    "watch_disabled",
    "refresh_disabled",
    "refresh_interpreter",
    "name_unanswered",
    "name_crowded",
    "another_manager",
    "model_changed",
    "jump_not_first",
    "address_undeclared",
    "interface_missing",
    "side_missing",
    "untracked",
    "helper",
    "redirected",
    "rules_unreadable",
    "restored_at_boot",
    "forwarding_lost",
    "not_at_boot",
    "conntrack_full",
    "routed_elsewhere",
)

_FLOW = re.compile(r"\bflow[: ]([A-Za-z][A-Za-z0-9_-]*)")
_BLOCK = re.compile(r"^\t?(?:table|set|chain) (.*) \{$")
_JUMP = re.compile(r"^(ip6?tables -t \S+ -I \S+) (\d+) (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. ``flow`` is empty where it has to do with none, or with all."""

    kind: str
    text: str
    flow: str = ""


def changes_of_rules(recorded: str, live: str) -> list[Finding]:
    """Return what others changed in the kernel since we applied, given both listings of our rules."""
    if recorded and not live:
        return [Finding("table_gone", "none of our rules is in the kernel")]
    # Where a jump stands is a finding of its own, and no difference of rules.
    before, after = (list(_placed(_JUMP.sub(r"\1 1 \3", listing))) for listing in (recorded, live))
    found = list(_behind_others(live))
    for tag, low, high, new_low, new_high in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = before[low:high], after[new_low:new_high]
        pairs = min(len(old), len(new)) if tag == "replace" else 0
        found += [_finding("rule_changed", was, f"{was}, which is now: {now}") for was, now in zip(old[:pairs], new)]
        if tag != "equal":
            found += [_finding("rule_removed", line, line) for line in old[pairs:]]
            found += [_finding("rule_added", line, line) for line in new[pairs:]]
    return found


def _behind_others(live: str) -> Iterator[Finding]:
    """Yield our jumps that aren't the first rule any more: what others accept before them is never judged."""
    for line, place, jump in _JUMP.findall(live):
        if place != "1":
            command, _minus, chain = line.partition(" -I ")
            words = f"our jump ({command} -A {chain} {jump}) is rule {place}: what is accepted before it isn't judged"
            yield Finding("jump_not_first", f"{words}. Harden puts it first; have whatever moved it come before us")


def changes_of_model(applied: Sequence[str], wanted: Sequence[str]) -> list[Finding]:
    """Return what another ruleset than the applied one gains and loses, given what both let through."""
    before, after = set(applied), set(wanted)
    lost = [line for line in applied if line not in after]
    gained = [line for line in wanted if line not in before]
    signed = [("no more", line) for line in lost] + [("new", line) for line in gained]
    found = [_finding("model_changed", line, f"{sign} in the model: {line}") for sign, line in signed]
    others = Finding("model_changed", "other rules for the same flows: the model or this collection has changed")
    return found or [others]


def metrics(findings: Sequence[Finding], host_names: Sequence[Mapping[str, Any]], seconds: float) -> str:
    """Return the numbers of findings, and the age of each name's answer, for node_exporter's textfile collector."""
    counts = Counter(finding.kind for finding in findings)
    return "".join(
        [
            "# HELP gatehouse_drift Findings of the last audit of the host's firewall.\n# TYPE gatehouse_drift gauge\n",
            *(f'gatehouse_drift{{kind="{kind}"}} {counts[kind]}\n' for kind in KINDS),
            "# HELP gatehouse_audit_time_seconds When the last audit was.\n# TYPE gatehouse_audit_time_seconds gauge\n",
            f"gatehouse_audit_time_seconds {seconds:.0f}\n",
            *_ages(host_names),
        ]
    )


def _ages(host_names: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    known = [one for one in host_names if one["age"] is not None]
    if known:
        yield "# HELP gatehouse_name_age_seconds How long ago a host name was answered.\n"
        yield "# TYPE gatehouse_name_age_seconds gauge\n"
    yield from (f'gatehouse_name_age_seconds{{name="{one["name"]}"}} {one["age"]:.0f}\n' for one in known)


def _placed(listing: str) -> Iterator[str]:
    """Yield each line with the block that it stands in: the same rule in two chains is two rules."""
    block = ""
    for line in listing.splitlines():
        found = _BLOCK.match(line)
        block = found.group(1) if found else block
        if line.strip() not in ("", "}"):
            yield f"{block}: {line.strip()}" if block and not found else line.strip()


def _finding(kind: str, line: str, text: str) -> Finding:
    flow = _FLOW.search(line)
    words = {"rule_added": "added: ", "rule_removed": "removed: ", "rule_changed": "changed: "}.get(kind, "")
    return Finding(kind, f"{words}{text}", flow.group(1) if flow else "")
