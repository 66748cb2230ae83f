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


def note_lists_of_roles(play: Any, task: Any, problems: Problems) -> None:
    """Note what the roles of a play, and those that they depend on, say of the model by named lists and files."""
    for name, place, found in _variables(play, task):
        for key in (key for key in found if list_of(key) or key == KEY):
            problems.add(Where(key, f"{place} of role {name}"), plain(found[key]), OF_NO_ROLE)


def _variables(play: Any, task: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    own = internals.role(task)
    roles = [*play.roles, *([own, *task.get_dep_chain()] if own else [])]
    found = [one for role in roles for one in (*role.get_all_dependencies(), role)]
    for role in {id(one): one for one in found}.values():  # a role has no hash
        yield role.get_name(), "defaults", internals.role_defaults(role)
        yield role.get_name(), "vars", internals.role_vars(role)
