# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What stays on the host: the ruleset for the next boot, the unit that loads it, and what the kernel made of it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Callable, Iterable, List

from ansible_collections.gatehouse.firewall.plugins.module_utils.backend import Backend
from ansible_collections.gatehouse.firewall.plugins.module_utils.fault import fault_point

BOOT_DIRECTORY = "etc/gatehouse"
LIVE_DIRECTORY = "var/lib/gatehouse"
UNIT = "gatehouse-firewall.service"
UNIT_FILE = f"etc/systemd/system/{UNIT}"
WANTED_BY = "sysinit.target"

# Ordered after whatever may flush the whole ruleset at boot (Debian's nftables.conf does), and before the network is
# up; before sshd, too, as a container's network may be up from the start. No ExecStop: to stop the unit must not open
# the host.
UNIT_TEXT = f"""\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=gatehouse host firewall
DefaultDependencies=no
RequiresMountsFor=/etc /usr
Wants=network-pre.target
After=nftables.service iptables.service ip6tables.service netfilter-persistent.service
Before=network-pre.target ssh.service sshd.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '{{command}}'
ExecReload=/bin/sh -c '{{command}}'

[Install]
WantedBy={WANTED_BY}
"""

# A ruleset that can't be loaded must not leave the host open, nor out of reach: the unit fails, and says so.
COMMAND = (
    "{load} && exit; "
    'echo "The saved ruleset could not be loaded: only replies and the management flow pass until it is." >&2; '
    "{load_fallback}; exit 1"
)

Run = Callable[[List[str]], None]
Write = Callable[[Path, str], None]


class Boot:
    """The files and the unit of one host.

    ``run`` takes a command and raises FirewallError where it fails; ``write`` replaces a file's content atomically.
    """

    def __init__(self, run: Run, write: Write, root: Path = Path("/")) -> None:
        """Keep the ways to run and to write; ``root`` is where the host's files lie."""
        self._run = run
        self._write = write
        self._root = root
        self._unit = root / UNIT_FILE
        self._wants = root / f"etc/systemd/system/{WANTED_BY}.wants/{UNIT}"

    def has_systemd(self) -> bool:
        """Return whether systemd runs this host."""
        return (self._root / "run/systemd/system").is_dir()

    def ruleset(self, backend: Backend) -> str:
        """Return the ruleset of the next boot, which is the one confirmed last; an empty text where there is none."""
        return _read(self._ruleset(backend))

    def live(self, backend: Backend) -> str:
        """Return what the kernel listed after the last change."""
        return _read(self._live(backend)).partition("\n")[2]

    def is_edited(self, backend: Backend) -> bool:
        """Return whether somebody has edited the ruleset of the next boot."""
        checksum = _read(self._live(backend)).partition("\n")[0]
        return bool(checksum) and checksum != _checksum(self.ruleset(backend))

    def is_enabled(self, backend: Backend) -> bool:
        """Return whether our unit is as we wrote it and starts at boot (always, where there is no systemd)."""
        if not self.has_systemd():
            return True
        helpers = all(_read(path) == text for path, text in self._helpers(backend).items())
        return helpers and _read(self._unit) == self._unit_text(backend) and self._wants.is_symlink()

    def persist(self, backend: Backend, ruleset: str, live: str, fallback: str) -> None:
        """Keep a confirmed ruleset for the next boot, and what to load there if the kernel refuses it."""
        self._write(self._fallback(backend), fallback)
        self._write(self._ruleset(backend), ruleset)
        fault_point("ruleset kept")
        self._write(self._live(backend), f"{_checksum(ruleset)}\n{live}")
        for path, text in self._helpers(backend).items():
            self._write(path, text)
        if not self.is_enabled(backend):
            self._write(self._unit, self._unit_text(backend))
            fault_point("unit written")
            self._run(["systemctl", "daemon-reload"])
            self._run(["systemctl", "enable", "--now", UNIT])

    def has(self, backend: Backend) -> bool:
        """Return whether there is any file of ours for a backend."""
        return any(path.exists() for path in self._files(backend))

    def forget(self, backend: Backend) -> None:
        """Remove our files for a backend."""
        for path in self._files(backend):
            _remove(path)
            with suppress(OSError):  # it isn't there, or somebody else keeps a file in it
                path.parent.rmdir()

    def forget_unit(self) -> None:
        """Remove our unit."""
        if not self._unit.exists():
            return
        if self.has_systemd():
            self._run(["systemctl", "disable", "--now", UNIT])
        _remove(self._unit)
        _remove(self._wants)
        if self.has_systemd():
            self._run(["systemctl", "daemon-reload"])

    def leaves_nothing(self, backends: Iterable[Backend]) -> bool:
        """Return whether none of our files is on the host."""
        return not self._unit.exists() and not any(self.has(backend) for backend in backends)

    def _ruleset(self, backend: Backend) -> Path:
        return self._root / BOOT_DIRECTORY / f"ruleset.{backend.file_type}"

    def _fallback(self, backend: Backend) -> Path:
        return self._root / BOOT_DIRECTORY / f"fallback.{backend.file_type}"

    def _live(self, backend: Backend) -> Path:
        return self._root / LIVE_DIRECTORY / f"live.{backend.file_type}"

    def _helpers(self, backend: Backend) -> dict[Path, str]:
        return {self._root / BOOT_DIRECTORY / name: text for name, text in backend.helpers.items()}

    def _files(self, backend: Backend) -> list[Path]:
        return [self._ruleset(backend), self._fallback(backend), self._live(backend), *self._helpers(backend)]

    @staticmethod
    def _unit_text(backend: Backend) -> str:
        load, load_fallback = (
            backend.load_command(f"/{BOOT_DIRECTORY}/{name}.{backend.file_type}") for name in ("ruleset", "fallback")
        )
        return UNIT_TEXT.format(command=COMMAND.format(load=load, load_fallback=load_fallback))


def _checksum(ruleset: str) -> str:
    return hashlib.sha256(ruleset.encode()).hexdigest()


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _read(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8")
    return ""
