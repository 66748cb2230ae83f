# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The files of a plan: each host's ruleset, and what there is once for the fleet, written together or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from .._values.problems import Problems, Where

_FILE_NAME = re.compile(r"(?!-|\.+$)[^/\x00-\x1f\x7f]+")
_EXPECTED = "a name that a file can have, for its file in the plan: no slash in it, no dash first, and more than dots"


def note_names(hosts: Iterable[str], problems: Problems) -> None:
    """Note the inventory names that are no names of files: they would lead out of the folder, or to nothing."""
    for host in hosts:
        if not _FILE_NAME.fullmatch(host):
            problems.add(Where("inventory_hostname"), host, _EXPECTED)


def host_files(host: str, backend: str, ruleset: str, iptables_ruleset: Mapping[str, str]) -> dict[str, str]:
    """Return the files of one host's ruleset, by name, for the backend that is asked for, or else the best."""
    texts = iptables_ruleset if backend == "iptables" else {"nft": ruleset}
    return {f"{host}.{ending}": text for ending, text in texts.items()}


def write_files(directory: Path, files: Mapping[str, str], mode: int = 0o600) -> bool:
    """Write the files that differ from what is there: all of them, or none; return whether there were any.

    New ones have ``mode``. Raises OSError where that can't be done.
    """
    temporary: dict[Path, str] = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = directory / name
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            handle, temporary[path] = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        for path, written in temporary.items():
            Path(written).chmod(mode)
            Path(written).replace(path)
    except OSError:
        for written in temporary.values():
            Path(written).unlink(missing_ok=True)
        raise
    return bool(temporary)
