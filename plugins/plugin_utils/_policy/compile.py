# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From a resolved model to one policy for each set of classes that hosts have.

A flow stands once and means both ends: egress at the sender's classes, ingress at the receiver's, where they are
managed. A host has the flows of all its classes, so that hosts of the same classes share a policy.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from ...module_utils._contract.kinds import mode_of
from .._model.antispoof import OFF, effective
from .._model.carries import Carries, united
from .._model.denied import Denied
from .._model.deny import Deny
from .._model.model import Flow, Model
from .._model.name_refresh import Refresh
from .._model.node_classes import PreDnat
from .._values.addresses import EVERYBODY, AddressSet
from .._values.direction import DIRECTIONS, FORWARD
from .._values.ports import PortSet
from .._values.problems import Problems, Where
from .resolve import Host, Resolved

_MODES = ("observe", "denied", "deny", "self_heal")
"""What is a host's own, and whatever its classes: a policy has it as the host has."""


@dataclass(frozen=True)
class HostName:
    """A host name that a zone has, and the addresses behind it as far as they are known here."""

    name: str
    addresses: AddressSet


@dataclass(frozen=True)
class Rule:
    """What one flow lets through in one direction, to or from one peer (a class or a zone).

    A rule with ``names`` is for the peer as far as it is known by host names, whose addresses change with the answers;
    ``addresses`` are those of all of them. A rule counts for packets to ``at`` alone, as they were sent, whatever the
    host makes of them.
    """

    flow: str
    peer: str
    addresses: AddressSet
    ports: PortSet
    side: str = ""
    log: bool = False
    why: str = ""
    source: str = ""
    names: tuple[HostName, ...] = ()
    at: AddressSet = EVERYBODY

    @property
    def is_narrowed(self) -> bool:
        """Return whether the rule is for some addresses of the receiver alone."""
        return self.at != EVERYBODY

    @property
    def is_for_somebody(self) -> bool:
        """Return whether there is any address at the other end, now or by an answer to come."""
        return bool(self.addresses or self.names)


@dataclass(frozen=True)
class Policy:
    """All that a host of these classes lets in and out; whatever no rule allows is denied.

    ``classes`` are sorted. ``isolated`` has the members of each of them that is isolated: no rule counts for these.
    The rules of ``ingress`` decide of what is in any of ``pre_dnat`` before the host redirects it.
    Those behind the host, as ``carries`` says, may send what ``egress`` lets out and receive what ``ingress`` lets in.
    ``interfaces`` maps a side to interface names, and ``antispoof`` says whose packets are dropped whatever the rules
    say. In the directions of ``observe``, a host denies nothing: what would be denied is counted; ``forward`` there is
    what it carries. ``deny`` says how it denies, and ``denied`` what becomes of what is denied. With ``self_heal``, a
    host loads all of it again where that was flushed. Hosts of the same classes differ in nothing else. ``known`` has
    the addresses that any class or zone has, but for those that anybody may have.
    """

    classes: tuple[str, ...]
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    isolated: Mapping[str, AddressSet] = field(default_factory=dict)
    pre_dnat: tuple[PreDnat, ...] = ()
    carries: Carries = Carries()
    echo_request: bool = True
    dhcp: bool = True
    interfaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refresh: Refresh = Refresh()
    observe: tuple[str, ...] = ()
    antispoof: str = OFF
    self_heal: bool = False
    denied: Denied = Denied()
    deny: Deny = Deny()
    known: AddressSet = AddressSet()

    @property
    def name(self) -> str:
        """Return what the set of classes is called."""
        return set_name(self.classes)

    @property
    def isolated_from(self) -> AddressSet:
        """Return the members of all its isolated classes."""
        return AddressSet.union(self.isolated.values())

    @property
    def isolates_carried(self) -> bool:
        """Return whether two of those behind one host never talk to each other."""
        return bool(self.isolated) and self.carries.isolated

    @property
    def pre_dnat_ports(self) -> PortSet:
        """Return the ports that are judged before DNAT at all."""
        return PortSet.of(item for stage in self.pre_dnat for item in stage.ports.ranges)

    @property
    def pre_dnat_addresses(self) -> AddressSet:
        """Return the addresses that are judged before DNAT besides the host's own."""
        return AddressSet.union(stage.addresses for stage in self.pre_dnat)

    def observes(self, kind: str) -> bool:
        """Return whether nothing is denied of a kind (``_contract/kinds.py``), or in a direction."""
        return mode_of(kind) in self.observe

    @property
    def only_observes(self) -> bool:
        """Return whether nothing is denied at all."""
        return {*DIRECTIONS, *([FORWARD] if self.carries else [])} <= {*self.observe}

    def rules(self, direction: str) -> tuple[Rule, ...]:
        """Return the rules of one direction, in the order in which they decide."""
        return self.ingress if direction == "ingress" else self.egress

    @property
    def has_sides(self) -> bool:
        """Return whether it matters which interface is on which side."""
        return any(stage.side for stage in self.pre_dnat) or any(rule.side for rule in (*self.ingress, *self.egress))


@dataclass(frozen=True)
class Fleet:
    """The outcome of a compilation: a policy for each set of classes, and the set of each managed host.

    Both are by the set's name. ``expired`` names the flows that are closed because their last day is over; ``same_as``
    says of each class that is another which one; ``resolved`` is what it was compiled from.
    """

    policies: Mapping[str, Policy]
    hosts: Mapping[str, Host]
    sets: Mapping[str, str]
    expired: tuple[str, ...] = ()
    same_as: Mapping[str, str] = field(default_factory=dict)
    resolved: Resolved = field(default_factory=lambda: Resolved(Model(), {}, {}), compare=False)

    @cached_property
    def members(self) -> Mapping[str, tuple[Host, ...]]:
        """The hosts of each set of classes."""
        found: dict[str, list[Host]] = {name: [] for name in self.policies}
        for host, name in self.sets.items():
            found[name].append(self.hosts[host])
        return {name: tuple(hosts) for name, hosts in found.items()}

    @cached_property
    def routed(self) -> Mapping[str, AddressSet]:
        """The addresses behind the hosts of each set of classes that others see, if any; none is a host's own."""
        carrying = {name: policy.carries.routed for name, policy in self.policies.items() if policy.carries.routed}
        own = AddressSet.union(host.addresses("") for host in self.hosts.values()) if carrying else AddressSet()
        return {name: routed - own for name, routed in carrying.items()}

    def classes_of(self, host: str) -> tuple[str, ...]:
        """Return a host's classes, sorted; none where it is not managed."""
        return self.policies[self.sets[host]].classes if host in self.sets else ()

    def policy_of(self, host: str) -> Policy:
        """Return a host's policy: its classes', with its own modes, and its interfaces where sides matter."""
        policy, own = self.policies[self.sets[host]], self.hosts[host]
        antispoof = effective(own.antispoof, own.interfaces)
        if own.interfaces and (policy.has_sides or antispoof != OFF):
            policy = replace(policy, interfaces=own.interfaces, antispoof=antispoof)
        modes = {key: getattr(own, key) for key in _MODES}
        modes["observe"] = own.observe if policy.carries else tuple(one for one in own.observe if one != FORWARD)
        return policy if modes == {key: getattr(policy, key) for key in _MODES} else replace(policy, **modes)


def compile_fleet(resolved: Resolved, today: datetime.date, problems: Problems) -> Fleet:
    """Compile one policy for each set of classes that has managed hosts."""
    model = resolved.model
    peers = lru_cache(maxsize=None)(resolved.peers)
    names = {zone: _host_names(found) for zone, found in resolved.names.items()}
    flows = [flow for flow in model.flows_of_hosts() if flow.open_on(today)]
    known = _known(resolved)
    fleet = Fleet(
        policies={
            set_name(classes): Policy(
                classes=classes,
                ingress=_rules(flows, "ingress", classes, peers, names),
                egress=_rules(flows, "egress", classes, peers, names),
                isolated={name: peers(name, "") for name in classes if model.classes[name].isolated},
                pre_dnat=_united(model, classes),
                carries=united(one for one in (model.classes[name].carries for name in classes) if one is not None),
                echo_request=model.echo_request,
                dhcp=model.dhcp,
                refresh=model.refresh,
                known=known,
            )
            for classes in dict.fromkeys(resolved.classes_by_host.values())
        },
        hosts={host: resolved.host(host) for host in resolved.classes_by_host},
        sets={host: set_name(classes) for host, classes in resolved.classes_by_host.items()},
        expired=tuple(flow.name for flow in model.flows.values() if not flow.open_on(today)),
        same_as=model.same_as,
        resolved=resolved,
    )
    _check_interfaces(fleet, resolved, problems)
    return fleet


def _known(resolved: Resolved) -> AddressSet:
    """Return the addresses that any class or zone has, but for those that anybody may have.

    Addresses behind host names come and go, and are not among them.
    """
    found = (resolved.peers(name, "") for name in resolved.networks)
    return AddressSet.union(addresses for addresses in found if not addresses.is_for_all)


def set_name(classes: Collection[str]) -> str:
    """Return what a set of classes is called: by their names, in an order of their own."""
    return "+".join(sorted(classes))  # no name has a plus


def _united(model: Model, classes: tuple[str, ...]) -> tuple[PreDnat, ...]:
    """Return what any of these classes judges before DNAT, in as few stages as differ in more than their ports."""
    found: dict[tuple[str, AddressSet], PortSet] = {}
    for name in classes:
        stage = model.classes[name].pre_dnat
        if stage:
            key = (stage.side, stage.addresses)
            found[key] = found.get(key, PortSet()) | stage.ports
    return tuple(PreDnat(ports, addresses, side) for (side, addresses), ports in found.items())


def class_rules(fleet: Fleet, node_class: str, direction: str) -> tuple[Rule, ...]:
    """Return what a class lets in or out: the rules of its policy, or what they would be where it is not managed."""
    if node_class in fleet.policies:
        return fleet.policies[node_class].rules(direction)
    resolved = fleet.resolved
    flows = [flow for flow in resolved.model.flows.values() if flow.name not in fleet.expired]
    names = {zone: _host_names(found) for zone, found in resolved.names.items()}
    return _rules(flows, direction, (node_class,), resolved.peers, names)


def _host_names(found: Mapping[str, AddressSet]) -> tuple[HostName, ...]:
    return tuple(HostName(name, addresses) for name, addresses in sorted(found.items()))


def _rules(
    flows: list[Flow],
    direction: str,
    classes: tuple[str, ...],
    peers: Callable[[str, str], AddressSet],
    names: Mapping[str, tuple[HostName, ...]],
) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for flow in flows:
        own, others = (flow.receivers, flow.senders) if direction == "ingress" else (flow.senders, flow.receivers)
        if flow.end not in ("both", direction) or not any(name in own for name in classes):
            continue
        for peer in others:
            rules += _rules_of(flow, direction, peer, peers(peer, flow.side), names.get(peer, ()))
    # Renderers put the flows for everything before the dispatch by port: here they stand as they will decide.
    return tuple(sorted(rules, key=lambda rule: not rule.ports.everything))


def _rules_of(
    flow: Flow, direction: str, peer: str, addresses: AddressSet, known_as: tuple[HostName, ...]
) -> Iterator[Rule]:
    """Yield a flow's rules for one peer: for its addresses, and for its names."""
    if direction == "egress" and flow.is_narrowed:
        addresses = flow.at  # the receiver's, too, and not among those it is managed by
    rule = Rule(flow.name, peer, addresses, flow.ports, flow.side, flow.log, flow.why, flow.source, at=flow.at)
    if addresses or not known_as:
        yield rule
    if known_as:
        answers = AddressSet.union(one.addresses for one in known_as)
        yield replace(rule, addresses=answers, names=known_as)


def _check_interfaces(fleet: Fleet, resolved: Resolved, problems: Problems) -> None:
    """Note hosts without an interface on a side that a flow or pre_dnat is for, where they need to have one.

    That is where nothing else tells the sides apart, and where a host says what is on its other side.
    """
    for name, policy in fleet.policies.items():
        needed = {
            (
                rule.side,
                f"the flow {rule.flow} is",
                bool(resolved.networks[rule.peer]) or not resolved.hosts.get(rule.peer),
            )
            for rule in (*policy.ingress, *policy.egress)
            if rule.side
        }
        needed |= {(stage.side, f"pre_dnat of {name} is", True) for stage in policy.pre_dnat if stage.side}
        for side, what, always in sorted(needed):
            for host in fleet.members[name]:
                if not host.interfaces.get(side) and (always or host.interfaces):
                    where = Where(f"gatehouse_interfaces.{side}", f"host {host.name}")
                    problems.add(where, None, f"an interface name: {what} for the {side} side only")
