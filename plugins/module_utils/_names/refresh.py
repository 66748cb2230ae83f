# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host does by itself between two runs: it asks again who is behind host names, and changes their sets.

It changes no rule, never empties a set that was filled, and keeps the last good answer where there is no new one. The
boot file always has the addresses that are in force, so that the next boot begins with them. However many names are
slow to be answered, a round ends: what wasn't asked for is the next time.

A round has two steps, each in a process of its own: one asks, in a sandbox, and the other keeps what counts of the
answers. See ``questions``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Container, Iterable, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends import commands
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.all import all_backends
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import (
    HostName,
    Refresh,
    elements_behind,
    in_order,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import Boot
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import Rollback
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.answered import Answered
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Configuration, addresses_of
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.host_names import Answers, with_answers
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.judged import (
    crowded,
    hold,
    judge,
    next_question,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import (
    FILE,
    NOT_ASKED,
    Asked,
    as_text,
    ask_all,
    read_answers,
)

ASK, KEEP = "ask", "keep"


class Refresher:
    """The host names of one host's ruleset. ``now`` is in seconds since 1970."""

    def __init__(self, backend: Backend, boot: Boot, rollback: Rollback, answered: Answered, now: float) -> None:
        """Take what there is to ask and to change."""
        self._backend = backend
        self._boot = boot
        self._rollback = rollback
        self._answered = answered
        self._now = now
        self.log: list[str] = []
        """What came of it, in lines: changes, and what is in the way of them."""

    def due(self) -> list[str]:
        """Return the names whose answers count no longer, in the order to ask for them."""
        header = self._boot.header(self._backend)
        if header.refresh is None:
            return []
        due = [one.name for one in header.names if self._answered.is_due(one.name, self._now)]
        return sorted(due, key=self._answered.turn)

    def keep(self, asked: Mapping[str, Asked]) -> None:
        """Change the sets to what counts of these answers; of a name that the ruleset has no longer, nothing does."""
        header = self._boot.header(self._backend)
        refresh = header.refresh
        named = [one for one in header.names if one.name in asked]
        if refresh is None or not named:
            return
        found = {one.name: self._noted(refresh, one, asked[one.name]) for one in named}
        answers = {name: addresses for name, addresses in found.items() if addresses}
        with self._rollback.alone("it asks again for host names"):
            if self._rollback.is_pending():
                return  # a change of the ruleset waits to be confirmed: it has the only turn
            if answers:
                self._change(answers)
            self._answered.save()

    def _noted(self, refresh: Refresh, name: HostName, asked: Asked) -> tuple[str, ...]:
        """Note what came of a question; return the addresses that count now, or none where nothing changes."""
        judged = judge(refresh, asked.answer)
        error = asked.failure or judged.error
        self._tell(name, error, "" if judged.addresses else f"; still {', '.join(name.addresses) or 'no address'}")
        if not judged.addresses:
            self._answered.note_failure(name.name, error, None if asked.failure == NOT_ASKED else self._now)
            return ()
        held = hold(refresh, judged, self._answered.seen(name.name, name.addresses), self._now)
        self.log += [
            f"{name.name}: {crowded(refresh, family)}"
            for family in held.crowded
            if family not in self._answered.crowded(name.name)
        ]
        due = next_question(refresh, judged, held, asked.answer.ttl, self._now)
        self._answered.note_answer(name.name, self._now, due, held.seen, error, held.crowded)
        return tuple(held.seen)

    def _tell(self, name: HostName, error: str, what_stays: str) -> None:
        if error and error != self._answered.error(name.name):
            self.log.append(f"{name.name}: {error}{what_stays}")

    def _change(self, answers: Answers) -> None:
        header = self._boot.header(self._backend)  # as it is now that no other changes it
        ruleset, names = self._boot.ruleset(self._backend), header.names
        answers = never_emptied(names, answers)
        wanted = with_answers(self._backend, ruleset, answers)
        if wanted == ruleset:
            return
        recorded, sets = self._boot.live(self._backend), list(elements_behind(names))
        before, after = header.elements, read(wanted).elements
        # The kernel before the files: where it refuses, the boot file stays what is in force.
        self._backend.refill({name: before[name] for name in sets}, {name: after[name] for name in sets})
        self._boot.rewrite(self._backend, wanted, relisted(self._backend, recorded, self._backend.listing(), sets))
        self.log += _changes(names, answers)


def never_emptied(names: Iterable[HostName], answers: Answers) -> dict[str, Sequence[str]]:
    """Return answers that leave no set empty: where they would, what was in it stays."""
    kept = {name: list(addresses) for name, addresses in answers.items()}
    after = [HostName(one.name, tuple(answers.get(one.name, one.addresses)), one.sets) for one in names]
    before, now = elements_behind(names), elements_behind(after)
    for one in names:
        for family, sets in one.sets.items():
            if one.name in kept and any(before[name] and not now[name] for name in sets):
                kept[one.name] += _of_families(one.addresses, [int(family)])
    return {name: in_order(set(addresses)) for name, addresses in kept.items()}


def relisted(backend: Backend, recorded: str, live: str, sets: Iterable[str]) -> str:
    """Return the record of what is in force with these sets as they are now, and all else as it was recorded."""
    for name in sets:
        recorded = backend.with_listed_set(recorded, name, live)
    return recorded


def main() -> None:
    """Take the step of a round that the first argument names; exit with 1 and say why where that fails.

    ``ask`` leaves the answers in a file. ``keep`` changes this host's sets, and prints what changed.
    """
    steps = {ASK: _ask, KEEP: _keep}
    if len(sys.argv) != 2 or sys.argv[1] not in steps:
        raise SystemExit(f"got {sys.argv[1:]}, expected {' or '.join(steps)}")
    boot = Boot(_run_or_raise, write_file)
    backend = next((one for one in all_backends(run, commands.find) if boot.ruleset(one)), None)
    if backend is None:
        return
    rollback = Rollback(_run_or_raise, backend, boot.has_systemd())
    refresher = Refresher(backend, boot, rollback, Answered.read(write_file), time.time())
    try:
        steps[sys.argv[1]](refresher)
    except (FirewallError, OSError) as error:
        raise SystemExit("\n".join([*refresher.log, str(error)])) from error
    sys.stdout.write("".join(f"{line}\n" for line in refresher.log))


def _ask(refresher: Refresher) -> None:
    due = refresher.due()
    if due:
        configuration = Configuration.read(Path("/etc/resolv.conf"), Path("/etc/hosts"))
        write_file(Path("/", FILE), as_text(ask_all(due, lambda name: addresses_of(name, configuration))))


def _keep(refresher: Refresher) -> None:
    asked = read_answers()
    if asked:
        refresher.keep(asked)


def run(words: list[str], text: str | None) -> tuple[int, str, str]:
    """Run a command in the C locale; return exit code, standard output and standard error."""
    return commands.run(words, text, {"LC_ALL": "C", "LANGUAGE": "C"})


def write_file(path: Path, content: str | bytes) -> None:
    """Replace a file that root alone reads."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _run_or_raise(words: list[str]) -> None:
    code, output, error = run(words, None)
    if code != 0:
        raise FirewallError(f"{' '.join(words)} failed: {(error or output).strip()}")


def _changes(names: Iterable[HostName], answers: Answers) -> Iterable[str]:
    for one in names:
        new, old = set(answers.get(one.name, one.addresses)), set(one.addresses)
        if new != old:
            gained = [f"+{address}" for address in in_order(new - old)]
            lost = [f"-{address}" for address in in_order(old - new)]
            yield f"{one.name}: {' '.join([*gained, *lost])}"


def _of_families(addresses: Iterable[str], families: Container[int]) -> list[str]:
    return [address for address in addresses if ip_address(address).version in families]


if __name__ == "__main__":
    main()
