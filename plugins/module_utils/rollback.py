# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A host's own way back: what it does by itself if nobody confirms a change in time.

It needs neither the controller nor Python nor the ssh session. Whoever renames a change's pending file first decides:
the confirmation, or the timer. After a reboot nothing is pending, and the boot file holds what was confirmed last.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterator, List

from ansible_collections.gatehouse.firewall.plugins.module_utils.backend import Backend, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils.fault import fault_point

DIRECTORY = "run/gatehouse"
PENDING = "rollback-"
TAKEN = "taken-"
UNIT = "gatehouse-rollback"
OVERDUE = 10  # seconds after which a way back that was not gone never will be: whoever armed it died before he could

Run = Callable[[List[str]], None]


class Rollback:
    """The way back of one host. ``run`` takes a command and raises FirewallError where it fails.

    Each change has a name of its own, so that what is left of one never decides about another.
    """

    def __init__(self, run: Run, backend: Backend, has_systemd: bool, root: Path = Path("/")) -> None:
        """Keep the way to run commands; ``root`` is where the host's files lie."""
        self._run = run
        self._backend = backend
        self._has_systemd = has_systemd
        self._directory = root / DIRECTORY

    def arm(self, seconds: int) -> str:
        """Have the host go back to what is in the kernel now, in so many seconds; return the change's name."""
        change = f"{time.time_ns():x}"
        with self.alone():
            for name, text in self._backend.helpers.items():
                (self._directory / name).write_text(text, encoding="utf-8")
            self._refuse_another()
            self._pending(change).write_text(self._backend.previous(), encoding="utf-8")
        fault_point("pending")
        deadline = time.time() + seconds
        os.utime(self._pending(change), (deadline, deadline))
        try:
            self._run(self._in(seconds, change))
        except FirewallError:
            self._pending(change).unlink()
            raise
        fault_point("armed")
        return change

    def disarm(self, change: str) -> bool:
        """Call a change's way back off; return False where the host has gone it already, or it was never armed."""
        taken = self._directory / f"{TAKEN}{change}"
        try:
            self._pending(change).rename(taken)
        except FileNotFoundError:
            return False
        taken.unlink()
        if self._has_systemd:
            with suppress(FirewallError):  # it fires in this moment, and finds nothing to do
                self._run(["systemctl", "stop", f"{UNIT}-{change}.timer"])
        return True

    def forget(self) -> None:
        """Call every way back off, and remove what is left of them."""
        for path in self._directory.glob(f"{PENDING}*"):
            self.disarm(path.name[len(PENDING) :])
        for path in [*self._directory.glob("*")]:
            path.unlink()
        with suppress(FileNotFoundError):
            self._directory.rmdir()

    def _pending(self, change: str) -> Path:
        return self._directory / f"{PENDING}{change}"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others of us from changing this host's rules."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._directory / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def is_pending(self) -> bool:
        """Return whether a change waits to be confirmed, or to be rolled back."""
        return any(not _is_overdue(path) for path in self._directory.glob(f"{PENDING}*"))

    def _refuse_another(self) -> None:
        if self.is_pending():
            raise FirewallError(
                "another change of this host's ruleset waits to be confirmed; try again when it is, or is rolled back"
            )
        for path in self._directory.glob(f"{PENDING}*"):
            path.unlink()

    def _in(self, seconds: int, change: str) -> list[str]:
        pending, taken = self._pending(change), self._directory / f"{TAKEN}{change}"
        command = f"mv {pending} {taken} && {{ {self._backend.load_command(str(taken))}; rm -f {taken}; }}"
        if self._has_systemd:
            # Without AccuracySec, systemd may fire a minute late.
            timer = ["--on-active", f"{seconds}s", "--timer-property", "AccuracySec=100ms"]
            unit = ["--unit", f"{UNIT}-{change}"]
            return ["systemd-run", "--quiet", "--collect", *unit, *timer, "/bin/sh", "-c", command]
        detached = f"exec </dev/null >/dev/null 2>&1; sleep {seconds}; {command}"
        return ["setsid", "--fork", "/bin/sh", "-c", detached]


def _is_overdue(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() > path.stat().st_mtime + OVERDUE
    return True
