# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A host's own way back: what it does by itself if nobody confirms a change in time.

It needs neither the controller nor Python nor the ssh session. Whoever renames the pending file first decides: the
confirmation, or the timer. After a reboot nothing is pending, and the boot file holds what was confirmed last.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, List

from ansible_collections.gatehouse.firewall.plugins.module_utils.backend import Backend, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils.fault import fault_point

PENDING = "run/gatehouse/rollback"
TAKEN = "run/gatehouse/rollback.taken"
UNIT = "gatehouse-rollback"
OVERDUE = 10  # seconds after which a way back that was not gone never will be: whoever armed it died before he could

Run = Callable[[List[str]], None]


class Rollback:
    """The way back of one host. ``run`` takes a command and raises FirewallError where it fails."""

    def __init__(self, run: Run, backend: Backend, has_systemd: bool, root: Path = Path("/")) -> None:
        """Keep the way to run commands; ``root`` is where the host's files lie."""
        self._run = run
        self._backend = backend
        self._has_systemd = has_systemd
        self._pending = root / PENDING
        self._taken = root / TAKEN
        load = backend.load_command(str(self._taken))
        self._command = f"mv {self._pending} {self._taken} && {load}; rm -f {self._taken}"

    def arm(self, seconds: int) -> None:
        """Have the host go back to what is in the kernel now, in so many seconds."""
        previous = self._backend.previous()
        self._pending.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in self._backend.helpers.items():
            (self._pending.parent / name).write_text(text, encoding="utf-8")
        self._forget_overdue()
        try:
            with self._pending.open("x", encoding="utf-8") as file:
                file.write(previous)
        except FileExistsError:
            raise FirewallError(
                "another change of this host's ruleset waits to be confirmed; try again when it is, or is rolled back"
            ) from None
        fault_point("pending")
        deadline = time.time() + seconds
        os.utime(self._pending, (deadline, deadline))
        try:
            self._run(self._in(seconds))
        except FirewallError:
            self._pending.unlink()
            raise
        fault_point("armed")

    def _forget_overdue(self) -> None:
        with suppress(FileNotFoundError):
            if time.time() > self._pending.stat().st_mtime + OVERDUE:
                self._pending.unlink()

    def disarm(self) -> bool:
        """Call the way back off; return False where the host has gone it already, or nothing was armed."""
        try:
            self._pending.rename(self._taken)
        except FileNotFoundError:
            return False
        self._taken.unlink()
        if self._has_systemd:
            with suppress(FirewallError):  # it fires in this moment, and finds nothing to do
                self._run(["systemctl", "stop", f"{UNIT}.timer"])
        return True

    def _in(self, seconds: int) -> list[str]:
        if self._has_systemd:
            # Without AccuracySec, systemd may fire a minute late.
            timer = ["--on-active", f"{seconds}s", "--timer-property", "AccuracySec=100ms"]
            return ["systemd-run", "--quiet", "--collect", "--unit", UNIT, *timer, "/bin/sh", "-c", self._command]
        return [
            "setsid",
            "--fork",
            "/bin/sh",
            "-c",
            f"exec </dev/null >/dev/null 2>&1; sleep {seconds}; {self._command}",
        ]
