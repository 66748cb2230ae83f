# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The host names that sets of a ruleset depend on, and other addresses behind them than the ruleset has."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import VERSION
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import (
    FORMAT,
    elements_behind,
    in_order,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import body, read

Answers = Mapping[str, Sequence[str]]
"""Addresses, by the host names behind which they are."""


def with_answers(backend: Backend, ruleset: str, answers: Answers) -> str:
    """Return a ruleset with these addresses behind its host names, in its first line and its sets."""
    header = read(ruleset)
    if not any(one.name in answers for one in header.names):
        return ruleset
    names = tuple(replace(one, addresses=tuple(in_order(answers.get(one.name, one.addresses)))) for one in header.names)
    elements = elements_behind(names)
    sets = tuple(replace(one, elements=elements.get(one.name, one.elements)) for one in header.sets)
    written = replace(header, format=FORMAT, version=header.version or VERSION, names=names, sets=sets)
    return written.line() + backend.with_elements(body(ruleset), elements)


def rules_alone(backend: Backend, ruleset: str) -> str:
    """Return a ruleset without addresses in its sets and behind its names, and without the version that rendered it."""
    header = read(ruleset)
    names = tuple(replace(one, addresses=()) for one in header.names)
    sets = tuple(replace(one, elements=()) for one in header.sets)
    line = replace(header, version="", names=names, sets=sets).line()
    return line + backend.with_elements(body(ruleset), dict.fromkeys(header.elements, ()))


def is_same(one: str, other: str) -> bool:
    """Return whether two rulesets differ in nothing, or in nothing but the version that rendered them."""
    if one == other:
        return True
    # A new release that renders the same rules is no reason to load them again.
    headers = [replace(read(text), version="") for text in (one, other)]
    return headers[0] == headers[1] and body(one) == body(other)
