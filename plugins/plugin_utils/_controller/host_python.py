# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The Python of a host on which a module ends without an answer, where that Python is too old."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

OLDEST = (3, 8)
TOO_OLD = (
    "The host's Python ({}) is {}, and hosts need 3.8 or later: install one there, and set ansible_python_interpreter "
    "to its path. Nothing was changed"
)
_OF_A_CRASH = ("exception", "module_stderr", "module_stdout")


def with_reason(action: ActionBase, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a module's result; where an old Python is why there is none, with a message in place of a traceback."""
    if not result.get("failed") or "module_stderr" not in result:
        return dict(result)
    message = _reason(action)
    if not message:
        return dict(result)
    return {**{key: value for key, value in result.items() if key not in _OF_A_CRASH}, "msg": message}


def _reason(action: ActionBase) -> str:
    python = (action._used_interpreter or "").lstrip("#!")
    # Any Python understands this. Where there is none, Ansible says so itself.
    asked = action._low_level_execute_command(f"{python} -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'")
    version = asked["stdout"].strip()
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    return TOO_OLD.format(python, version) if () < numbers < OLDEST else ""
