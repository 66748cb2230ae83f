# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What stays on the host: the ruleset for the next boot, the unit that loads it, and what the kernel made of it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Iterable, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Header, marked, stamp
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import first_line, newer, stamped
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.fault import fault_point
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import DIRECTORY as RUN_DIRECTORY
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import PENDING, STUCK, TAKEN
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import (
    BOOT_DIRECTORY,
    UNITS,
    Run,
    UnitChange,
    Write,
    carry_out,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.watch import Watch

LIVE_DIRECTORY = "var/lib/gatehouse"
UNIT = "gatehouse-firewall.service"
UNIT_FILE = f"{UNITS}/{UNIT}"
WANTED_BY = "sysinit.target"
# All that is loaded, or read by more than the version that wrote it.
_MARKED = (
    *(f"{BOOT_DIRECTORY}/{name}.*" for name in ("ruleset", "fallback")),
    f"{LIVE_DIRECTORY}/live.*",
    *(f"{RUN_DIRECTORY}/{prefix}*" for prefix in (PENDING, TAKEN, STUCK)),
)

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
RuntimeDirectory=gatehouse
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
ExecStart=/bin/sh -c '{{command}}'
ExecReload=/bin/sh -c '{{command}}'

[Install]
WantedBy={WANTED_BY}
"""

# A ruleset that can't be loaded must not leave the host open, nor out of reach: the unit fails, and says so.
COMMAND = (
    "{load} && exit; "
    'echo "The saved ruleset could not be loaded." >&2; '
    "[ -s {fallback} ] && {load_fallback} && "
    'echo "Only replies and the management flow pass until it is." >&2; '
    "exit 1"
)


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
        self._wants = root / f"{UNITS}/{WANTED_BY}.wants/{UNIT}"
        self.watch = Watch(run, write, self.has_systemd(), root)

    def has_systemd(self) -> bool:
        """Return whether systemd runs this host."""
        return (self._root / "run/systemd/system").is_dir()

    @staticmethod
    def load_command(backend: Backend) -> str:
        """Return the shell command that loads the ruleset of the next boot."""
        return backend.load_command(f"/{BOOT_DIRECTORY}/ruleset.{backend.file_type}")

    def ruleset(self, backend: Backend) -> str:
        """Return the ruleset of the next boot, which is the one confirmed last; an empty text where there is none."""
        return _read(self._ruleset(backend))

    def header(self, backend: Backend) -> Header:
        """Return what the ruleset of the next boot says of itself; raise FirewallError as ``refuse_newer`` does.

        It does so, too, where that was edited by hand.
        """
        self.refuse_newer()
        return backend.header(self.ruleset(backend), str(self._ruleset(backend)))

    def refuse_newer(self) -> None:
        """Raise FirewallError where a later version has left a file in a format that this one can't read."""
        for pattern in _MARKED:
            for path in sorted(self._root.glob(pattern)):
                header = stamped(_read(path))
                if header.is_newer:
                    raise FirewallError(newer(header, str(path)))

    def live(self, backend: Backend) -> str:
        """Return what the kernel listed after the last change."""
        return _read(self._live(backend)).partition("\n")[2]

    def loaded_at(self, backend: Backend) -> float | None:
        """Return when rules were loaded last, in seconds of the epoch: counted from then. None where that is unknown.

        The loader notes it, whatever runs it: a change, the rollback from one, or a boot.
        """
        with suppress(FileNotFoundError):
            return self._loaded(backend).stat().st_mtime
        return None

    def load_id(self, backend: Backend) -> str:
        """Return what no other load has, of when rules were loaded last; an empty text where that is unknown."""
        return _read(self._loaded(backend)).strip()

    def forget_load(self, backend: Backend) -> None:
        """Take the loader's note away, where what it loaded is gone again."""
        with suppress(FileNotFoundError):
            self._loaded(backend).unlink()

    def _loaded(self, backend: Backend) -> Path:
        return self._root / RUN_DIRECTORY / f"loaded.{backend.file_type}"

    def is_edited(self, backend: Backend) -> bool:
        """Return whether the ruleset of the next boot was edited by hand."""
        record = _read(self._live(backend))
        checksum = first_line(record).get("ruleset", record.partition("\n")[0])  # version 0.1.0 had nothing beside it
        return bool(record) and checksum != _checksum(self.ruleset(backend))

    def is_enabled(self, backend: Backend) -> bool:
        """Return whether our unit is as we wrote it and starts at boot (always, where there is no systemd)."""
        if not self.has_systemd():
            return True
        # systemd calls the unit enabled also where a script that it runs is gone or edited.
        beside = all(_read(path) == text for path, text in self._helpers(backend).items())
        beside = beside and self._fallback(backend).exists()
        return beside and _read(self._unit) == self._unit_text(backend) and self._wants.is_symlink()

    def prepare(self, backend: Backend, ruleset: str, live: str, fallback: str) -> None:
        """Write what ``keep`` puts in place, so that nothing can fail there for want of space."""
        texts = {
            self._fallback(backend): fallback,
            self._ruleset(backend): ruleset,
            self._live(backend): _record(ruleset, live),
            **self._helpers(backend),
        }
        if self.has_systemd() and _read(self._unit) != self._unit_text(backend):
            texts[self._unit] = self._unit_text(backend)
        for path, text in texts.items():
            self._write(_prepared(path), text)

    def keep(self, backend: Backend) -> UnitChange:
        """Keep what was prepared for the next boot; return what systemd has to do about it."""
        is_known = self._unit.exists()
        is_changed = _prepared(self._unit).exists()
        for path in (*self._files(backend), self._unit):
            with suppress(FileNotFoundError):
                _prepared(path).replace(path)
                fault_point(f"{path.stem} kept")
        fault_point("unit written")
        if not self.has_systemd():
            return UnitChange()
        # Our unit starts at boot, and is active now, also where it failed at the last one: as `systemctl enable --now`
        # does, in far more time.
        self._wants.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self._wants.symlink_to(f"/{UNIT_FILE}")
        return UnitChange(reload=is_known and is_changed, start=(UNIT,))

    def carry_out(self, changes: Sequence[UnitChange]) -> None:
        """Have systemd do all that changes of units take."""
        carry_out(self._run, changes)

    def rewrite(self, backend: Backend, ruleset: str, live: str) -> None:
        """Keep a ruleset in whose sets alone something is new, and what the kernel makes of it."""
        self._write(self._ruleset(backend), ruleset)
        self._write(self._live(backend), _record(ruleset, live))

    def give_up(self, backend: Backend) -> None:
        """Remove what was prepared."""
        for path in (*self._files(backend), self._unit):
            _remove(_prepared(path))

    def has(self, backend: Backend) -> bool:
        """Return whether there is any file of ours for a backend."""
        return any(path.exists() for path in self._files(backend))

    def forget(self, backend: Backend) -> None:
        """Remove our files for a backend."""
        self.give_up(backend)
        for path in self._files(backend):
            _remove(path)
            with suppress(OSError):  # it isn't there, or others keep a file in it
                path.parent.rmdir()

    def forget_unit(self) -> UnitChange:
        """Remove our unit; return what systemd has to do about it."""
        if not self._unit.exists():
            return UnitChange()
        if self.has_systemd():
            self._run(["systemctl", "disable", "--now", UNIT])
        _remove(self._unit)
        _remove(self._wants)
        return UnitChange(reload=self.has_systemd())

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
        ruleset, fallback = (f"/{BOOT_DIRECTORY}/{name}.{backend.file_type}" for name in ("ruleset", "fallback"))
        command = COMMAND.format(
            load=backend.load_command(ruleset), fallback=fallback, load_fallback=backend.load_command(fallback)
        )
        return UNIT_TEXT.format(command=command)


def _prepared(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _record(ruleset: str, live: str) -> str:
    """Return what the kernel listed, below the ruleset that it made it of."""
    return marked({**stamp(), "ruleset": _checksum(ruleset)}) + live


def _checksum(ruleset: str) -> str:
    return hashlib.sha256(ruleset.encode()).hexdigest()


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _read(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
