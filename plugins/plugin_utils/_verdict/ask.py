# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A question as people ask it: sender, receiver, port; without one of these, about all there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .._policy.compile import Rule
from .._policy.describe import describe_carried, describe_ports
from .._values.ports import PortSet
from .._values.problems import Problems, Where, near_miss
from .._values.readers import ports_at
from .endpoints import Ends
from .explain import Explanation, explain
from .reach import Party, Port


@dataclass(frozen=True)
class Reply:
    """The answer in lines, and whether all that was asked for passes; None where that was not the question."""

    lines: tuple[str, ...]
    allowed: bool | None = None


@dataclass(frozen=True)
class Question:
    """Who sends, who receives, and on which ports; what was not said is None, or no port."""

    sender: Party | None
    receiver: Party | None
    ports: PortSet


def question(ends: Ends, sender: str | None, receiver: str | None, port: str | None, problems: Problems) -> Question:
    """Return who and what is meant; raise ModelError where the question names what isn't there."""
    source = ends.sender(Where("from"), sender, problems) if sender else None
    target = ends.receiver(Where("to"), receiver, problems) if receiver else None
    ports = ports_at(Where("port"), port, problems) if port else PortSet()
    problems.raise_if_any()
    return Question(source, target, ports)


def ask(ends: Ends, sender: str | None, receiver: str | None, port: str | None, problems: Problems) -> Reply:
    """Return the answer; raise ModelError where the question names what isn't there."""
    if sender and receiver and port:
        found = explained(ends, sender, receiver, port, problems)
        return Reply(tuple(found.lines()), found.allowed)
    asked = question(ends, sender, receiver, port, problems)
    lines: list[str] = []
    if asked.receiver:
        lines += _open(ends, asked.receiver, "ingress", asked.ports, asked.sender)
    if asked.sender and not asked.receiver:
        lines += _open(ends, asked.sender, "egress", asked.ports, None)
    return Reply((*lines, *ends.remarks(sender, receiver)))


def explained(ends: Ends, sender: str, receiver: str, port: str, problems: Problems) -> Explanation:
    """Return why packets from one end to one port of the other pass or don't; raise ModelError as ``ask`` does."""
    source = ends.sender(Where("from"), sender, problems)
    target = ends.receiver(Where("to"), receiver, problems)
    ports = ports_at(Where("port"), port, problems)
    if ports and len(_ports(ports)) != 1:
        problems.add(Where("port"), port, "one port such as 2376/tcp")
    problems.raise_if_any()
    found = explain(ends.fleet, source, target, *_ports(ports))
    return replace(found, remarks=ends.remarks(sender, receiver))


def managed_at_ends(ends: Ends, asked: Question) -> list[str]:
    """Return the managed hosts at both ends of a question, the receivers first; each once."""
    parties = (party for party in (asked.receiver, asked.sender) if party)
    return list(dict.fromkeys(host for party in parties for host in managed_at(ends, party)))


def managed_at(ends: Ends, party: Party) -> list[str]:
    """Return the managed hosts at an end; of addresses that flows alone name, all that may receive there."""
    found: list[str] = []
    for name, part in party.parts.items():
        if name:
            is_of_all = bool(part - ends.owners.hosts)
            hosts = ends.fleet.members[name]
            found += [host.name for host in hosts if is_of_all or host.addresses("") & part]
    return found


def _ports(ports: PortSet) -> list[Port]:
    return [Port(item.protocol, item.first) for item in ports.ranges if item.first == item.last]


def _open(ends: Ends, party: Party, direction: str, ports: PortSet, other: Party | None) -> Iterable[str]:
    """Yield what the hosts of a party let in, or out, by flow; on some ports alone, or for another party alone."""
    preposition = "from" if direction == "ingress" else "to"
    verb = "lets in" if direction == "ingress" else "may reach, as far as it decides"
    for name, part in party.parts.items():
        if not name:
            yield f"{party.name}: the model does not manage it, or a part of it"
            continue
        policy = ends.fleet.policies[name]
        yield f"{party.name}, as {', '.join(policy.classes)}, {verb}:"
        rules = [rule for rule in policy.rules(direction) if rule.is_for_somebody]
        here = [rule for rule in rules if direction == "egress" or rule.at & part]
        found = [rule for rule in here if _is_about(rule, ports, other)]
        for rule in found:
            yield f"  {describe_ports(rule)} {preposition} {rule.peer}, flow {rule.flow}{_why(rule)}"
        if not found:
            yield "  nothing"
        yield from (f"  {line}" for line in describe_carried(policy))


def classes_of(ends: Ends, host: str, problems: Problems) -> Reply:
    """Return of which classes a host is, and by which groups; raise ModelError where the inventory has no such host."""
    if host not in ends.inventory.hosts:
        problems.add(Where("host"), host, "a host of the inventory", near_miss(host, ends.inventory.hosts))
    problems.raise_if_any()
    classes = ends.fleet.classes_of(host)
    return Reply(tuple(_by_groups(ends, host, name) for name in classes) or (f"{host} is in no node class",))


def _by_groups(ends: Ends, host: str, node_class: str) -> str:
    groups = ends.fleet.resolved.model.classes[node_class].groups
    by = [group for group in groups if host in ends.inventory.groups.get(group, ())]
    return f"{host} is {node_class}, by the group{'s' if len(by) > 1 else ''} {', '.join(by)}"


def _is_about(rule: Rule, ports: PortSet, other: Party | None) -> bool:
    asked = not ports or any(rule.ports.holds(one.protocol, one.first) for one in ports.ranges)
    return asked and (other is None or any(rule.addresses & part for part in other.parts.values()))


def _why(rule: Rule) -> str:
    return f": {rule.why}" if rule.why else ""
