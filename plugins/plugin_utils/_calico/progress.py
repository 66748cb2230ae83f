# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Steps taken in batches: each is worked out anew from what is there by then, and read back before the next one.

So an object that changes meanwhile is never overwritten unseen. What the datastore keeps under another name, or with
other contents than it was sent, is found while the host endpoints of before still have their policies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from .._values.problems import GatehouseError, Problems
from .felix import beaten
from .names import FELIX, Object, is_ours
from .step import APPLY, DELETE, Key, Step, adds_only, key_of, meaning, plain_key_of
from .steps import HOST_ENDPOINT, rivals, steps
from .traps import uncovered
from .verdict import Cluster

Write = Callable[[Sequence[Step], Collection[str]], Sequence[Object]]
"""Takes the steps of one batch, and returns the objects of some kinds as they are then."""

_MOST_NAMES = 10
_MOST_TRIES = {FELIX: 2}  # the second one is for what a server fills in


class CalicoError(GatehouseError):
    """The datastore has something else than it was asked for, or what is there can't be changed."""


@dataclass
class Plan:
    """What is to be done by now, and what the user has to know of it."""

    steps: list[Step]
    warnings: list[str]


def plan(
    wanted: Sequence[Object], existing: Sequence[Object], problems: Problems, sent: dict[Key, Object] | None = None
) -> Plan:
    """Return what to do, in order; note what keeps it from being done."""
    found = steps(wanted, existing, problems, sent)
    return Plan(found, [*rivals(wanted, existing, problems), *beaten(wanted, existing)])


@dataclass
class Progress:
    """What has been done so far, and what is there by now."""

    wanted: Sequence[Object]
    existing: list[Object]
    done: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _tries: dict[Key, int] = field(default_factory=dict)

    def carry_out(self, write: Write) -> None:
        """Take all steps, batch by batch; raise CalicoError where one can't be taken, or has had no effect."""
        while True:
            left = self._left()
            if not left:
                return
            phases = [list(run) for _phase, run in groupby(left, key=lambda step: step.phase)]
            # Read back: what this batch has written, and what the next one will be worked out from.
            kinds = {run[0].wanted["kind"] for run in phases[:2]}
            self._count(phases[0])
            found = write(phases[0], kinds)
            self.done += phases[0]
            self.existing = [*(one for one in self.existing if one["kind"] not in kinds), *found]

    def _left(self) -> list[Step]:
        problems = Problems()
        sent = {plain_key_of(step.wanted): step.wanted for step in self.done if step.action == APPLY}
        found = plan(self.wanted, self.existing, problems, sent)
        if problems.found:
            raise CalicoError("\n".join(str(problem) for problem in problems.found))
        return [step for step in found.steps if not self._is_settled(step, sent.get(plain_key_of(step.wanted)))]

    def _is_settled(self, step: Step, sent: Object | None) -> bool:
        """Return whether a step would only send again what the server has added something to."""
        if sent is None or step.before is None or meaning(sent) != meaning(step.wanted):
            return False
        if not adds_only(meaning(sent), meaning(step.before)):
            return False
        line = f"Calico adds something to {step.name} that this version doesn't know: each run will send it again"
        self.warnings += [] if line in self.warnings else [line]
        return True

    def _count(self, batch: Iterable[Step]) -> None:
        for step in batch:
            key = (f"{step.action} {step.wanted['kind']}", step.wanted["metadata"]["name"])
            self._tries[key] = self._tries.get(key, 0) + 1
            if self._tries[key] > _MOST_TRIES.get(step.wanted["kind"], 1):
                raise CalicoError(_without_effect(step))


def _without_effect(step: Step) -> str:
    if step.action == DELETE:
        return f"{step.name} was deleted, and is still there"
    return f"{step.name} was applied, and {'is something else' if step.before else 'is not there'} when read back"


def in_force(wanted: Sequence[Object], existing: Sequence[Object]) -> str:
    """Say how much of what is wanted is in force, and whether host endpoints of ours have their policies."""
    problems = Problems()
    names = [f"{step.name} (to be {step.word})" for step in steps(wanted, existing, problems)]
    names += [f"{problem.where.origin} {problem.got} (refused)" for problem in problems.found]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    missing = f"all but {', '.join(names[:_MOST_NAMES])}{more}" if names else "all of it"
    return f"In force now is {missing}. {_coverage(existing)}"


def _coverage(existing: Sequence[Object]) -> str:
    cluster = Cluster([one for one in existing if is_ours(one)])
    endpoints = cluster.of_kind(HOST_ENDPOINT)
    bare = [(key_of(one)[1], directions) for one in endpoints if (directions := uncovered(cluster, one))]
    if bare:
        named = ", ".join(f"{name} ({' and '.join(directions)})" for name, directions in bare)
        return f"These host endpoints of ours have no policy, and let nothing but failsafes through: {named}"
    return "Every host endpoint of ours has its policies" if endpoints else "There is no host endpoint of ours"
