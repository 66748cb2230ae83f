# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A module of ours on a host without Ansible's part of it, which takes longer to import than ours to do its work.

The controller sends our modules and the arguments by the connection: see ``_controller/alone.py``. What is done is the
same. To compile our modules takes as long as all else, so what came of it is kept until the next boot, where root alone
can change it, beside scripts that root runs.
"""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.commands import find, run
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import ANSWER
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.steps import answer_of, info, step

MODULES = {"ruleset_info": info, "ruleset_step": step}


class Alone:
    """What our modules ask of AnsibleModule, from the standard library."""

    def __init__(self, params: Mapping[str, Any], diff: bool) -> None:
        """Keep the arguments, of which the controller has made sure."""
        self.params = params
        self._diff = diff

    def run_command(
        self, args: list[str], data: str | None = None, environ_update: Mapping[str, str] | None = None, **_how: Any
    ) -> tuple[int, str, str]:
        """Run a command; return exit code, standard output and standard error. Raises OSError where there is none."""
        return run(args, data, environ_update or {})

    def get_bin_path(self, arg: str, **_how: Any) -> str | None:
        """Return the full path of a command, if there is one."""
        return find(arg)

    def atomic_move(self, src: str, dest: str) -> None:
        """Put a file in another's place; both are in one folder."""
        Path(src).replace(dest)


def main(asked: Mapping[str, Any], packed: str) -> None:
    """Do what the controller asks for, and print the answer. ``packed`` is the path of our modules as they came."""
    module = Alone(asked["params"], asked["diff"])
    sys.stdout.write(f"\n{ANSWER}{json.dumps(answer_of(MODULES[asked['module']], module))}\n")
    sys.stdout.flush()
    kept = Path(asked["kept"])
    if packed != asked["kept"] and kept.parent.is_dir():
        with suppress(OSError):  # it would save time, and is no more than that
            keep(packed, kept)


def keep(packed: str, kept: Path) -> None:
    """Write our modules beside what Python makes of them, in place of those of other versions; may raise OSError."""
    handle, temporary = tempfile.mkstemp(dir=kept.parent, prefix=".modules-")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(packed) as sources, zipfile.ZipFile(file, "w") as target:
            for path in sources.namelist():
                source = sources.read(path)
                target.writestr(zipfile.ZipInfo(path), source, zipfile.ZIP_DEFLATED)
                target.writestr(zipfile.ZipInfo(f"{path}c"), _compiled(source, f"{kept}/{path}"))
        Path(temporary).replace(kept)
    except OSError:
        Path(temporary).unlink()
        raise
    for other in kept.parent.glob("modules-*"):
        if other != kept:
            other.unlink()


def _compiled(source: bytes, path: str) -> bytes:
    """Return what Python imports without a look at the source (PEP 552); another release compiles that instead."""
    code = marshal.dumps(compile(source, path, "exec", dont_inherit=True))
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + code
