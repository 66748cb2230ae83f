# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A host's own way back: what it does by itself if nobody confirms a change in time.

It needs neither the controller nor Python nor the ssh session. Whoever renames the pending file first decides: the
confirmation, or the timer. After a reboot nothing is pending, and the boot file holds what was confirmed last.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Callable, List

from ansible_collections.gatehouse.firewall.plugins.module_utils.nft import TABLE, FirewallError

PENDING = "run/gatehouse/rollback.nft"
TAKEN = "run/gatehouse/rollback.taken.nft"
UNIT = "gatehouse-rollback"

Run = Callable[[List[str]], None]


class Rollback:
    """The way back of one host. ``run`` takes a command and raises FirewallError where it fails."""

    def __init__(self, run: Run, nft_path: str, has_systemd: bool, root: Path = Path("/")) -> None:
        """Keep the way to run commands; ``root`` is where the host's files lie."""
        self._run = run
        self._has_systemd = has_systemd
        self._pending = root / PENDING
        self._taken = root / TAKEN
        self._command = f"mv {self._pending} {self._taken} && {nft_path} -f {self._taken}; rm -f {self._taken}"

    def arm(self, previous: str, seconds: int) -> None:
        """Have the host go back to a listing of our table (to none, where it is empty) in so many seconds."""
        self._pending.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with self._pending.open("x", encoding="utf-8") as file:
                file.write(f"table {TABLE}\ndelete table {TABLE}\n{previous}")
        except FileExistsError:
            raise FirewallError(
                "another change of this host's ruleset waits to be confirmed; try again when it is, or is rolled back"
            ) from None
        try:
            self._run(self._in(seconds))
        except FirewallError:
            self._pending.unlink()
            raise

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
