# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The unit and the timer that look every minute whether this host's rules are in force, between two runs."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import (
    BOOT_DIRECTORY,
    SANDBOX,
    WANTED_BY,
    Run,
    TimedUnit,
    UnitChange,
    Write,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.watch_script import SCRIPT

NAME = "gatehouse-watch"
PROGRAM = f"{BOOT_DIRECTORY}/watch.sh"
SECONDS = 60

# It asks the kernel for rules, which takes CAP_NET_ADMIN (and CAP_NET_RAW with iptables-legacy), and writes what it has
# seen: what systemd 247 knows of a sandbox leaves it no more than that. What loads rules again has none (+).
SERVICE = """\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=Look whether the rules of gatehouse's firewall are in force
After=gatehouse-firewall.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh /{program} look {arguments}
{heal}TimeoutStartSec=50s
LogLevelMax=notice
UMask=0022
RuntimeDirectory={name}
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW
NoNewPrivileges=yes
ProtectSystem=strict
ReadOnlyPaths=/run
ProtectHome=yes
"""
SERVICE += SANDBOX.format("AF_NETLINK AF_INET AF_INET6")
HEAL = "ExecStopPost=+/bin/sh /{program} heal {arguments}\n"
TIMER = f"""\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=Look whether the rules of gatehouse's firewall are in force

[Timer]
OnActiveSec={SECONDS}s
OnUnitInactiveSec={SECONDS}s
AccuracySec=1s

[Install]
WantedBy={WANTED_BY}
"""


class Watch:
    """The unit of one host, below ``root``; ``run`` and ``write`` are those of TimedUnit."""

    def __init__(self, run: Run, write: Write, has_systemd: bool, root: Path = Path("/")) -> None:
        """Keep the ways to run and to write."""
        units = {f"{NAME}.service": "", f"{NAME}.timer": WANTED_BY}
        self._unit = TimedUnit(PROGRAM, units, run, write, has_systemd, root)
        self._seen = root / f"run/{NAME}"

    def is_as_for(self, backend: Backend, ruleset: str) -> bool:
        """Return whether the host watches a ruleset as that wants it; an empty one is not watched."""
        return self._unit.is_there(partial(_texts, backend, read(ruleset).self_heal) if ruleset else None)

    def sync(self, backend: Backend, ruleset: str) -> UnitChange:
        """Have a ruleset watched; return what systemd has to do about it."""
        return self._unit.install(partial(_texts, backend, read(ruleset).self_heal))

    def forget(self) -> UnitChange:
        """Remove everything, with what was seen; return what systemd has to do about it."""
        change = self._unit.forget()
        shutil.rmtree(self._seen, ignore_errors=True)
        return change


def _texts(backend: Backend, self_heal: bool) -> tuple[bytes, ...]:
    arguments = backend.loader_arguments()
    heal = HEAL.format(program=PROGRAM, arguments=arguments) if self_heal else ""
    service = SERVICE.format(name=NAME, program=PROGRAM, arguments=arguments, heal=heal)
    return SCRIPT.encode(), service.encode(), TIMER.encode()
