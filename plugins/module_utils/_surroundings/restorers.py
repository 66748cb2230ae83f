# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What puts whole tables back at boot without being a product: units and scripts that a host's owner has written.

``iptables-restore`` replaces each table of its file, unless it is told ``--noflush``; ``flush ruleset`` clears all.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator

UNITS = ("etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_ENABLED = ("*.wants/*.service", "*.requires/*.service")
# What brings interfaces up runs these; the scripts among them have to be executable.
CONFIGURATION = ("etc/network/interfaces", "etc/network/interfaces.d/*")
SCRIPTS = (
    "etc/rc.local",
    "etc/network/if-pre-up.d/*",
    "etc/network/if-up.d/*",
    "etc/NetworkManager/dispatcher.d/*",
    "etc/NetworkManager/dispatcher.d/pre-up.d/*",
    "etc/networkd-dispatcher/*.d/*",
)
_LONGEST = 65536

_EXEC = re.compile(r"^Exec(?:Start|StartPre|StartPost)=(.*)$", re.MULTILINE)
_CONTINUED = re.compile(r"\\\n")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_RESTORES = re.compile(r"\bip6?tables(?:-nft|-legacy)?-restore\b(?!.*\s(?:-n|--noflush)\b)")
_FLUSHES = re.compile(r"\bnft\b[^\n;|&]*\bflush\s+ruleset\b")
_LOADS = re.compile(r"\bnft\s+(?:-\S+\s+)*?(?:-f|--file)[\s=]*([^\s'\"]+)")
_FLUSH_IN_FILE = re.compile(r"^\s*flush\s+ruleset\b", re.MULTILINE)
_PATH = re.compile(r"/[^\s'\"=;|&<>]+")


def restoring_units(root: Path) -> list[str]:
    """Return the enabled units whose commands, or the scripts that these name, put whole tables back."""
    folder = root / UNITS[0]
    names = {link.name for pattern in _ENABLED for link in folder.glob(pattern)}
    return sorted(name for name in names if _restores(_commands(root, name), root))


def restoring_scripts(root: Path) -> list[str]:
    """Return the files that do when an interface comes up, or at the end of the boot."""
    scripts = [path for path in _files(root, SCRIPTS) if os.access(path, os.X_OK)]
    found = [path for path in [*scripts, *_files(root, CONFIGURATION)] if _restores(_text(path), root)]
    return [f"/{path.relative_to(root)}" for path in found]


def _files(root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (path for path in sorted(root.glob(pattern)) if path.is_file())


def _commands(root: Path, name: str) -> str:
    """Return what a unit runs to start, with the scripts that it names."""
    template = re.sub(r"@.*(?=\.)", "@", name)
    units = (root / folder / template for folder in UNITS)
    path = next((one for one in units if _is_file(one)), None)
    drop_ins = [one for folder in UNITS for one in (root / folder / f"{template}.d").glob("*.conf")]
    text = "\n".join(_CONTINUED.sub(" ", _text(one)) for one in [*([path] if path else ()), *drop_ins])
    commands = "\n".join(_EXEC.findall(text))
    scripts = [_text(root / word.lstrip("/")) for word in _PATH.findall(commands)]
    return "\n".join([commands, *(script for script in scripts if script.startswith("#!"))])


def _restores(text: str, root: Path) -> bool:
    text = _COMMENT.sub("", text)
    if _RESTORES.search(text) or _FLUSHES.search(text):
        return True
    return any(_FLUSH_IN_FILE.search(_text(root / name.lstrip("/"))) for name in _LOADS.findall(text))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _text(path: Path) -> str:
    """Return what a short text has; an empty one for anything else, a program among them."""
    try:
        found = path.read_bytes() if path.is_file() and path.stat().st_size <= _LONGEST else b""
    except OSError:
        return ""
    return "" if b"\0" in found else found.decode("utf-8", "replace")
