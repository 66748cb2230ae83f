# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What is said of a change that was confirmed in another way than over a new connection, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OVER_NETWORK = ("ssh", "paramiko", "paramiko_ssh", "libssh")
"""Connection plugins that reach a host over the network, and that begin anew when they are reset."""

NOT_NEW = (
    "Confirmed, but not over a new connection: the connection plugin {0} can't make one, or makes none over the "
    "network. Whether the host can still be reached was not tried"
)
NOT_RUN = "Not run in check mode, as nothing was loaded: {0}. A change is confirmed once these succeed"
LOST = "The host has confirmed the change, but its answer was lost"
_SAME_CONNECTION = (
    "{0} s after the change the host still saw the connection over which it was loaded, from {1}, although that was "
    "reset: something else keeps it open (ControlMaster in ssh's own configuration?). Only a new one confirms a "
    "change, {2}"
)
_FAILED_CHECK = "The check {0} {1}, so that the change was not confirmed: {2}."
_TOO_LATE = (
    "The confirmation came too late, more than {0} s after the rollback was armed: {1}. Something has stalled, "
    "or the new ruleset has refused the connection until then. {2}."
)
_DUE = "so that its own rollback was due"
# What hosts say of themselves.
WAITS, UNDER_WAY = "waits", "is under way"
CONFIRMED_LAST, NONE_OF_OURS = "the ruleset confirmed last is in force", "no rules of ours are in force"
_BACK = {CONFIRMED_LAST: "its previous ruleset", NONE_OF_OURS: "no rules of ours"}


def is_another(answer: Mapping[str, object]) -> bool:
    """Return whether a host that was asked to confirm has seen another connection than the one before."""
    return "same_connection" not in answer


def is_over(seen: Mapping[str, object]) -> bool:
    """Return whether a host that was looked at has no rollback before it."""
    return bool(seen.get("failed")) or seen["rollback"] not in (WAITS, UNDER_WAY)


def unreached(management: Mapping[str, object] | None, timeout: int) -> str:
    """Return the words on a host that wasn't reached over a new connection."""
    source = f" from {management['source']} at port {management['port']}/tcp" if management else ""
    return f"The host could not be reached{source} over a new connection within {timeout} s of the change"


def not_confirmed(
    answer: Mapping[str, Any],
    seen: Mapping[str, object] | None,
    timeout: int,
    grace: int,
    unreached: str,
    reason: str,
) -> tuple[bool, str]:
    """Return whether the host has gone back to what it had, as far as is known, and what to say of it.

    ``answer`` is what it said of the confirmation, if anything, and ``seen`` what it has now, if it answers.
    """
    if "failed_check" in answer:
        return bool(answer["gone_back"]), _failed_check(answer["failed_check"], answer["after"])
    if "too_late" in answer:
        return bool(answer["gone_back"]), _TOO_LATE.format(timeout, answer["too_late"], reason)
    gone_back, outcome = _outcome(seen, grace)
    if "same_connection" in answer:
        return gone_back, f"{_SAME_CONNECTION.format(timeout, answer['same_connection'], outcome)}."
    return gone_back, f"{unreached}, {outcome}. {reason}."


def _failed_check(check: Mapping[str, str], after: str) -> str:
    first = _FAILED_CHECK.format(check["name"], check["why"], after)
    return f"{first} Its last lines:\n{check['output']}" if check["output"] else f"{first} It has printed nothing"


def _outcome(seen: Mapping[str, object] | None, grace: int) -> tuple[bool, str]:
    if seen is None:
        return False, f"{_DUE}. It doesn't answer within {grace} s either: look at it on its console"
    if seen.get("failed"):
        return False, f"{_DUE}. Asked what it has now, the host says: {seen.get('msg')}"
    before = _BACK.get(str(seen["in_force"]))
    if before and not seen["rollback"]:
        return True, f"so it has gone back to {before} by itself. It answers again"
    state = f"its rollback {seen['rollback']}, and " if seen["rollback"] else ""
    return False, f"{_DUE}: {state}{seen['in_force']}. It answers again"
