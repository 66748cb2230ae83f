# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whether a host that has changed denies peers of the fleet what it did not deny before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._host_facts.before import DENIED, Before, read_before
from .._host_facts.observed import Observed, Seen, read_denied, read_observed
from .._host_facts.reader import Answer
from .._values.addresses import Address

_SHOWN = 5
NEWLY_DENIED = (
    "Since its change, this host denies peers of the fleet what it did not deny before: {0}. Its ruleset is confirmed "
    "and stays in force. If they should pass, add a flow for them; playbook denied says which. If they should not, run "
    "harden again: what is denied already no longer counts"
)


def newly_denied(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what to say of a host by its looks before and after a change; an empty text where all is as it was.

    Peers of the fleet are those of which the host says that a class or a zone other than everybody has them. What it
    only observed before counts as denied. So does what the rules surely denied that the change has replaced, whether
    anything came or not. Raises AnswerError where one of the looks can't be read.
    """
    nothing, replaced = Observed(), _replaced(before, after)
    known = {_key(seen) for found in (read_observed(before), read_denied(before)) for seen in (found or nothing).seen}
    rows = zip((read_denied(after) or nothing).seen, Answer(after).rows("denied"))
    new = [seen for seen, row in rows if row.flag("known") and _key(seen) not in known]
    new = [seen for seen in new if not replaced or replaced.of(seen).verdict != DENIED]
    more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
    return NEWLY_DENIED.format(", ".join(map(_words, new[:_SHOWN])) + more) if new else ""


def _replaced(before: Mapping[str, Any], after: Mapping[str, Any]) -> Before | None:
    """Return the rules that a change has replaced, if it has replaced any and they are known."""
    earlier, found = read_before(before), read_before(after)
    # Of addresses alone, a change leaves what the host keeps of the rules before: those of an earlier change.
    return found if found and (not earlier or earlier.until != found.until) else None


def _key(seen: Seen) -> tuple[str, Address, str, int]:
    # Whether it is judged before DNAT or behind may be what has changed.
    return (seen.way, seen.address, seen.protocol, seen.port)


def _words(seen: Seen) -> str:
    return f"{seen.what} {'to' if seen.way == 'egress' else 'from'} {seen.address}"
