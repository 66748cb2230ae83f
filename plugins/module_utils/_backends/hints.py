# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host lacks where its programs or its kernel refuse, and what to do."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_DENIED = re.compile(r"Operation not permitted|Permission denied|must be (run as )?root")
# nft says of a feature that the kernel lacks what it says of a file, too: so these words say "may".
_NOT_THERE = re.compile(
    r"Could not process rule: (No such file or directory|Operation not supported)|set type not supported"
    r"|missing kernel module|can't initialize ip6?tables table"
)
_NET_ADMIN = 12

NOT_ROOT = "This needs root: have the play use become."
NO_RIGHT = (
    "Root has no CAP_NET_ADMIN here, as in most containers: start the container with --cap-add=NET_ADMIN, or harden "
    "the machine that runs it instead."
)
NO_FEATURE = (
    "This kernel ({}) may lack a feature that the rules need: install the package with all of its modules "
    "(linux-modules-extra on Ubuntu, kernel-modules-extra in the RHEL family), or boot another kernel."
)


def hinted(error: str, status: Path = Path("/proc/self/status")) -> str:
    """Return what a program has said, and below it what the host lacks, where that is known.

    ``status`` is the file of the kernel that has this process's capabilities.
    """
    return "\n".join(filter(None, (error.strip(), _hint(error, status))))


def _hint(error: str, status: Path) -> str:
    if _DENIED.search(error):
        if os.geteuid() != 0:
            return NOT_ROOT
        return "" if _may_change_rules(status) else NO_RIGHT
    return NO_FEATURE.format(platform.release()) if _NOT_THERE.search(error) else ""


def _may_change_rules(status: Path) -> bool:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status.read_text(encoding="ascii"), re.MULTILINE)
    return not found or bool(int(found[1], 16) >> _NET_ADMIN & 1)
