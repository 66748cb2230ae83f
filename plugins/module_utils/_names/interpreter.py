# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Which Python runs our program as root on a host, and whether any other user can change what it does."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Run

SYSTEM = ("/usr/bin/python3", "/usr/libexec/platform-python")
_HOMES = ("/home/", "/root/", "/run/user/")
_LINKS = 40  # as many as the kernel follows
_OWN_LIBRARY = str(Path(os.__file__).parent)
_LIBRARY = "import os, sys; assert sys.version_info >= (3, 8); print(os.path.dirname(os.__file__))"


@dataclass(frozen=True)
class Interpreter:
    """A Python, and what of it others than root can change: an empty text where that is nothing."""

    path: str
    weakness: str = ""

    @property
    def is_in_a_home(self) -> bool:
        """Return whether it lies in a home directory."""
        return any(path.startswith(_HOMES) for path in (self.path, os.path.realpath(self.path)))


def interpreter(run: Run, own: str = sys.executable, system: Sequence[str] = SYSTEM) -> Interpreter:
    """Return the system's Python where it will do and only root can change it, or else the one that runs this.

    The system's stays where it is when virtual environments go, and is the same for every controller.
    """
    for path in system:
        if Path(path).exists() and not weakness(path):
            library = _library(run, path, own)
            if library and not weakness(library):
                return Interpreter(path)
    return Interpreter(own, weakness(own) or weakness(_OWN_LIBRARY))


def weakness(path: str) -> str:
    """Return the first file, folder or link on the way to a path that others than root can change, and how."""
    try:
        for step in _steps(Path(path)):
            found = step.lstat()
            if found.st_uid != 0:
                return f"{step} belongs to the user {found.st_uid}"
            if _is_writable(found.st_mode):
                return f"{step} has the mode {stat.S_IMODE(found.st_mode):04o}"
    except OSError as error:
        return f"{path} can't be followed: {error.strerror}"
    return ""


def _steps(path: Path) -> Iterator[Path]:
    """Yield whatever is gone through to find an absolute path."""
    place = Path("/")
    yield place
    waiting = [*reversed(path.parts)]
    links = 0
    while waiting:
        part = waiting.pop()
        place = place.parent if part == ".." else place / part
        yield place
        if place.is_symlink():
            links += 1
            if links > _LINKS:
                raise OSError(None, "too many links")
            waiting += reversed(Path(os.readlink(place)).parts)
            place = place.parent


def _is_writable(mode: int) -> bool:
    # A link's own mode means nothing. In a folder with the sticky bit, each file is its owner's alone.
    if stat.S_ISLNK(mode) or (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
        return False
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH))


def _library(run: Run, path: str, own: str) -> str:
    """Return where a Python has its standard library; nothing where it is too old."""
    if os.path.realpath(path) == os.path.realpath(own):
        return _OWN_LIBRARY
    code, output, _error = run([path, "-I", "-S", "-c", _LIBRARY], None)
    return output.strip() if code == 0 else ""
