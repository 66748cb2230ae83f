# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A plan that was reviewed, so that harden makes what it shows and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from .._values.problems import GatehouseError

FILE = "plan.json"
SCHEMA = 2
_SIDES = ("before", "after")
_MOVED = {
    "after": "the model lets {0} let through something else than when the plan was made",
    "before": "{0} lets through something else than when the plan was made",
}

UNPLANNED = "the plan leaves {0} as it is, and now it would change, although what it lets through would not"


class PlanError(GatehouseError):
    """A file that is no plan; the message says what was got and expected."""


@dataclass(frozen=True)
class Planned:
    """A host's part of a plan: whether it would change, and what it lets through before and after, in lines."""

    classes: tuple[str, ...]
    changed: bool
    before: tuple[str, ...]
    after: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return the part as it stands in the file."""
        sides = {"before": list(self.before), "after": list(self.after)}
        return {"classes": list(self.classes), "changed": self.changed, **sides}


@dataclass(frozen=True)
class Reviewed:
    """A plan, by host, as the difference that was shown."""

    hosts: Mapping[str, Planned]

    def refusal(self, host: str, difference: Mapping[str, str]) -> str:
        """Return why a host must not be changed by this difference; an empty text where it is what was planned."""
        if host not in self.hosts:
            return f"{host} is no part of the plan"
        for side in reversed(_SIDES):
            shown, found = getattr(self.hosts[host], side), difference[side].splitlines()
            if list(shown) != found:
                was, now = _first_difference(shown, found)
                return f"{_MOVED[side].format(host)}: then '{was}', now '{now}'"
        return "" if self.hosts[host].changed else UNPLANNED.format(host)


def _first_difference(planned: Sequence[str], found: Sequence[str]) -> tuple[str, str]:
    """Return the first line that is gone and the first that is new; of equal lines, the first that are out of order."""
    before, after = set(planned), set(found)
    gone = [line for line in planned if line not in after]
    new = [line for line in found if line not in before]
    if not gone and not new:
        return next(pair for pair in zip_longest(planned, found, fillvalue="nothing") if pair[0] != pair[1])
    return (gone or ["nothing"])[0], (new or ["nothing"])[0]


def planned(results: Mapping[str, Mapping[str, Any]], classes: Mapping[str, Sequence[str]]) -> dict[str, Planned]:
    """Return the plan of the hosts that have shown a difference, from what their look was registered with."""
    return {
        host: Planned(
            tuple(classes[host]),
            bool(result.get("changed")),
            *(tuple(result["diff"][side].splitlines()) for side in _SIDES),
        )
        for host, result in sorted(results.items())
        if result.get("diff")
    }


def plan_text(results: Mapping[str, Mapping[str, Any]], classes: Mapping[str, Sequence[str]]) -> str:
    """Return the same as the text of the file."""
    hosts = {host: one.as_data() for host, one in planned(results, classes).items()}
    return json.dumps({"schema": SCHEMA, "hosts": hosts}, indent=1) + "\n"


def read_plan(text: str) -> Reviewed:
    """Read the text of a plan; raise PlanError where it is none."""
    try:
        content = json.loads(text)
        schema = content["schema"]
        hosts = {str(name): _read(one) for name, one in content["hosts"].items()} if schema == SCHEMA else {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PlanError(f"got {text[:60]!r}, expected the {FILE} that plan writes into gatehouse_plan_dir") from error
    if schema != SCHEMA:
        raise PlanError(f"got a plan of schema {schema}, expected {SCHEMA}: plan again")
    return Reviewed(hosts)


def _read(host: Mapping[str, Any]) -> Planned:
    classes, *sides = (tuple(map(str, host[key])) for key in ("classes", *_SIDES))
    return Planned(classes, host["changed"] is True, *sides)
