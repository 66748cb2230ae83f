# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The compiled fleet of a run, for each task that asks for it.

Ansible runs each task in a process of its own, of which nothing is left but its result. So what one has compiled is in
a file for the next one, in Ansible's own folder of the run: only its owner can read it, and it goes with the run.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

from ansible import constants

from .._policy.compile import Fleet


def compiled_once(inputs: object, compile_fleet: Callable[[], Fleet]) -> Fleet:
    """Return what a task of this run has compiled of the same inputs (plain data), or compile it now."""
    path = Path(constants.DEFAULT_LOCAL_TMP, f"gatehouse-{hashlib.sha256(repr(inputs).encode()).hexdigest()}")
    if path.exists():
        kept: Fleet = pickle.loads(path.read_bytes())  # noqa: S301 - no other user can write there
        return kept
    fleet = compile_fleet()
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(pickle.dumps(fleet))
    unfinished.replace(path)
    return fleet
