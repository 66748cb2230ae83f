# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a hardened host does by itself between two runs, beside loading its rules at boot."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.denials import Denials
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import UnitChange
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.watch import Watch
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refreshing import Refreshing


@dataclass(frozen=True)
class Units:
    """It watches its rules, asks for host names, and saves what it has denied."""

    watch: Watch
    refreshing: Refreshing
    denials: Denials

    def are_as_for(self, backend: Backend, ruleset: str) -> bool:
        """Return whether each is as a ruleset wants it; an empty one wants none."""
        return (
            self.watch.is_as_for(backend, ruleset)
            and self.refreshing.is_as_for(ruleset)
            and self.denials.is_as_for(_saved(backend, ruleset))
        )

    def sync(self, backend: Backend, ruleset: str) -> list[UnitChange]:
        """Have each be as a ruleset wants it; return what systemd has to do about it."""
        return [
            self.refreshing.sync(ruleset),
            self.watch.sync(backend, ruleset),
            self.denials.sync(_saved(backend, ruleset)),
        ]

    def forget(self) -> list[UnitChange]:
        """Remove all of them, and what they have left; return what systemd has to do about it."""
        return [self.watch.forget(), self.refreshing.forget(), self.denials.forget()]

    def findings(self, backend: Backend, ruleset: str) -> list[Finding]:
        """Return which of them aren't as the ruleset in force wants them."""
        found = []
        if not self.watch.is_as_for(backend, ruleset):
            found.append(Finding("watch_disabled", "the timer that watches our rules is not as we wrote it, or off"))
        if not self.denials.is_as_for(_saved(backend, ruleset)):
            found.append(Finding("denied_unit_disabled", "a unit that saves denials is not as we wrote it, or off"))
        return found + self.refreshing.findings(ruleset)


def _saved(backend: Backend, ruleset: str) -> Backend | None:
    """Return the backend whose denials are saved, if any are."""
    return backend if read(ruleset).keeps else None
