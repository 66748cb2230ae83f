# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whether classes and zones have lost so much of what a host holds of them that the inventory may be incomplete."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .._host_facts.reader import Answer
from .._host_rules.peer_sets import FAMILIES, is_everybody, members
from .._policy.compile import Policy
from .._values.problems import Problems, Where
from .._values.readers import Item

KEY = "gatehouse_accept_shrink"
MOST = 200
"""What a class or a zone may lose in one run, in 1000: a fifth."""
_ALL = 1000
_SHRUNK = (
    "The model has lost addresses that this host holds: {0}. Look whether the inventory is complete: a source that has "
    "failed, or a group that came back short, would close these out. If they are to go, set "
    "gatehouse_accept_shrink: [{1}]"
)


def shrinkage(policy: Policy, found: Mapping[str, Any], accepted: Collection[str]) -> str:
    """Return what to say of classes and zones that have lost too much; an empty text where none has.

    ``found`` is the result of a look at the host. A class or a zone that the policy has no use for any more has not
    shrunk. Raises AnswerError where the host's answer can't be read.
    """
    lost = sorted(_lost(policy, Answer(found)))
    names = dict.fromkeys(name for name, _words in lost if name not in accepted)
    return _SHRUNK.format(", ".join(words for name, words in lost if name in names), ", ".join(names)) if names else ""


def _lost(policy: Policy, answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield the name of each class and zone that has lost too much, and what that is."""
    known = members(policy)
    for row in answer.rows("lost"):
        peer, family, share = row.text("peer"), row.number("family"), row.number("share", _ALL)
        if share <= MOST or peer not in known or family not in FAMILIES:
            continue
        if not is_everybody(known[peer].of_family(family)):
            name = peer.partition(".")[0]
            held, percent = row.number("held"), -(-share // 10)
            yield name, f"{percent}% of the {held} of {peer} (IPv{family}), {row.text('example')} among them"


def accepted_names(value: object, known: Collection[str], problems: Problems) -> tuple[str, ...]:
    """Read the names of classes and zones that may lose any of their addresses; note those that are none."""
    names = [name.strip() for name in value.split(",")] if value and isinstance(value, str) else value
    return Item(Where(""), {KEY: names or []}, (KEY,), problems).references(KEY, known)
