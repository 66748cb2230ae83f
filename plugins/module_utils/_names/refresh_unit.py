# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The unit and the timer that run ``refresh`` on a host whose ruleset depends on host names, and the program itself."""

from __future__ import annotations

import inspect
import io
import zipfile
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Callable

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import Refresh
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import (
    BOOT_DIRECTORY,
    SANDBOX,
    WANTED_BY,
    Run,
    TimedUnit,
    UnitChange,
    Write,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._names import refresh
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.interpreter import Interpreter
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.questions import DIRECTORY

NAME = "gatehouse-refresh"
PROGRAM = f"{BOOT_DIRECTORY}/refresh.pyz"
PACKAGE = "ansible_collections.gatehouse.firewall.plugins.module_utils"
# All that refresh imports of ours, and these import.
MODULES = (
    "_backends.all",
    "_backends.backend",
    "_backends.commands",
    "_backends.hints",
    "_backends.iptables",
    "_backends.iptables_loader",
    "_backends.iptables_text",
    "_backends.loader_lock",
    "_backends.locks",
    "_backends.nft",
    "_backends.nft_loader",
    "_backends.observed_sets",
    "_backends.ownership",
    "_contract.constants",
    "_contract.format_0",
    "_contract.header",
    "_contract.kinds",
    "_contract.reader",
    "_kept.boot",
    "_kept.fault",
    "_kept.rollback",
    "_kept.timed_unit",
    "_kept.watch",
    "_kept.watch_script",
    "_names.answered",
    "_names.dns",
    "_names.host_names",
    "_names.judged",
    "_names.questions",
    "_names.refresh",
)
MAIN = f"""\
# Written by gatehouse.firewall: edits are lost at the next run.
from {refresh.__name__} import main

main()
"""

TIMEOUT = 180  # seconds: a round's questions, those begun last (refresh.py, dns.py), locks, and a big set

# What asks reads what strangers send, so it gets no more than it takes: what systemd 247 knows. It writes its answers
# to RuntimeDirectory, and to nothing that root runs or loads; newer systemds leave the rest of /run writable unless
# told. What keeps them has no sandbox (+), and reads no more of it than that file. -S: packages that users have
# installed are no part of either.
SERVICE = """\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=Ask again for the addresses behind the host names of gatehouse's firewall
After=gatehouse-firewall.service network-online.target nss-lookup.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={python} -I -S /{program} {ask}
ExecStartPost=+{python} -I -S /{program} {keep}
TimeoutStartSec={timeout}s
UMask=0077
RuntimeDirectory={directory}
RuntimeDirectoryMode=0700
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ReadOnlyPaths=/run
InaccessiblePaths=-/run/gatehouse
ProtectHome={home}
"""
SERVICE += SANDBOX.format("AF_INET AF_INET6")
TIMER = """\
# Written by gatehouse.firewall: edits are lost at the next run.
[Unit]
Description=Ask again for the addresses behind the host names of gatehouse's firewall

[Timer]
OnActiveSec=0s
OnUnitInactiveSec={seconds}s
AccuracySec=500ms

[Install]
WantedBy={wanted_by}
"""

WEAK = (
    "gatehouse-refresh.service runs as root with {0.path}, which others than root can change: {0.weakness}. Have the "
    "host's own Python 3.8 or newer at /usr/bin/python3, or put that right"
)


class RefreshUnit:
    """The unit of one host, below ``root``. The Python that runs the program is looked for where it is needed.

    ``run`` and ``write`` are those of TimedUnit.
    """

    def __init__(
        self, run: Run, write: Write, has_systemd: bool, find_python: Callable[[], Interpreter], root: Path = Path("/")
    ) -> None:
        """Keep the ways to run and to write."""
        units = {f"{NAME}.service": "", f"{NAME}.timer": WANTED_BY}
        self._unit = TimedUnit(PROGRAM, units, run, write, has_systemd, root)
        self._has_systemd = has_systemd
        self._find_python = find_python

    @property
    def weakness(self) -> str:
        """Return what there is to say of the Python that the unit runs; nothing where only root can change it."""
        return WEAK.format(self._python) if self._has_systemd and self._python.weakness else ""

    def is_there(self, wanted: Refresh | None) -> bool:
        """Return whether the host has what these bounds take, as we write it; with None, whether it has nothing."""
        return self._unit.is_there(None if wanted is None else partial(self._texts, wanted))

    def install(self, wanted: Refresh) -> UnitChange:
        """Have the names asked for, after each boot, too; return what systemd has to do about it."""
        return self._unit.install(partial(self._texts, wanted))

    def forget(self) -> UnitChange:
        """Remove all of it; there need not be any. Return what systemd has to do about it."""
        return self._unit.forget()

    @cached_property
    def _python(self) -> Interpreter:
        return self._find_python()

    def _texts(self, wanted: Refresh) -> tuple[bytes, ...]:
        service = SERVICE.format(
            python=self._python.path,
            program=PROGRAM,
            ask=refresh.ASK,
            keep=refresh.KEEP,
            timeout=TIMEOUT,
            directory=PurePosixPath(DIRECTORY).name,
            home="read-only" if self._python.is_in_a_home else "yes",
        )
        timer = TIMER.format(seconds=wanted.min_ttl, wanted_by=WANTED_BY)
        return program(), service.encode(), timer.encode()


def program() -> bytes:
    """Return the program as a zip file that Python runs: our modules, and nothing else."""
    files = {"__main__.py": MAIN.encode()}
    for name in MODULES:
        module = f"{PACKAGE}.{name}"
        files[f"{module.replace('.', '/')}.py"] = inspect.getsource(import_module(module)).encode()
    for folder in sorted({str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."}):
        files[f"{folder}/__init__.py"] = b""  # a package within a zip file needs one
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path, content in files.items():
            file.writestr(zipfile.ZipInfo(path), content)  # with no date but 1980: the same bytes every time
    return packed.getvalue()
