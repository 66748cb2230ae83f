# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Locks that only root can take, and no wait without a bound.

The file lies in a folder that no other user can enter: a lock on what others can open (a namespace's file, say) can be
held by any of them. It has the name of its holder, for a message where one of us waits in vain. A rollback waits for no
lock, which is why the kernel decides between that and its change: see ``rollback``.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Iterator

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError


class BusyError(FirewallError):
    """Another of us holds the lock; the message says which."""


PATIENCE = 10.0
"""For so many seconds one of us waits for another."""
_PAUSE = 0.05


@contextmanager
def held(path: Path, purpose: str, seconds: float = PATIENCE) -> Iterator[None]:
    """Hold a lock; raise BusyError, which names its holder, where that takes longer."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkdir's mode counts for a new folder alone: an older one might let others in.
    path.parent.chmod(0o700)
    with _taken(path, purpose, time.monotonic() + seconds, seconds) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} ({purpose})\n")
        file.flush()
        yield


@contextmanager
def held_if_ours(path: Path, purpose: str) -> Iterator[None]:
    """Hold a lock whose folder is there; where it isn't, nothing of ours was ever changed."""
    if not path.parent.is_dir():
        yield
        return
    with held(path, purpose):
        yield


def _taken(path: Path, purpose: str, deadline: float, seconds: float) -> IO[str]:
    # flock(2) has no timeout, so this asks again and again.
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+", encoding="utf-8")
        if _is_ours(file, path):
            return file
        holder = file.read().strip() or "a process that has not said which"
        file.close()
        if time.monotonic() > deadline:
            raise BusyError(
                f"this run ({purpose}) has waited {seconds:.0f} s for {holder}, which holds {path}: try again when "
                "that process has ended; one that hangs has to be ended first"
            )
        time.sleep(_PAUSE)


def _is_ours(file: IO[str], path: Path) -> bool:
    """Take the lock if it is free; one whose file was removed meanwhile is worth nothing."""
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
