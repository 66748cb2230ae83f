# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Services of ours that a timer runs again and again, with the program that they run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Callable, List, Mapping, NamedTuple, Sequence

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


class UnitChange(NamedTuple):
    """What systemd has to do about units that were written or removed: read them anew, start some, restart some."""

    reload: bool = False
    start: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def carry_out(run: Run, changes: Sequence[UnitChange]) -> None:
    """Have systemd do all that changes take, at once; the next boot finds the units whether this works or not."""
    if any(change.reload for change in changes):
        with suppress(FirewallError):
            run(["systemctl", "daemon-reload"])
    for how in ("start", "restart"):
        units = [unit for change in changes for unit in getattr(change, how)]
        if units:
            with suppress(FirewallError):
                run(["systemctl", how, "--no-block", *units])


class TimedUnit:
    """The files of one host, below ``root``. Without systemd, there is nothing that would run the program in time.

    ``units`` has the target with which each unit starts, by the unit's name, and an empty text for one that others
    start. ``run`` takes a command and raises FirewallError where it fails; ``write`` replaces a file's content
    atomically.
    """

    def __init__(
        self,
        program: str,
        units: Mapping[str, str],
        run: Run,
        write: Write,
        has_systemd: bool,
        root: Path = Path("/"),
    ) -> None:
        """Keep the path of the program, the units, and the ways to run and to write."""
        self._run = run
        self._write = write
        self._has_systemd = has_systemd
        self._files = [root / program, *(root / f"{UNITS}/{name}" for name in units)]
        self._wanted = [name for name, target in units.items() if target]
        self._others = [name for name, target in units.items() if not target]
        self._links = [root / f"{UNITS}/{units[name]}.wants/{name}" for name in self._wanted]

    def is_there(self, wanted: Callable[[], Sequence[bytes]] | None) -> bool:
        """Return whether the host has these files, and starts the units at boot; with None, whether it has nothing.

        ``wanted`` returns what the program and each unit hold, in their order.
        """
        if wanted is None or not self._has_systemd:
            return not any(path.exists() for path in self._files)
        return all(link.is_symlink() for link in self._links) and [*map(_read, self._files)] == [*wanted()]

    def install(self, wanted: Callable[[], Sequence[bytes]]) -> UnitChange:
        """Have the program run after each boot, and from when the change that this returns is carried out."""
        if not self._has_systemd or self.is_there(wanted):
            return UnitChange()
        is_known = any(path.exists() for path in self._files)
        for path, text in zip(self._files, wanted()):
            self._write(path, text)
        for link in self._links:
            link.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                link.symlink_to(f"/{UNITS}/{link.name}")
        # systemd looks for what it has never read where it is started.
        return UnitChange(reload=is_known, restart=tuple(self._wanted))

    def forget(self) -> UnitChange:
        """Remove all of it; there need not be any."""
        there = [path for path in self._files if path.exists()]
        if there and self._has_systemd:
            with suppress(FirewallError):
                self._run(["systemctl", "stop", *self._wanted, *self._others])
        for path in (*self._links, *there):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # it isn't there, or others keep files in it
            self._files[0].parent.rmdir()
        return UnitChange(reload=bool(there) and self._has_systemd)


def _read(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""
