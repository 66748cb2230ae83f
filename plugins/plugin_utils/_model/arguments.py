# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The variables that roles and playbooks take, by their argument specs: which there are, and which values they take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from .._values.problems import Problems, Where, one_of
from .confirm_checks import KEY as CHECKS
from .confirm_checks import checks_at
from .soak import KEY as SOAK
from .soak import soak_at
from .sources import argument_specs

_BOOLEANS = re.compile(r"\s*(true|false|yes|no|on|off|[yntf10]|[10]\.0)\s*", re.IGNORECASE)  # Ansible's
_NUMBER = re.compile(r"\s*[+-]?\d+\s*")


_READERS: Mapping[str, Callable[[Where, object, Problems], object]] = {CHECKS: checks_at, SOAK: soak_at}
"""What knows more of a variable's values than its type says."""


@dataclass(frozen=True)
class Argument:
    """What a variable may be, as far as its own value alone can tell."""

    kind: str
    choices: tuple[str, ...] = ()

    def expected(self, value: object) -> str:
        """Return what was expected in place of a value; an empty text where it is right."""
        if self.choices:
            return "" if value in self.choices else one_of(self.choices)
        text = str(value)
        if self.kind == "bool":
            return "" if _BOOLEANS.fullmatch(text) else "true or false"
        if self.kind == "int":
            is_one = isinstance(value, int) or _NUMBER.fullmatch(text)
            return "" if is_one else "a whole number"
        return ""


@cache
def arguments() -> Mapping[str, Argument]:
    """Return all variables that the roles and the playbooks take."""
    options = [
        option
        for role in argument_specs()
        for entry_point in role["argument_specs"].values()
        for option in entry_point["options"].items()
    ]
    return {name: Argument(spec["type"], tuple(spec.get("choices", ()))) for name, spec in options}


def note_wrong(
    place: str, variables: Mapping[str, object], is_template: Callable[[object], bool], problems: Problems
) -> None:
    """Note what variables set in one place say that no role could take; templates are left to the roles."""
    for key in sorted(variables.keys() & arguments().keys()):
        value, where = variables[key], Where(key, place)
        if value is None or is_template(value):
            continue
        expected = arguments()[key].expected(value)
        if key in _READERS:
            _READERS[key](where, value, problems)
        elif expected:
            problems.add(where, value, expected)
