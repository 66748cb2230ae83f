# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Commands that tell, between the load of a ruleset and its confirmation, whether this host still does its work."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import Any, Iterable, Mapping

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.commands import DIRECTORIES

LINES, BYTES = 10, 4000
"""How much of the end of a failed check's output is kept."""


def first_failure(checks: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Run checks, one after the other, until one fails; return that one's ``name``, ``why`` and ``output``, or None.

    A check has a ``name``, a ``command`` for the shell, and a ``timeout`` in seconds.
    """
    for check in checks:
        why, output = _outcome(check["command"], check["timeout"])
        if why:
            return {"name": check["name"], "why": why, "output": output}
    return None


def _outcome(command: str, seconds: float) -> tuple[str, str]:
    """Return why a command has failed, or an empty text, and the end of what it has printed."""
    places = os.pathsep.join([os.environ.get("PATH", ""), *DIRECTORIES])
    # To a file: what a command has left in the background may hold a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": places},
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"has not ended within {seconds} s", _end(output)
        return (f"has ended with exit code {code}" if code else ""), _end(output)


def _end(output: Any) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - BYTES))
    return "\n".join(output.read().decode(errors="replace").splitlines()[-LINES:])
