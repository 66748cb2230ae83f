# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What stays on the host: the ruleset for the next boot, the unit that loads it, and what the kernel made of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Callable, List

BOOT_FILE = "etc/gatehouse/ruleset.nft"
LIVE_FILE = "var/lib/gatehouse/live.nft"
UNIT = "gatehouse-firewall.service"
UNIT_FILE = f"etc/systemd/system/{UNIT}"
WANTED_BY = "sysinit.target"

# Ordered after whatever may flush the whole ruleset at boot (Debian's nftables.conf does), and before the network is
# up. No ExecStop: to stop the unit must not open the host.
UNIT_TEXT = f"""\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=gatehouse host firewall
Documentation=man:nft(8)
DefaultDependencies=no
RequiresMountsFor=/etc /usr
Wants=network-pre.target
After=nftables.service iptables.service ip6tables.service netfilter-persistent.service
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={{nft}} -f /{BOOT_FILE}
ExecReload={{nft}} -f /{BOOT_FILE}

[Install]
WantedBy={WANTED_BY}
"""

Run = Callable[[List[str]], None]
Write = Callable[[Path, str], None]


class Boot:
    """The files and the unit of one host.

    ``run`` takes a command and raises FirewallError where it fails; ``write`` replaces a file's content atomically.
    """

    def __init__(self, run: Run, write: Write, nft_path: str, root: Path = Path("/")) -> None:
        """Keep the ways to run and to write; ``root`` is where the host's files lie."""
        self._run = run
        self._write = write
        self._root = root
        self._unit_text = UNIT_TEXT.format(nft=nft_path)
        self._wants = root / f"etc/systemd/system/{WANTED_BY}.wants/{UNIT}"

    def has_systemd(self) -> bool:
        """Return whether systemd runs this host."""
        return (self._root / "run/systemd/system").is_dir()

    def ruleset(self) -> str:
        """Return the ruleset of the next boot, which is the one applied last; an empty text where there is none."""
        return self._read(BOOT_FILE)

    def live(self) -> str:
        """Return what the kernel listed after the last apply."""
        return self._read(LIVE_FILE)

    def is_enabled(self) -> bool:
        """Return whether our unit is as we wrote it and starts at boot (always, where there is no systemd)."""
        return not self.has_systemd() or (self._read(UNIT_FILE) == self._unit_text and self._wants.is_symlink())

    def persist(self, ruleset: str, live: str) -> None:
        """Keep an applied ruleset for the next boot."""
        self._write(self._root / BOOT_FILE, ruleset)
        self._write(self._root / LIVE_FILE, live)
        if not self.is_enabled():
            self._write(self._root / UNIT_FILE, self._unit_text)
            self._run(["systemctl", "daemon-reload"])
            self._run(["systemctl", "enable", "--now", UNIT])

    def forget(self) -> None:
        """Remove the unit and the files."""
        unit = self._root / UNIT_FILE
        if unit.exists():
            if self.has_systemd():
                self._run(["systemctl", "disable", "--now", UNIT])
            self._remove(unit)
            self._remove(self._wants)
            if self.has_systemd():
                self._run(["systemctl", "daemon-reload"])
        for path in (self._root / BOOT_FILE, self._root / LIVE_FILE):
            self._remove(path)
            with suppress(OSError):  # it isn't there, or somebody else keeps a file in it
                path.parent.rmdir()

    def leaves_nothing(self) -> bool:
        """Return whether none of our files is on the host."""
        return not any((self._root / path).exists() for path in (BOOT_FILE, LIVE_FILE, UNIT_FILE))

    @staticmethod
    def _remove(path: Path) -> None:
        with suppress(FileNotFoundError):
            path.unlink()

    def _read(self, path: str) -> str:
        with suppress(FileNotFoundError):
            return (self._root / path).read_text(encoding="utf-8")
        return ""
