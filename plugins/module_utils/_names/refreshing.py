# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host does about the host names that its ruleset depends on, and what it knows of them: for the modules."""

from __future__ import annotations

import time
from typing import Any, Iterable, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import UnitChange
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import Answered
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import Answers
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.judged import crowded
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh_unit import RefreshUnit

OUTDATED = 2
"""The host's own answer is discarded once it is older than this many times ``max_ttl``."""


class Refreshing:
    """The unit of one host, and what it has found."""

    def __init__(self, unit: RefreshUnit, answered: Answered) -> None:
        """Take both."""
        self._unit = unit
        self._answered = answered

    def is_as_for(self, ruleset: str) -> bool:
        """Return whether the host asks for names as a ruleset wants it, which may be: not at all."""
        return self._unit.is_there(read(ruleset).refresh)

    def sync(self, ruleset: str) -> UnitChange:
        """Have the names of a ruleset asked for; one without any needs nothing. Return what systemd has to do."""
        refresh = read(ruleset).refresh
        if refresh is None:
            return self.forget()
        self._answered.expire([one.name for one in read(ruleset).names])
        return self._unit.install(refresh)

    def forget(self) -> UnitChange:
        """Remove everything; return what systemd has to do about it."""
        change = self._unit.forget()
        self._answered.forget()
        return change

    def answers(self, rulesets: Iterable[str]) -> Answers:
        """Return the addresses in rulesets that this host has found by itself, and not too long ago."""
        now = time.time()
        found = {}
        for ruleset in rulesets:
            refresh = read(ruleset).refresh
            for one in read(ruleset).names:
                age = self._answered.age(one.name, now)
                if refresh and age is not None and age <= OUTDATED * refresh.max_ttl:
                    found[one.name] = one.addresses
        return found

    def host_names(self, ruleset: str) -> list[dict[str, Any]]:
        """Return the host names that a ruleset depends on, with their addresses, and how old these are."""
        now = time.time()
        return [
            {
                "name": one.name,
                "addresses": list(one.addresses),
                "age": self._answered.age(one.name, now),
                "error": self._answered.error(one.name),
            }
            for one in read(ruleset).names
        ]

    def cautions(self, ruleset: str) -> list[str]:
        """Return what the owner of a host should know of how it will ask for the names of a ruleset."""
        return [self._unit.weakness] if read(ruleset).refresh and self._unit.weakness else []

    def findings(self, ruleset: str) -> list[Finding]:
        """Return where the host doesn't keep up with the names of the ruleset in force."""
        refresh = read(ruleset).refresh
        if refresh is None:
            return []
        limit = OUTDATED * refresh.max_ttl
        off = Finding("refresh_disabled", "the unit that asks for host names is not as we wrote it, or off")
        return [
            *([] if self._unit.is_there(refresh) else [off]),
            *(Finding("refresh_interpreter", text) for text in self.cautions(ruleset)),
            *(
                Finding("name_crowded", f"{one.name} had {crowded(refresh, family)}")
                for one in read(ruleset).names
                for family in self._answered.crowded(one.name)
            ),
            *(
                Finding("name_unanswered", _unanswered(**one))
                for one in self.host_names(ruleset)
                if one["error"] or one["age"] is None or one["age"] > limit
            ),
        ]


def _unanswered(name: str, addresses: Sequence[str], age: float | None, error: str) -> str:
    since = "never answered here" if age is None else f"last answered {age:.0f} s ago"
    why = f" ({error})" if error else ""
    return f"{name} was {since}{why}; its sets hold {', '.join(addresses) or 'no address'}"
