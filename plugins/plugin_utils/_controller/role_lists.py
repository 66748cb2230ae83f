# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Lists with names of their own, and model files, in the defaults or vars of roles: the model refuses them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._model.declaration import list_of
from .._model.model_files import KEY
from .._values.plain import plain
from .._values.problems import Problems, Where
from . import internals

OF_NO_ROLE = (
    "it in the inventory or on the command line: a ruleset must not depend on which playbook runs; a role brings a "
    f"file, which {KEY} of the inventory names"
)
_FOLDERS = ("defaults", "vars")


def note_lists_of_roles(play: Any, task: Any, task_vars: Mapping[str, Any], problems: Problems) -> None:
    """Note what the roles of a play, and those that they depend on, say of the model by named lists and files."""
    found = {(key, place): value for key, place, value in (*_loaded(play, task), *_included(task_vars))}
    for (key, place), value in found.items():
        if _is_refused(key):
            problems.add(Where(key, place), plain(value), OF_NO_ROLE)


def _loaded(play: Any, task: Any) -> Iterator[tuple[str, str, object]]:
    """Yield the variables of the roles that the play knows, each with its place."""
    own = internals.role(task)
    roles = [*play.roles, *([own, *task.get_dep_chain()] if own else [])]
    for role in (one for known in roles for one in (*known.get_all_dependencies(), known)):
        for folder, variables in zip(_FOLDERS, (internals.role_defaults(role), internals.role_vars(role))):
            yield from ((key, _place(folder, role.get_name()), value) for key, value in variables.items())


def _included(task_vars: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
    """Yield the variables of roles that tasks have included: the play of this task doesn't know these, but by name."""
    names = {name.rpartition(".")[2]: name for name in task_vars.get("ansible_play_role_names", ())}
    values = {key: task_vars[key] for key in task_vars if _is_refused(key)}
    folders = {key: internals.folder_of(value) for key, value in values.items()}
    for key, path in ((key, path) for key, folder in folders.items() if folder for path in (folder, *folder.parents)):
        if path.name in _FOLDERS and path.parent.name in names:
            yield key, _place(path.name, names[path.parent.name]), values[key]


def _is_refused(key: str) -> bool:
    return key == KEY or bool(list_of(key))


def _place(folder: str, role: str) -> str:
    return f"{folder} of role {role}"
