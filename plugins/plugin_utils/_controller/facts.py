# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Facts, which hosts say of themselves: they set no variable of ours, and hide none that is declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import internals

OURS = re.compile(r"_?gatehouse_")
REFUSED = (
    "{host} has facts that are named like variables of ours: {names}. They are not read, and the host is left as it "
    "is. Look at what returned them on the host, and take them out of the fact cache"
)

_ORDERS = ("ansible_facts", "add_host", "add_group", "ansible_stats")  # by these, Ansible does what a result says
_OF_FACTS_ALONE = ("ansible_facts", "ansible_local")

Read = Callable[[str], Mapping[str, Any]]


class Facts:
    """What Ansible's variable manager has of facts: those that modules returned, in this run or in one before."""

    def __init__(self, manager: Any) -> None:
        """Take the variable manager."""
        self._manager = manager

    def of(self, host: str) -> Mapping[str, Any]:
        """Return all facts of a host."""
        try:
            found: Mapping[str, Any] | None = self._manager._fact_cache.get(host)
        except KeyError:  # a cache since ansible-core 2.19
            return {}
        return found or {}

    def like_ours(self, host: str) -> list[str]:
        """Return the facts of a host that are named like variables of ours; none that set_fact has set in this run."""
        by_tasks = internals.set_by_host(self._manager).get(host, {})
        return sorted(key for key in self.of(host) if OURS.match(key) and key not in by_tasks)

    def like_ours_by_host(self, hosts: Iterable[str]) -> dict[str, list[str]]:
        """Return those of the hosts that have such facts, with these."""
        found = {host: self.like_ours(host) for host in sorted(hosts)}
        return {host: names for host, names in found.items() if names}

    def refusal(self, host: str) -> str:
        """Return why a host must be left alone; an empty text where it needn't."""
        names = self.like_ours(host)
        return REFUSED.format(host=host, names=", ".join(names)) if names else ""

    def below(self, host: str, read: Read) -> Mapping[str, Any]:
        """Return a host's variables with its facts below everything that is declared, and none named like ours."""
        if not self.of(host):
            return read(host)
        with self._aside():
            declared = read(host)
        like_ours = self.like_ours(host)
        shown = {key: value for key, value in read(host).items() if key not in like_ours}
        return {**shown, **{key: value for key, value in declared.items() if key not in _OF_FACTS_ALONE}}

    @contextmanager
    def _aside(self) -> Iterator[None]:
        cache = self._manager._fact_cache
        self._manager._fact_cache = _NoFacts()
        try:
            yield
        finally:
            self._manager._fact_cache = cache


class _NoFacts:
    def get(self, _host: str, _default: object = None) -> dict[str, Any]:
        return {}


def without_orders(host: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module's result without what Ansible would do on its word; a failure where that sets our variables."""
    facts = result.get("ansible_facts") or {}
    names = sorted(key for key in facts if OURS.match(key))
    if names:
        return {"failed": True, "changed": False, "msg": REFUSED.format(host=host, names=", ".join(names))}
    found = {key: value for key, value in result.items() if key not in _ORDERS}
    # Ansible's own: with which Python to run the host's next module.
    python = {key: value for key, value in facts.items() if key.startswith("discovered_interpreter_")}
    return {**found, "ansible_facts": python} if python else found
