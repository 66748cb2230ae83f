# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a model must keep to: checked over all addresses and ports before anything is applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from .._model.model import Declared
from .._values.ports import PortSet
from .._values.problems import Problems, Where
from .._values.readers import Item, rows
from .endpoints import Ends
from .explain import explain
from .reach import Party, Port, ReachablePair, are_enforced, ports_that_differ, reachable_pairs

_KEYS = ("deny", "allow", "to", "port", "if_any", "why")

_Find = Callable[[Where, object, Problems], Party]


@dataclass(frozen=True)
class Assertion:
    """None, or all, of these senders reach any of the receivers on these ports."""

    allow: bool
    senders: tuple[Party, ...]
    receivers: tuple[Party, ...]
    ports: PortSet
    why: str = ""


def check_assertions(declared: Sequence[Declared], ends: Ends, problems: Problems) -> None:
    """Note each assertion that doesn't hold, with one packet that shows it."""
    for row in declared:
        item = Item(row.where, row.value, _KEYS, problems)
        assertion = _read(item, ends) if item.is_mapping else None
        if not assertion:
            continue
        for pair, port in islice(_broken(assertion, ends), 1):  # one packet is enough
            source, target = pair.sample()
            expected = f"that {'no' if pair.passes else 'every'} packet passes there{_so_that(assertion)}"
            words = f"{source} -> {target}, {port}: {'passes' if pair.passes else 'denied'}"
            problems.add(row.where, words, expected, _because(pair, port, ends))


def _read(item: Item, ends: Ends) -> Assertion | None:
    known = len(item.problems.found)
    verbs = [key for key in ("deny", "allow") if item.has(key)]
    if len(verbs) != 1:
        item.problems.add(item.where, item.raw("why"), "either deny or allow, which says who")
        return None
    why = item.text("why")
    ports = item.ports("port")
    if not ports:
        item.problems.add(item.place("port"), item.raw("port"), "ports such as 2376/tcp, or all")
    if item.flag("if_any") and verbs == ["deny"]:
        item.problems.add(item.place("if_any"), True, "no if_any: a deny of an empty class always holds")
    senders, receivers = _parties(item, verbs[0], ends, ends.sender), _parties(item, "to", ends, ends.receiver)
    for sender, receiver in product(senders, receivers):
        if sender.parts and receiver.parts and not are_enforced(ends.fleet, sender, receiver):
            expected = "a host of the fleet at one end: nothing is enforced between these, or they share no family"
            item.problems.add(item.where, f"{sender.name} and {receiver.name}", expected)
    found = Assertion(verbs[0] == "allow", senders, receivers, ports, why)
    return found if len(item.problems.found) == known else None


def _parties(item: Item, key: str, ends: Ends, find: _Find) -> tuple[Party, ...]:
    raw = item.raw(key)
    if raw == []:
        item.problems.add(item.place(key), raw, "at least one end")
    items = [(item.place(key), raw)] if not isinstance(raw, list) else [*rows(item.place(key), raw, item.problems)]
    empty = [(where, name) for where, name in items if ends.is_empty_class(name)]
    if not (item.has("deny") or item.flag("if_any")):
        for where, name in empty:
            item.problems.add(
                where, name, "a class with at least one host or network; if_any: true where it may be empty"
            )
    return tuple(_party(where, name, ends, find, item.problems) for where, name in items if (where, name) not in empty)


def _party(where: Where, name: object, ends: Ends, find: _Find, problems: Problems) -> Party:
    found = find(where, name, problems)
    meant = ends.strangers(found)
    if found.parts and not meant.parts:
        problems.add(where, name, "a zone with an address that is in no node class; or name the class")
    return meant


def _broken(assertion: Assertion, ends: Ends) -> Iterator[tuple[ReachablePair, Port]]:
    for port in ports_that_differ(ends.fleet, assertion.ports):
        for sender, receiver in product(assertion.senders, assertion.receivers):
            for pair in reachable_pairs(ends.fleet, sender, receiver, port, passes=not assertion.allow):
                yield pair, port


def _so_that(assertion: Assertion | None) -> str:
    return f" ({assertion.why})" if assertion and assertion.why else ""


def _because(pair: ReachablePair, port: Port, ends: Ends) -> str:
    sender = Party("", {pair.sender_set: pair.senders})
    receiver = Party("", {pair.receiver_set: pair.receivers})
    stages = [stage for answer in explain(ends.fleet, sender, receiver, port).answers for stage in answer.stages]
    deciding = [stage for stage in stages if stage.allowed == pair.passes]
    return "; ".join(f"{stage.name} of {stage.host}: {stage.reason}" for stage in deciding)
