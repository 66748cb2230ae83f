# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Ansible's own actions, run by ours in the middle of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase


def run_builtin(action: ActionBase, name: str, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Any:
    """Run an action of ansible.builtin with these arguments where a task of ours runs; return its result."""
    task = action._task.copy()
    task.args = dict(arguments)
    found = action._shared_loader_obj.action_loader.get(
        f"ansible.builtin.{name}",
        task=task,
        connection=action._connection,
        play_context=action._play_context,
        loader=action._loader,
        templar=action._templar,
        shared_loader_obj=action._shared_loader_obj,
    )
    return found.run(task_vars=task_vars)
