# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""This host's commands, for what runs here without Ansible's part of a module: the refresh, and ``_host/alone.py``."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Mapping, Sequence

DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/local/sbin"]
"""Where the commands of the system's administrator are, whatever a user's PATH says."""


def find(command: str) -> str | None:
    """Return the full path of a command, if there is one."""
    return shutil.which(command, path=os.pathsep.join([*DIRECTORIES, os.environ.get("PATH", "")]))


def run(words: Sequence[str], text: str | None, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command with this beside the environment; return exit code, standard output and standard error.

    It reads ``text``, and nothing of this program's own input. Bytes that are no UTF-8 come as surrogates. Raises
    OSError where there is no such command.
    """
    # AnsibleModule.run_command, which is expected here, is the part of Ansible that these programs run without.
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        words,
        input=text or "",
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout, done.stderr
