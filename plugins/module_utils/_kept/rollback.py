# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A host's own rollback: what it does by itself if a change isn't confirmed in time.

It needs neither the controller nor Python nor the ssh session. The first to rename a change's pending file decides:
the confirmation, or the timer. After a reboot nothing is pending, and the boot file holds what was confirmed last.

A change may stall anywhere, for longer than its rollback waits. So that waits for nothing, and the kernel decides
between the two: the change puts a marker into our rules before the timer starts, every transaction of it fails as a
whole where the marker is gone, and the rollback takes that away before anything else.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterator, List

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.locks import held
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import marked, stamp
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.fault import fault_point

DIRECTORY = "run/gatehouse"
PENDING = "rollback-"
TAKEN = "taken-"
STUCK = "stuck-"
UNIT = "gatehouse-rollback"
OVERDUE = 10  # seconds after which a rollback that has not run never will: what armed it died before it could
LONGEST = 600  # seconds that a rollback may wait

WAITS, UNDER_WAY, FAILED, GONE = "waits", "is under way", "has failed", "is gone"

Run = Callable[[List[str]], None]


class Rollback:
    """The rollback of one host. ``run`` takes a command and raises FirewallError where it fails.

    Each change has a name of its own, so that what is left of one never decides about another. ``clock`` is one that
    can't be set, as the timer's is.
    """

    def __init__(
        self,
        run: Run,
        backend: Backend,
        has_systemd: bool,
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the way to run commands; ``root`` is where the host's files lie."""
        self._run = run
        self._backend = backend
        self._has_systemd = has_systemd
        self._directory = root / DIRECTORY
        self._clock = clock

    def arm(self, seconds: int, wanted: str = "") -> str:
        """Have the host go back to what is in the kernel now, in so many seconds; return the change's name.

        The change is one to the ruleset ``wanted``.
        """
        change = secrets.token_hex(8)
        with self.alone("it begins a change"):
            self._refuse_another()
            self._write_helpers()
            self._write_pending(change, seconds)
            with self._calling_off(change):
                self._backend.mark(change, wanted)
        fault_point("pending")
        with self._calling_off(change):
            self._run(self._in(seconds, change))
        # Noted again: the timer counts from now, and to start it may have taken a while.
        self._note_deadline(self._pending(change), seconds)
        fault_point("armed")
        return change

    def disarm(self, change: str) -> bool:
        """Call a change's rollback off; return False where it has run already, or it was never armed."""
        taken = self._directory / f"{TAKEN}{change}"
        try:
            # The timer renames the same file: rename(2) lets one of the two find it, and that one decides.
            self._pending(change).rename(taken)
        except FileNotFoundError:
            return False
        taken.unlink()
        self.stop_timer(change)
        return True

    def stop_timer(self, change: str) -> None:
        """Stop the timer of a change whose rollback has nothing to do any more."""
        if self._has_systemd:
            with suppress(FirewallError):  # it fires in this moment, and finds nothing to do
                self._run(["systemctl", "stop", f"{UNIT}-{change}.timer"])

    def hurry(self, change: str) -> None:
        """Have a change's rollback begin now, in a process of its own. Where that fails, it begins in its time."""
        now = ["systemctl", "start", "--no-block", f"{UNIT}-{change}.service"]
        with suppress(FirewallError):
            self._run(now if self._has_systemd else self._in(0, change))

    def waits(self, change: str) -> bool:
        """Return whether a change's rollback is still to run."""
        return self._pending(change).exists()

    def call_all_off(self) -> None:
        """Call every rollback off."""
        for path in self._directory.glob(f"{PENDING}*"):
            self.disarm(path.name[len(PENDING) :])

    def forget(self) -> None:
        """Call every rollback off, and remove what is left of them."""
        self.call_all_off()
        for path in [*self._directory.glob("*")]:
            path.unlink()
        with suppress(FileNotFoundError):
            self._directory.rmdir()

    @contextmanager
    def alone(self, purpose: str) -> Iterator[None]:
        """Keep others of us from changing this host's rules; ``purpose`` says why, to those who wait."""
        with held(self._directory / "lock", purpose):
            yield

    def is_pending(self) -> bool:
        """Return whether a change waits to be confirmed, or is being rolled back."""
        return any(not self._is_overdue(path) for path in self._waiting())

    def state(self) -> str:
        """Return how far the rollback is that waits or runs, if any; of the last one, that it has failed."""
        for prefix, state in ((PENDING, WAITS), (TAKEN, UNDER_WAY), (STUCK, FAILED)):
            if any(self._directory.glob(f"{prefix}*")):
                return state
        return ""

    def outcome(self, change: str, seconds: float) -> str:
        """Return what became of a rollback that begins or has begun, after so many seconds at most."""
        end = time.monotonic() + seconds
        while self.waits(change) or (self._directory / f"{TAKEN}{change}").exists():
            if time.monotonic() > end:
                return UNDER_WAY
            time.sleep(0.1)
        return FAILED if (self._directory / f"{STUCK}{change}").exists() else GONE

    def _pending(self, change: str) -> Path:
        return self._directory / f"{PENDING}{change}"

    def _waiting(self) -> list[Path]:
        return [path for prefix in (PENDING, TAKEN) for path in self._directory.glob(f"{prefix}*")]

    def _write_helpers(self) -> None:
        for name, text in self._backend.helpers.items():
            new = self._directory / f".{name}.new"
            new.write_text(text, encoding="utf-8")
            new.replace(self._directory / name)  # the shell that runs the old one reads on in that

    def _write_pending(self, change: str, seconds: int) -> None:
        new = self._directory / f".{change}.new"
        new.write_text(marked(stamp()) + self._backend.previous(), encoding="utf-8")
        self._note_deadline(new, seconds)
        new.replace(self._pending(change))

    def _note_deadline(self, path: Path, seconds: int) -> None:
        deadline = self._clock() + seconds
        with suppress(FileNotFoundError):  # the timer was first
            os.utime(path, (deadline, deadline))

    @contextmanager
    def _calling_off(self, change: str) -> Iterator[None]:
        try:
            yield
        except FirewallError:
            self._pending(change).unlink(missing_ok=True)
            self._backend.settle(change)
            raise

    def _refuse_another(self) -> None:
        if self.is_pending():
            raise FirewallError(
                "another change of this host's ruleset waits to be confirmed; try again when it is, or is rolled back"
            )
        for path in [*self._waiting(), *self._directory.glob(f"{STUCK}*")]:
            path.unlink()

    def _in(self, seconds: int, change: str) -> list[str]:
        pending, taken, stuck = (self._directory / f"{prefix}{change}" for prefix in (PENDING, TAKEN, STUCK))
        load = self._backend.load_command(str(taken), "back", change)
        command = f"mv {pending} {taken} && {{ {load} && rm -f {taken} || mv {taken} {stuck}; }}"
        if self._has_systemd:
            # Without AccuracySec, systemd may fire a minute late.
            timer = ["--on-active", f"{seconds}s", "--timer-property", "AccuracySec=100ms"]
            unit = ["--unit", f"{UNIT}-{change}"]
            return ["systemd-run", "--quiet", "--collect", *unit, *timer, "/bin/sh", "-c", command]
        # A session of its own, which the end of ssh doesn't end, and none of the descriptors that ssh would wait for.
        detached = f"exec </dev/null >/dev/null 2>&1; sleep {seconds}; {command}"
        return ["setsid", "--fork", "/bin/sh", "-c", detached]

    def _is_overdue(self, path: Path) -> bool:
        with suppress(FileNotFoundError):
            deadline, now = path.stat().st_mtime, self._clock()
            if deadline > now + LONGEST + OVERDUE:
                now = time.time()  # version 0.1.0 noted the deadline on the clock that can be set
            return now > deadline + OVERDUE
        return True
