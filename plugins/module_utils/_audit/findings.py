# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How a host differs from what it should be, by flow: what an audit reports, and as numbers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Sequence

KINDS = (
    "rule_added",
    "rule_removed",
    "rule_changed",
    "address_added",
    "address_removed",
    "table_gone",
    "never_applied",
    "boot_file_edited",
    "unit_disabled",
    "watch_disabled",
    "denied_unit_disabled",
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
    "forwarding_unjudged",
    "uplink_carried",
    "bridge_unjudged",
)

_FLOW = re.compile(r"\bflow[: ]([A-Za-z][A-Za-z0-9_-]*)")


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. ``flow`` is empty where it has to do with none, or with all."""

    kind: str
    text: str
    flow: str = ""


def changes_of_model(applied: Sequence[str], wanted: Sequence[str]) -> list[Finding]:
    """Return what another ruleset than the applied one gains and loses, given what both let through."""
    before, after = set(applied), set(wanted)
    lost = [line for line in applied if line not in after]
    gained = [line for line in wanted if line not in before]
    signed = [("no more", line) for line in lost] + [("new", line) for line in gained]
    found = [finding_about(line, "model_changed", f"{sign} in the model: {line}") for sign, line in signed]
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


def finding_about(line: str, kind: str, text: str) -> Finding:
    """Return a finding about a line of rules, or of the model, with the flow that the line names."""
    flow = _FLOW.search(line)
    return Finding(kind, text, flow.group(1) if flow else "")
