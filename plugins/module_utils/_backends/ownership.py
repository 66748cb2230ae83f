# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What of a ruleset is not ours to change: a text that is loaded must not touch the rules of others."""

from __future__ import annotations

import re
from typing import Iterator

_OUR_TABLE = ("table inet gatehouse", "delete table inet gatehouse", "table inet gatehouse {")
# As nft reads a text: whichever begins first, a comment to the end of its line, or a string, which may have several.
_COMMENT_OR_STRING = re.compile(r'#[^\n]*|"[^"]*"')
# An include reads another file, whose statements nothing here has seen.
_INCLUDED = re.compile(r'(?<![\w.@-])include\s*""')
_OUR_LINES = {
    "ipset": re.compile(r"#.*|(?:create|add|destroy|flush) gatehouse-.*|swap gatehouse-\S+ gatehouse-\S+"),
    "rules": re.compile(
        r"#.*|\*(?:filter|mangle)|COMMIT|:GATEHOUSE-\S+ .*|-A GATEHOUSE-.*"
        r"|-I (?:INPUT|OUTPUT|PREROUTING|FORWARD) 1 -j GATEHOUSE-\S+"
    ),
}


def foreign_in_nft(ruleset: str) -> list[str]:
    """Return the statements of a text for nft that are about anything but our table."""
    text = _COMMENT_OR_STRING.sub(lambda found: '""' if found[0].startswith('"') else "", ruleset)
    statements = [statement for statement in _outermost(text) if statement and statement not in _OUR_TABLE]
    return [*_INCLUDED.findall(text), *statements]


def foreign_in_iptables(file: str, text: str) -> list[str]:
    """Return the lines of a file for ipset or iptables-restore that are about anything but our chains and sets."""
    ours = _OUR_LINES[file.partition(".")[0]]
    return [line for line in text.splitlines() if line and not ours.fullmatch(line)]


def _outermost(text: str) -> Iterator[str]:
    depth, statement = 0, ""
    for char in text:
        if char == "{":
            if depth == 0:
                yield f"{' '.join(statement.split())} {{"
                statement = ""
            depth += 1
        elif char == "}":
            depth -= 1
        elif depth == 0 and char in "\n;":
            yield " ".join(statement.split())
            statement = ""
        elif depth <= 0:
            statement += char
    yield " ".join(statement.split())
