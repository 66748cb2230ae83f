# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How the controller reaches this host, as the host sees it: behind any bastion and any address translation."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def management_connection(proc: Path, process: int) -> dict[str, str | int] | None:
    """Return source, destination and port of the ssh connection that a process runs in; None where it isn't in one.

    sshd tells its sessions in SSH_CONNECTION (ssh(1), ENVIRONMENT); sudo drops it, so that ancestors are asked too.
    """
    words = _ssh_connection(proc, process)
    if len(words) != 4 or not words[3].isdigit():
        return None
    # The scope of a link-local address (%eth0) is the host's own name for a link, and no part of the address.
    return {"source": words[0].partition("%")[0], "destination": words[2].partition("%")[0], "port": int(words[3])}


def peer(proc: Path, process: int) -> str:
    """Return address and port of the other end of that connection, by which a new one is told from it; "" without."""
    return " ".join(_ssh_connection(proc, process)[:2])


def _ssh_connection(proc: Path, process: int) -> list[str]:
    while process > 1:
        with suppress(OSError):
            for entry in (proc / str(process) / "environ").read_bytes().split(b"\0"):
                if entry.startswith(b"SSH_CONNECTION="):
                    return entry.partition(b"=")[2].decode("ascii", "replace").split()
        process = _parent(proc, process)
    return []


def _parent(proc: Path, process: int) -> int:
    try:
        status = (proc / str(process) / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:")), 0)
