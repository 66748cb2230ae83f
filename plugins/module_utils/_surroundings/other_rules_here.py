# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""All rules on a host that are not ours, in nftables and in either variant of iptables, read without a change."""

from __future__ import annotations

import re
from typing import Callable, Iterator

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Run
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules import Table
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules_iptables import read_saved
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules_nft import read_table

_OURS = "inet gatehouse"
_OF_IPTABLES = re.compile(r"ip6? (?:filter|nat|mangle|raw|security)")
_TABLE = re.compile(r"^table (\S+ \S+) \{\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
_FAMILIES = {"iptables": ("ip ", "ip_tables_names"), "ip6tables": ("ip6 ", "ip6_tables_names")}

Find = Callable[[str], "str | None"]
Read = Callable[[str], str]
"""Returns what a file below /proc has; an empty text where it isn't there."""


class OtherRules:
    """The rules of others on one host; ``problems`` says which of them could not be read."""

    def __init__(self, run: Run, find: Find, read: Read) -> None:
        """Keep the ways to run a command, to find its full path, and to read a file."""
        self._run = run
        self._find = find
        self._read = read
        self.problems: list[str] = []
        self.tables = [*self._all()]

    def _all(self) -> Iterator[Table]:
        """Yield every table: those that iptables has in nftables as iptables shows them, where it is there and can."""
        listings = self._listings()
        for family, (prefix, _proc) in _FAMILIES.items():
            theirs = [name for name in listings if name.startswith(prefix) and _OF_IPTABLES.fullmatch(name)]
            saved = self._saved(family, "nft", "(nf_tables)") if theirs or not self._find("nft") else ""
            if saved:
                listings = {name: listing for name, listing in listings.items() if name not in theirs}
                yield from read_saved(family, saved)
        yield from (read_table(name, listing) for name, listing in listings.items())
        for family, (_prefix, proc) in _FAMILIES.items():
            # iptables-legacy-save makes the tables that it is asked for, so it is asked only where the kernel has some.
            if self._read(f"/proc/net/{proc}").strip():
                yield from read_saved(f"{family}-legacy", self._saved(family, "legacy", "(legacy)"))

    def _listings(self) -> dict[str, str]:
        """Return what nft lists of each table, by family and name."""
        text = self._words(["nft", "-s", "list", "ruleset"]) if self._find("nft") else ""
        return {name: listing for name, listing in _TABLE.findall(text) if name != _OURS}

    def _saved(self, family: str, kind: str, variant: str) -> str:
        """Return all rules of a family in one variant; an empty text where it can't show them all."""
        command = next((name for name in (f"{family}-{kind}-save", f"{family}-save") if self._find(name)), "")
        if not command or (command == f"{family}-save" and variant not in self._words([family, "-V"])):
            return ""
        saved = self._words([command])
        return "" if "is incompatible, use 'nft' tool" in saved else saved

    def _words(self, words: list[str]) -> str:
        code, output, error = self._run([self._find(words[0]) or words[0], *words[1:]], None)
        if code != 0:
            self.problems.append(f"{' '.join(words)}: {(error or output).strip()}")
        return output if code == 0 else ""
