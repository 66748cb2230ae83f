# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The fleet that a play's variables declare, for the tasks that ask something about all of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from .._model.declaration import declare
from .._model.detected_options import with_detected
from .._model.model import Model
from .._model.sources import load_profile, look_up
from .._pipeline import compile_model, hosts_to_read, read
from .._policy.compile import Fleet
from .._values.problems import ModelError, Problems, Where
from .kept_fleet import compiled_once
from .variables import FleetVariables

_IS_THIS_IT = "is this the inventory (-i) that is meant, and are its group_vars beside it?"


class FleetAction(ActionBase):
    """A task about the whole fleet, which it knows from the inventory: it asks no host."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def variables(self, task_vars: Mapping[str, Any], problems: Problems) -> FleetVariables:
        """Return the variables of all groups and hosts; note those that are set where they don't count."""
        found = FleetVariables(self._task, task_vars, self._loader, self._templar, problems)
        found.note_problems()
        return found

    def fleet(self, task_vars: Mapping[str, Any]) -> Fleet:
        """Return the compiled fleet; fail with every problem of the model."""
        problems = Problems()
        return compiled(self.variables(task_vars, problems), problems)

    @staticmethod
    def directory(arguments: Mapping[str, Any], variables: FleetVariables) -> str | None:
        """Return the directory that a task names, or that the variable has whose name it says in its place."""
        name = arguments["directory_of"]
        path: str | None = arguments["directory"] or (variables.path(name) if name else None)
        return path


@contextmanager
def failing_on(problems: Problems) -> Iterator[Problems]:
    """Fail the task with every problem that was noted or raised inside."""
    try:
        yield problems
        problems.raise_if_any()
    except ModelError as error:
        raise AnsibleActionFail(str(error)) from error


def compiled(
    variables: FleetVariables,
    problems: Problems,
    detected: Mapping[str, object] | None = None,
    may_be_empty: bool = False,
) -> Fleet:
    """Return the fleet that the variables declare, with options that were found out.

    It has at least one host or class of pods, unless it may be empty.
    """
    with failing_on(problems):
        declaration = with_detected(declare(variables.sources(), load_profile, problems), detected or {})
        model, today = read(declaration, problems), datetime.date.today()
        inventory = variables.inventory(hosts_to_read(declaration, model, variables.groups))

        def compile_now() -> Fleet:
            return compile_model(declaration, model, inventory, look_up, today, problems)

        fleet = compile_now() if problems.found else compiled_once((declaration, inventory, today), compile_now)
        if not fleet.sets and not fleet.resolved.model.pods and not may_be_empty:
            classes = [row.value for row in declaration.user.classes]
            problems.add(
                Where("gatehouse_classes"), classes or None, "a class with a host of the inventory", _IS_THIS_IT
            )
    return fleet


def declared_model(variables: FleetVariables, problems: Problems) -> Model:
    """Return the model that the variables declare, without looking up any name of it."""
    with failing_on(problems):
        return read(declare(variables.sources(), load_profile, problems), problems)
