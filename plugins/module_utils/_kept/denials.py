# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host has denied: under the rules in force, as its kernel has it, and under those before, as it was saved.

``saver`` is the script that saves it. A timer runs that every ten minutes, and a unit of its own at shutdown, so that a
boot forgets ten minutes at most. Each change runs it, too. Without systemd, a boot forgets what was denied since the
last change.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Iterator, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend, FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import (
    Element,
    Observing,
    filled_as_saved,
    full_sets,
    keys_in_sets,
    merged,
    together,
    utc,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import DENIED_SECONDS, KNOWN
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.before import Before
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import LIVE_DIRECTORY
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.saver import SAVER
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import (
    BOOT_DIRECTORY,
    SANDBOX,
    WANTED_BY,
    Run,
    TimedUnit,
    UnitChange,
    Write,
)

NAME = "gatehouse-denied"
SCRIPT = f"{BOOT_DIRECTORY}/denied.sh"
LAST = f"{NAME}-at-shutdown.service"
FILE = f"{LIVE_DIRECTORY}/denied"

_UNITS = {f"{NAME}.service": "", f"{NAME}.timer": WANTED_BY, LAST: "multi-user.target"}
_INSTALL = """
[Install]
WantedBy={}
"""

# What is denied was sent by strangers, and their addresses and ports alone are read. It stops before what may flush the
# kernel's rules at shutdown.
_SERVICE = f"""\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=Save what gatehouse's firewall has denied{{when}}
After=gatehouse-firewall.service nftables.service iptables.service ip6tables.service netfilter-persistent.service

[Service]
Type=oneshot
{{how}}=/bin/sh /{SCRIPT} {{type}} {{tool}}
TimeoutSec=60s
UMask=0077
CapabilityBoundingSet=CAP_NET_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/{LIVE_DIRECTORY} -/run/gatehouse
ProtectHome=yes
{SANDBOX.format("AF_NETLINK AF_INET AF_INET6")}"""
_TIMER = f"""\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=Save what gatehouse's firewall has denied every ten minutes

[Timer]
OnActiveSec=10min
OnUnitInactiveSec=10min
AccuracySec=10s
{_INSTALL.format(WANTED_BY)}"""


@dataclass(frozen=True)
class Saved:
    """What was denied under rules that were loaded at a time, as it was at another; both in seconds since 1970."""

    load: str
    loaded: float
    at: float
    text: str


class Denials:
    """The script, the units and the file of one host, below ``root``.

    ``run`` takes a command and raises FirewallError where it fails; ``write`` replaces a file's content atomically.
    """

    script = SAVER

    def __init__(self, run: Run, write: Write, has_systemd: bool, root: Path = Path("/")) -> None:
        """Keep the ways to run and to write."""
        self._run = run
        self._units = TimedUnit(SCRIPT, _UNITS, run, write, has_systemd, root)
        self._file = root / FILE

    def is_as_for(self, backend: Backend | None) -> bool:
        """Return whether the host saves what this backend's rules deny, as we write it; with None, whether nothing."""
        return self._units.is_there(partial(self._texts, backend) if backend else None)

    def sync(self, backend: Backend | None) -> UnitChange:
        """Have what this backend's rules deny saved; with None, nothing. Return what systemd has to do about it."""
        return self._units.install(partial(self._texts, backend)) if backend else self.forget()

    def forget(self) -> UnitChange:
        """Remove all of it, and what was saved; there need not be any. Return what systemd has to do about it."""
        change = self._units.forget()
        self._file.unlink(missing_ok=True)
        return change

    def save(self, backend: Backend) -> None:
        """Save what the kernel is about to forget, with a change. Where that fails, it is lost, and nothing else."""
        with suppress(FirewallError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._run(["/bin/sh", "-c", self.script, "denied.sh", backend.file_type, backend.lister])

    def result(self, elements: Sequence[Element] | None, load: str, loaded_at: float | None) -> dict[str, Any]:
        """Return what modules return of a host that keeps what it denies, whose rules have come with a load.

        ``elements`` are what its kernel has, or None where the sets are gone. What was saved under the load counts then
        alone.
        """
        now = time.time()
        saved = [one for one in self._saved() if elements is None or one.load != load]
        rows: list[dict[str, Any]] = []
        for one in saved:
            rows = together(rows, merged(filled_as_saved(one.text), one.at))
        live = _denied(elements or [])
        rows = together((row for row in rows if _counts(row, now)), merged(live, now))
        times = [*(one.loaded for one in saved), *([] if loaded_at is None else [loaded_at])]
        return {
            # ipset and nft forget a key's count before they forget the key.
            "denied": [{**row, "packets": max(1, row["packets"])} for row in rows],
            "denied_full": full_sets(live),
            "denied_keys": keys_in_sets(live),
            "denied_since": utc(min(times)) if times else "",
        }

    def _texts(self, backend: Backend) -> tuple[bytes, ...]:
        last = _INSTALL.format(_UNITS[LAST])
        what = {"type": backend.file_type, "tool": backend.lister}
        texts = (
            self.script,
            _SERVICE.format(when="", how="ExecStart", **what),
            _TIMER,
            _SERVICE.format(when=" at shutdown", how="RemainAfterExit=yes\nExecStop", **what) + last,
        )
        return tuple(text.encode() for text in texts)

    def _saved(self) -> Iterator[Saved]:
        """Yield what was saved; what can't be read says nothing."""
        for block in f"\n{_read(self._file)}".split("\nload ")[1:]:
            head, _newline, text = block.partition("\n")
            with suppress(ValueError):
                load, loaded, at = head.split(" ")
                yield Saved(load, float(loaded), float(at), text)


@dataclass(frozen=True)
class Remembered:
    """What a host remembers of what no flow allows: where it only observed, where it denied, and what it had before."""

    observing: Observing
    denials: Denials
    before: Before


def _denied(elements: Sequence[Element]) -> list[Element]:
    return [one for one in elements if one.peers]


def _counts(row: dict[str, Any], now: float) -> bool:
    """Return whether a row is of a time that is not over: strangers are forgotten sooner than peers of the fleet."""
    seconds = DENIED_SECONDS[KNOWN] if row["known"] else min(DENIED_SECONDS.values())
    return str(row["last"]) >= utc(now - seconds)


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
