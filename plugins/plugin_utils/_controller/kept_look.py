# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a task has seen of a canary, for the next one: a host that is where it should be is looked at once in a run.

It is in a file as the compiled fleet is: see ``kept_fleet``.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants

OUTDATED = 60  # seconds after which a host is looked at again


class KeptLook:
    """What was seen of one host, where it was asked the same (plain data)."""

    def __init__(self, host: str, asked: Mapping[str, Any]) -> None:
        """Find its file."""
        digest = hashlib.sha256(json.dumps([host, asked], sort_keys=True, default=str).encode()).hexdigest()
        self._path = Path(constants.DEFAULT_LOCAL_TMP, f"gatehouse-look-{digest}")

    def keep(self, found: Mapping[str, Any]) -> None:
        """Keep what was seen now."""
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        # Ansible's own warnings may be objects; nothing asks for them.
        unfinished.write_text(json.dumps(found, default=str), encoding="utf-8")
        unfinished.replace(self._path)

    def take(self) -> dict[str, Any] | None:
        """Return what was seen, for once; None where nothing was, or too long ago."""
        try:
            age = time.time() - self._path.stat().st_mtime
            found: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
            self._path.unlink()
        except OSError:
            return None
        return found if 0 <= age <= OUTDATED else None
