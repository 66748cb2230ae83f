# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What differs between two rulesets, in the words of the model: flows and addresses, not rules."""

from __future__ import annotations

import re
from difflib import unified_diff

DESCRIPTION_MARK = "#: "
_OBSERVES, _ENFORCES = "mode: observe", "mode: enforce"
# Of nftables, and of ipset.
_SET = re.compile(r"\tset (\S+)\.v[46] \{|#set: (\S+)")
_ELEMENT = re.compile(r"\t\t\t([0-9a-f.:/]+),|add gatehouse-new (\S+)")


def describe(ruleset: str) -> list[str]:
    """Return the lines of a rendered ruleset that say what it lets through, and the addresses behind each name."""
    flows, addresses, name = [], [], ""
    for line in ruleset.splitlines():
        found = _SET.fullmatch(line)
        name = found.group(found.lastindex or 0) if found else name
        element = _ELEMENT.fullmatch(line)
        if line.startswith(DESCRIPTION_MARK):
            flows.append(line[len(DESCRIPTION_MARK) :])
        elif element:
            addresses.append(f"{name} is {element.group(element.lastindex or 0)}")
    return flows + addresses


def observes(ruleset: str) -> bool:
    """Return whether a rendered ruleset denies nothing."""
    return f"\n{DESCRIPTION_MARK}{_OBSERVES}" in ruleset


def with_modes(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    """Return two descriptions that both say their mode where one of them only observes."""
    modes = [bool(lines) and lines[0].startswith(_OBSERVES) for lines in (before, after)]
    if modes[0] == modes[1]:
        return before, after
    said = [
        lines if not lines or observing else [_ENFORCES, *lines] for lines, observing in zip((before, after), modes)
    ]
    return said[0], said[1]


def drift(recorded: str, live: str) -> list[str]:
    """Return what somebody changed in the kernel since we applied, given both listings of our table."""
    if not live:
        return ["the table is gone"] if recorded else []
    changes = list(unified_diff(recorded.splitlines(), live.splitlines(), n=0, lineterm=""))[2:]
    words = {"-": "live lacks", "+": "live has"}
    return [f"{words[line[0]]}: {line[1:].strip()}" for line in changes if line[0] in words]


def as_diff(before: list[str], after: list[str]) -> dict[str, str]:
    """Return Ansible's form of a difference between two lists of lines."""
    return {
        "before_header": "what the host lets through now",
        "after_header": "what the model lets through",
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }
