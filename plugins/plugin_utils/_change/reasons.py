# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Why a host changes, or would: what its look has found, in a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...module_utils._contract.constants import KNOWN_PEERS
from .._host_facts.reader import Answer
from .._host_rules.peer_sets import CARRIED, NOT_FOR_CARRIED, members
from .._policy.compile import Policy
from .._values.addresses import network_text

_BY_HAND = "Its rules were changed by hand"
_WORDS = {
    "never_applied": "It had no ruleset of ours",
    "model_changed": "The model has changed",
    "table_gone": "Its rules were gone from the kernel",
    "boot_file_edited": "The ruleset of its next boot was edited, or gone",
    "unit_disabled": "Its boot unit was disabled, or edited",
    "watch_disabled": "Its timer that watches the rules was disabled, edited, or not there yet",
    "denied_unit_disabled": "A unit that saves its denials was disabled, or edited",
    "refresh_disabled": "Its timer for host names was disabled, or edited",
    "another_manager": "A competing firewall service is taken over",
    **dict.fromkeys(("rule_added", "rule_removed", "rule_changed", "address_added", "address_removed"), _BY_HAND),
    "jump_not_first": "Rules of others stood before ours",
}
_CARRIED = {CARRIED: "those behind the host", NOT_FOR_CARRIED: "what those behind the host are excepted from"}
_OTHERS = "peers that no flow of it is for"
_ONLY_WORDS = "Only names or comments in its ruleset have changed"


def reasons(found: Mapping[str, Any], policy: Policy | None) -> list[str]:
    """Return each reason for which a host that was looked at changes; ``found`` is the look's result.

    Raises AnswerError where the host's answer can't be read.
    """
    addresses = [*_moved(Answer(found), policy)] if policy else []
    kinds = [one.text("kind") for one in Answer(found).rows("findings")]
    # Which addresses came and went says more than that the model has changed.
    known = dict.fromkeys(
        _WORDS[kind] for kind in kinds if kind in _WORDS and not (addresses and kind == "model_changed")
    )
    return [*known, *addresses] or [_ONLY_WORDS]


def _moved(answer: Answer, policy: Policy) -> Iterator[str]:
    names = {**{name: name for name in members(policy)}, **_CARRIED}
    rows = [*answer.rows("moved")]
    found = [(names[row.text("peer")], row) for row in rows if row.text("peer") in names]
    # What flows are for says more than which peers the host can name.
    known = [(_OTHERS, row) for row in rows if row.text("peer") in KNOWN_PEERS]
    for name, row in found or known:
        texts, count = [network_text(network) for network in row.networks("addresses")], row.number("count")
        more = f" and {count - len(texts)} more" if count > len(texts) else ""
        yield f"{name}: {', '.join(texts)}{more} {row.word('way', ('came', 'went'))}"
