# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A service of ours that a timer runs again and again, with the program that it runs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Callable, List, NamedTuple

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError

BOOT_DIRECTORY = "etc/gatehouse"
UNITS = "etc/systemd/system"
WANTED_BY = "timers.target"

SANDBOX = """\
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies={}
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
"""
"""What each of our services goes without, as systemd 247 knows it, but for the families of addresses that it takes."""

Run = Callable[[List[str]], None]
Write = Callable[[Path, "str | bytes"], None]


class Texts(NamedTuple):
    """What the three files hold."""

    program: bytes
    service: bytes
    timer: bytes


class TimedUnit:
    """The files of one host, below ``root``. Without systemd, there is nothing that would run the program in time.

    ``run`` takes a command and raises FirewallError where it fails; ``write`` replaces a file's content atomically.
    """

    def __init__(
        self, name: str, program: str, run: Run, write: Write, has_systemd: bool, root: Path = Path("/")
    ) -> None:
        """Keep the name of both units, the path of the program, and the ways to run and to write."""
        self._name = name
        self._run = run
        self._write = write
        self._has_systemd = has_systemd
        self._files = [root / program, *(root / f"{UNITS}/{name}.{kind}" for kind in ("service", "timer"))]
        self._wants = root / f"{UNITS}/{WANTED_BY}.wants/{name}.timer"

    def is_there(self, wanted: Callable[[], Texts] | None) -> bool:
        """Return whether the host has these files, and starts the timer at boot; with None, whether it has nothing."""
        if wanted is None or not self._has_systemd:
            return not any(path.exists() for path in self._files)
        return self._wants.is_symlink() and [*map(_read, self._files)] == [*wanted()]

    def install(self, wanted: Callable[[], Texts]) -> None:
        """Have the program run from now on, and after each boot."""
        if not self._has_systemd or self.is_there(wanted):
            return
        is_known = any(path.exists() for path in self._files)
        for path, text in zip(self._files, wanted()):
            self._write(path, text)
        self._wants.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self._wants.symlink_to(f"/{UNITS}/{self._name}.timer")
        with suppress(FirewallError):  # the next boot finds the timer whether this works or not
            if is_known:  # systemd looks for what it has never read where it is started
                self._run(["systemctl", "daemon-reload"])
            self._run(["systemctl", "restart", "--no-block", f"{self._name}.timer"])

    def forget(self) -> None:
        """Remove all of it; there need not be any."""
        there = [path for path in self._files if path.exists()]
        if there and self._has_systemd:
            with suppress(FirewallError):
                self._run(["systemctl", "stop", f"{self._name}.timer", f"{self._name}.service"])
        self._wants.unlink(missing_ok=True)
        for path in there:
            path.unlink()
        with suppress(OSError):  # it isn't there, or others keep files in it
            self._files[0].parent.rmdir()
        if there and self._has_systemd:
            self._run(["systemctl", "daemon-reload"])


def _read(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""
