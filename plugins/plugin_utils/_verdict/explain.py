# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Why a packet passes or doesn't: at which end and stage, by which flow, and which flow almost allows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...module_utils._contract.kinds import FORWARD_IN, FORWARD_OUT
from .._model.antispoof import CAVEATS
from .._policy.compile import Fleet, Policy, Rule
from .._values.addresses import AddressSet
from .packet import NO_FLOW, Packet, Verdict, is_judged_before_dnat, verdict_behind, verdict_by_any_interface
from .reach import Party, Port, ReachablePair, owner, reachable_pairs

_SHOWN = 4


@dataclass(frozen=True)
class Stage:
    """What one host decides of the packet: where in its kernel, and why.

    ``behind`` says what it would decide of such a packet from or to those behind it, where it is itself the end.
    """

    host: str
    classes: tuple[str, ...]
    name: str
    allowed: bool
    reason: str
    flow: str = ""
    origin: str = ""
    behind: str = ""


@dataclass(frozen=True)
class NearFlow:
    """A flow that almost allows a packet, and in words what differs."""

    flow: str
    what_differs: str

    def __str__(self) -> str:
        """Return it for people."""
        return f"the flow {self.flow} {self.what_differs}"


@dataclass(frozen=True)
class Answer:
    """What holds alike for these senders and receivers."""

    senders: AddressSet
    receivers: AddressSet
    allowed: bool
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Explanation:
    """The answers to one question; none where no host of the model is at either end, or the ends share no family.

    ``remarks`` say of what was asked why the answers may not be about it.
    """

    sender: str
    receiver: str
    port: Port
    answers: tuple[Answer, ...]
    remarks: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Return whether all of it passes; what has no answer does not."""
        return bool(self.answers) and all(answer.allowed for answer in self.answers)

    def lines(self) -> Iterator[str]:
        """Yield the explanation for people."""
        question = f"{self.sender} -> {self.receiver}, {self.port}"
        if not self.answers:
            yield f"{question}: no packet that a host of the model would judge can go between these"
        for answer in self.answers:
            whom = f" ({_texts(answer.senders)} -> {_texts(answer.receivers)})"
            yield f"{question}{whom}: {'allowed' if answer.allowed else 'denied'}"
            for stage in answer.stages:
                word = "allows" if stage.allowed else "denies"
                origin = f" [{stage.origin}]" if stage.origin else ""
                yield f"  {stage.name} of {stage.host} ({', '.join(stage.classes)}) {word} it: {stage.reason}{origin}"
                if stage.behind:
                    yield f"    {stage.behind}"
        yield from self.remarks


def explain(fleet: Fleet, sender: Party, receiver: Party, port: Port) -> Explanation:
    """Return why packets from one end to a port of the other pass or don't, in as few answers as are different."""
    found = tuple(_answer(fleet, pair, port) for pair in reachable_pairs(fleet, sender, receiver, port))
    return Explanation(sender.name, receiver.name, port, found)


def as_data(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as data that JSON and YAML can hold."""
    return {
        "from": explanation.sender,
        "to": explanation.receiver,
        "port": str(explanation.port),
        "allowed": explanation.allowed,
        "answers": [
            {
                "senders": answer.senders.texts(),
                "receivers": answer.receivers.texts(),
                "allowed": answer.allowed,
                "stages": [{**asdict(stage), "classes": list(stage.classes)} for stage in answer.stages],
            }
            for answer in explanation.answers
        ],
        "remarks": list(explanation.remarks),
    }


def _answer(fleet: Fleet, pair: ReachablePair, port: Port) -> Answer:
    source, target = pair.sample()
    ends = [(pair.sender_set, "egress"), (pair.receiver_set, "ingress")]
    judging = ends[:1] if pair.behind_one_host else ends
    stages = [
        _stage(fleet, name, Packet(direction, source, target, port.protocol, port=port.number), pair.behind_one_host)
        for name, direction in judging
        if name
    ]
    return Answer(pair.senders, pair.receivers, pair.passes, tuple(stages))


def _stage(fleet: Fleet, name: str, packet: Packet, carries_both: bool) -> Stage:
    own = packet.source if packet.direction == "egress" else packet.destination
    if own in fleet.routed.get(name, AddressSet()):
        return _forwarding(fleet, name, packet, "both" if carries_both else "it")
    found_host = owner(fleet, name, own)
    # An address that a flow alone names may be any host's.
    host = found_host or "any host"
    policy = fleet.policy_of(found_host or fleet.members[name][0].name)
    found = verdict_by_any_interface(policy, packet)
    before_dnat = is_judged_before_dnat(replace(policy, interfaces={}), packet)
    stage = "output" if packet.direction == "egress" else ("pre-DNAT" if before_dnat else "input")
    behind = _of_those_behind(policy, packet)
    if not found.allowed:
        told = _told(policy, packet.direction, before_dnat)
        return Stage(host, policy.classes, stage, False, f"{_why_denied(policy, packet, found)}{told}", behind=behind)
    rule = _deciding(policy, packet, found)
    caveat = CAVEATS[policy.antispoof] if packet.direction == "ingress" else ""
    why = f"{_why_allowed(rule, found)}{caveat}"
    return Stage(host, policy.classes, stage, True, why, found.flow, _origin(fleet, rule), behind)


def _forwarding(fleet: Fleet, name: str, packet: Packet, what: str) -> Stage:
    """Return what the host decides that carries a packet: of several, any may, and only some may enforce it."""
    hosts = fleet.members[name]
    policies = {host.name: fleet.policy_of(host.name) for host in hosts}
    policy, host = policies[hosts[0].name], hosts[0].name if len(hosts) == 1 else f"any host that carries {what}"
    found = verdict_behind(policy, packet)
    if found.allowed:
        rule = _deciding(policy, packet, found)
        return Stage(host, policy.classes, "forward", True, _why_allowed(rule, found), found.flow, _origin(fleet, rule))
    observing = [one for one, its in policies.items() if its.observes(_kind(packet))]
    told = f"; {_some(observing, len(hosts))} only observes what it carries, and lets it through" if observing else ""
    return Stage(host, policy.classes, "forward", False, f"{_why_denied(policy, packet, found)}{told}")


def _some(hosts: Sequence[str], total: int) -> str:
    """Return which hosts of all are meant, each by itself."""
    if len(hosts) == total:
        return "each of them" if total > 1 else "this host"
    more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
    return f"each of {', '.join(hosts[:_SHOWN])}{more}" if len(hosts) > 1 else hosts[0]


def _of_those_behind(policy: Policy, packet: Packet) -> str:
    """Return what counts of a host's verdict for those behind it; nothing where it carries nothing."""
    if not policy.carries or packet.peer in policy.carries.networks:
        return ""
    found = verdict_behind(policy, packet)
    doing = "send" if packet.direction == "egress" else "receive"
    if found.allowed:
        return f"those behind it may {doing} it, too"
    if policy.observes(_kind(packet)):
        return (
            f"those behind it may {doing} it: it is counted, and not denied, until gatehouse_mode says forward: enforce"
        )
    reason = "" if found.reason == NO_FLOW else f": {found.reason}"
    return f"those behind it may not {doing} it{reason}"


def _kind(packet: Packet) -> str:
    return FORWARD_OUT if packet.direction == "egress" else FORWARD_IN


def _deciding(policy: Policy, packet: Packet, found: Verdict) -> Rule | None:
    return next((rule for rule in policy.rules(packet.direction) if rule.flow == found.flow), None)


def _why_allowed(rule: Rule | None, found: Verdict) -> str:
    return f"{found.reason}: {rule.why}" if rule and rule.why else found.reason


def _why_denied(policy: Policy, packet: Packet, found: Verdict) -> str:
    near = None if found.reason != NO_FLOW else nearest(policy, packet)
    return f"{found.reason}; {near}" if near else found.reason


def _told(policy: Policy, direction: str, before_dnat: bool) -> str:
    """Return what a sender hears of a denial, unless that is nothing."""
    if policy.observes(direction):
        return "; this host only observes, and lets it through"
    if before_dnat or not policy.deny.rejects(direction):
        return ""
    return "; the program is refused at once" if direction == "egress" else "; the sender is refused by ICMP"


def _origin(fleet: Fleet, rule: Rule | None) -> str:
    flow = fleet.resolved.model.flows.get(rule.flow) if rule else None
    if not flow or not rule:
        return ""
    return ", ".join(filter(None, [flow.where.origin or flow.where.path, rule.source]))


def nearest(policy: Policy, packet: Packet) -> NearFlow | None:
    """Return which flow would allow a packet that is denied if one thing about it were different, if any would."""
    if packet.peer in policy.isolated_from:
        return None
    preposition = "from" if packet.direction == "ingress" else "to"
    for rule in policy.rules(packet.direction):
        if rule.ports.holds(packet.protocol, packet.port) and rule.is_for_somebody:
            if packet.peer in rule.addresses and rule.is_narrowed:
                return NearFlow(rule.flow, f"allows this port, but at {', '.join(rule.at.texts())} alone")
            whom = f"{preposition} {rule.peer}, and {packet.peer} is not among them"
            return NearFlow(rule.flow, f"allows this port, but {whom}")
    for rule in policy.rules(packet.direction):
        if packet.peer in rule.addresses:
            whom = f"{preposition} {rule.peer}, and {packet.peer} is among them"
            return NearFlow(rule.flow, f"is {whom}, but on {rule.ports}")
    return None


def _texts(addresses: AddressSet) -> str:
    texts = addresses.texts()
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{', '.join(texts[:_SHOWN])}{more}"
