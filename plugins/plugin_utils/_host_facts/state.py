# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the hosts have said of themselves, as ``ruleset_info`` returned it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._values.direction import DIRECTIONS
from .before import Before, read_before
from .observed import Observed, read_denied, read_observed
from .reader import Answer, AnswerError


@dataclass(frozen=True)
class Count:
    """What a host's kernel has counted of a flow in one direction: what asked for a connection and was let through."""

    flow: str
    direction: str
    packets: int
    bytes: int


@dataclass(frozen=True)
class HostState:
    """One host that was asked: why it didn't answer, or else its backend and how it differs from what it should be.

    It is ``unreadable`` where it did answer, but nothing that it could have got from us.

    ``usage`` is counted since ``in_force_since``, a time in ISO 8601; an empty text where the host can't tell.
    ``observed`` is what it would have denied, where it only observes; ``denied``, what it has, where it keeps that.
    ``before`` is the ruleset before the one in force, as far as the host knows it.
    """

    host: str
    silence: str = ""
    backend: str = ""
    findings: tuple[str, ...] = ()
    usage: tuple[Count, ...] = ()
    in_force_since: str = ""
    observed: Observed | None = None
    denied: Observed | None = None
    before: Before | None = None
    unreadable: bool = False

    @property
    def unallowed(self) -> Observed | None:
        """Return what the host has let through or denied without a flow; None where it keeps neither.

        It may observe in one direction, and keep what it denies in the other one.
        """
        if not self.observed or not self.denied:
            return self.observed or self.denied
        since = [self.observed.since, self.denied.since]
        return Observed(
            (*self.observed.seen, *self.denied.seen),
            (*self.observed.full, *self.denied.full),
            max(since) if all(since) else "",
        )


def read_state(host: str, result: Mapping[str, Any]) -> HostState:
    """Read the result that a host's look was registered with. One that can't be read is as good as none."""
    if result.get("unreachable") or result.get("failed"):
        return HostState(host, silence="not reached" if result.get("unreachable") else str(result.get("msg", "failed")))
    try:
        return _answered(host, Answer(result))
    except AnswerError as error:
        return HostState(host, silence=f"what it answers can't be read: {error}", unreadable=True)


def _answered(host: str, answer: Answer) -> HostState:
    return HostState(
        host,
        backend=answer.text("backend"),
        findings=tuple(finding.text("text") for finding in answer.rows("findings")),
        usage=tuple(map(_count, answer.rows("usage"))),
        in_force_since=answer.time_if_any("in_force_since"),
        observed=read_observed(answer.values),
        denied=read_denied(answer.values),
        before=read_before(answer.values),
    )


def _count(row: Answer) -> Count:
    return Count(row.text("flow"), row.word("direction", DIRECTIONS), row.number("packets"), row.number("bytes"))
