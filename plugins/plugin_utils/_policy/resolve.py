# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""From names to addresses: classes by the inventory's declared variables, zones by their networks and host names.

Nothing here reads facts: ``--limit one_host`` must find the same peers as a full run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address

from .._model.antispoof import OFF, antispoof_at, note_beyond_iptables
from .._model.denied import KEY as DENIED
from .._model.denied import Denied, read_denied
from .._model.deny import KEY as DENY
from .._model.deny import Deny, read_deny
from .._model.mode import observed_at
from .._model.model import Flow, Model, Zone
from .._model.name_refresh import Refresh
from .._model.node_classes import NodeClass
from .._values.addresses import AddressError, AddressSet, Network, is_mistyped, network_text, parse_host_address
from .._values.problems import Problems, Where, near_miss, one_of
from .._values.readers import SIDES, choice_at, flag_at, interfaces_at, rows, sides_at
from .zones import resolve_zones

BACKENDS = ("auto", "nftables", "iptables")

Lookup = Callable[[str], Sequence[str]]
"""Answers a host name with its addresses as texts, IPv4 and IPv6; none where it doesn't resolve."""


@dataclass(frozen=True)
class Inventory:
    """The inventory's groups, and the declared variables of the hosts that a model is about.

    Of these, only ``ansible_host`` and ``gatehouse_*`` count.
    """

    groups: Mapping[str, Sequence[str]]
    variables: Mapping[str, Mapping[str, object]]

    @cached_property
    def hosts(self) -> Mapping[str, None]:
        """All hosts of the inventory, in its order."""
        return dict.fromkeys([*(host for hosts in self.groups.values() for host in hosts), *self.variables])


@dataclass(frozen=True)
class Host:
    """A managed host: what it is called, where it is reached, which interface is on which side, and what enforces.

    ``node`` is what Calico calls it, where that is another name. ``observe`` has the directions in which it blocks
    nothing, and counts. ``antispoof`` says which sources it takes for spoofed, ``deny``, how it denies, ``denied``,
    what else it does with denials, and ``self_heal``, that it loads rules again that were flushed.
    """

    name: str
    private: AddressSet = AddressSet()
    public: AddressSet = AddressSet()
    interfaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    backend: str = "auto"
    node: str = ""
    observe: tuple[str, ...] = ()
    antispoof: str = OFF
    self_heal: bool = False
    denied: Denied = Denied()
    deny: Deny = Deny()

    def addresses(self, side: str) -> AddressSet:
        """Return the host's addresses on one side, or on both where no side is named."""
        if not side:
            return self.private | self.public
        return self.private if side == "private" else self.public


@dataclass(frozen=True)
class Resolved:
    """A model whose names have addresses: hosts by class, maybe by several, and the networks of each class and zone.

    ``names`` maps each zone to the host names that it has beside its networks, and each of them to its addresses;
    ``whole``, zones with exceptions to their networks without these. ``empty`` has a line for each group that is empty
    or absent, where a class may be empty.
    """

    model: Model
    hosts: Mapping[str, tuple[Host, ...]]
    networks: Mapping[str, AddressSet]
    names: Mapping[str, Mapping[str, AddressSet]] = field(default_factory=dict)
    whole: Mapping[str, AddressSet] = field(default_factory=dict)
    empty: tuple[str, ...] = ()

    @cached_property
    def classes_by_host(self) -> Mapping[str, tuple[str, ...]]:
        """The classes of each managed host, sorted, so that they are the same whatever the order of the model."""
        found: dict[str, list[str]] = {}
        for name, hosts in self.hosts.items():
            for host in hosts:
                found.setdefault(host.name, []).append(name)
        return {host: tuple(sorted(classes)) for host, classes in found.items()}

    def host(self, name: str) -> Host:
        """Return a managed host."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Host]:
        return {host.name: host for hosts in self.hosts.values() for host in hosts}

    def peers(self, name: str, side: str) -> AddressSet:
        """Return the addresses of a class or a zone, for a flow on one side or on both."""
        members = [host.addresses(side) for host in self.hosts.get(name, ())]
        return AddressSet.union([self.networks[name], self.routed(name), *members])

    def routed(self, name: str) -> AddressSet:
        """Return the addresses behind the hosts of a class that its peers see; none of a zone."""
        node_class = self.model.classes.get(name)
        return node_class.carries.routed if node_class and node_class.carries else AddressSet()


def resolve(model: Model, inventory: Inventory, lookup: Lookup, problems: Problems) -> Resolved:
    """Resolve every class and zone of a model; note what has no address, and groups without a host."""
    resolver = _Resolver(inventory, lookup, model.refresh, problems)
    hosts = {node_class.name: resolver.members(node_class) for node_class in model.classes.values()}
    own = {zone.name: resolver.zone(zone) for zone in model.zones.values()}
    own_names = {zone.name: resolver.names(zone) for zone in model.zones.values()}
    zones = resolve_zones(model.zones, own, own_names, problems)
    networks = {node_class.name: node_class.networks for node_class in model.classes.values()}
    empty = tuple(resolver.empty)
    resolved = Resolved(model, hosts, {**networks, **zones.networks}, zones.names, zones.whole, empty)
    _check_required_zones(resolved, problems)
    _check_sides(resolved, problems)
    _check_addresses(resolved, problems)
    return resolved


def host_addresses(name: str, inventory: Inventory, lookup: Lookup) -> AddressSet:
    """Return the declared addresses of a host of the inventory, in a class or in none; none where they are wrong."""
    return _Resolver(inventory, lookup, Refresh(), Problems()).host(name).addresses("")


@dataclass(frozen=True)
class _Resolver:
    inventory: Inventory
    lookup: Lookup
    refresh: Refresh
    problems: Problems
    known: dict[str, Host] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)

    def members(self, node_class: NodeClass) -> tuple[Host, ...]:
        for key, groups in (("groups", node_class.groups), ("except", node_class.excepted)):
            for index, group in enumerate(groups):
                self._check_group(node_class, node_class.where.key(key).at(index), group, key == "groups")
        names = node_class.members(self.inventory.groups)
        if not names and any(self.inventory.groups.get(group) for group in node_class.groups):
            self._note_all_excepted(node_class)
        return tuple(self.host(name) for name in names)

    def _check_group(self, node_class: NodeClass, place: Where, group: str, needs_hosts: bool) -> None:
        groups = self.inventory.groups
        is_absent, hint = group not in groups, near_miss(group, groups) if group not in groups else ""
        if node_class.may_be_empty and (is_absent or not groups[group]):
            what = "the inventory has no such group" if is_absent else "it has no host"
            self.empty.append(f"{place}: {group}: {what}{f'; {hint}' if hint else ''}")
        elif is_absent:
            self.problems.add(place, group, f"an inventory group: {one_of(groups)}", hint)
        elif needs_hosts and not groups[group]:
            expected = "a group with at least one host, or may_be_empty: true of the class"
            self.problems.add(place, group, expected)

    def _note_all_excepted(self, node_class: NodeClass) -> None:
        place = node_class.where.key("except")
        if node_class.may_be_empty:
            self.empty.append(f"{place}: {', '.join(node_class.excepted)}: all hosts of {node_class.name} are in there")
        else:
            expected = "a class with at least one host: except takes all hosts of its groups out"
            self.problems.add(place, list(node_class.excepted), expected)

    def host(self, name: str) -> Host:
        """Return a host as its variables have it, read once, of however many classes it is."""
        if name not in self.known:
            self.known[name] = self._read(name)
        return self.known[name]

    def _read(self, name: str) -> Host:
        variables = self.inventory.variables.get(name, {})
        declared = variables.get("gatehouse_addresses")
        where = Where("gatehouse_interfaces", f"host {name}")
        interfaces = interfaces_at(where, variables.get("gatehouse_interfaces"), self.problems)
        where = Where("gatehouse_backend", f"host {name}")
        backend = choice_at(where, variables.get("gatehouse_backend"), BACKENDS, "auto", self.problems)
        node = str(variables.get("gatehouse_calico_node") or "")
        where = Where("gatehouse_mode", f"host {name}")
        observe = observed_at(where, variables.get("gatehouse_mode"), self.problems)
        antispoof = self.antispoof(name, variables, backend)
        where = Where(DENIED, f"host {name}")
        denied = read_denied(where, variables.get(DENIED), self.problems)
        where = Where(DENY, f"host {name}")
        deny = read_deny(where, variables.get(DENY), self.problems)
        where = Where("gatehouse_self_heal", f"host {name}")
        self_heal = flag_at(where, variables.get("gatehouse_self_heal"), False, self.problems)
        modes = (observe, antispoof, self_heal, denied, deny)
        if declared is None:
            one = self.addresses_of(name, variables)
            return Host(name, one, one, interfaces, backend, node, *modes)
        known = len(self.problems.found)
        sides = {side: AddressSet() for side in SIDES}
        where = Where("gatehouse_addresses", f"host {name}")
        for side, place, value in sides_at(where, declared, self.problems):
            sides[side] = AddressSet.of(self.host_networks(place, value))
        if not any(sides.values()) and len(self.problems.found) == known:
            self.problems.add(where, declared, "at least one address")
        return Host(name, sides["private"], sides["public"], interfaces, backend, node, *modes)

    def antispoof(self, name: str, variables: Mapping[str, object], backend: str) -> str:
        where = Where("gatehouse_antispoof", f"host {name}")
        mode = antispoof_at(where, variables.get("gatehouse_antispoof"), self.problems)
        if backend == "iptables":
            note_beyond_iptables(where, mode, self.problems)
        return mode

    def host_networks(self, where: Where, value: object) -> Iterable[Network]:
        items = [(where, value)] if isinstance(value, str) else rows(where, value, self.problems)
        for place, item in items:
            try:
                yield parse_host_address(item)
            except AddressError as error:
                self.problems.add(place, item, error.expected, error.hint)

    def addresses_of(self, name: str, variables: Mapping[str, object]) -> AddressSet:
        where = Where("ansible_host", f"host {name}")
        address = variables.get("ansible_host") or name
        if not isinstance(address, str) or is_mistyped(address):
            self.problems.add(where, address, "an address or a host name")
            return AddressSet()
        answers = self.look_up(address)
        if not answers:
            hint = "set ansible_host to an address, or gatehouse_addresses"
            got = variables.get("ansible_host")
            self.problems.add(where, got, "an address of this managed host, or a name that resolves to one", hint)
        return AddressSet.of(network for answer in answers for network in self.host_networks(where, answer))

    def look_up(self, name: str) -> Sequence[str]:
        try:
            return [str(ip_address(name))]
        except ValueError:
            return self.lookup(name)

    def zone(self, zone: Zone) -> AddressSet:
        """Return the networks of a zone, and the addresses of the inventory hosts that it names."""
        hosts = [self.host(name).addresses("") for name in zone.hostnames if name in self.inventory.hosts]
        return AddressSet.union([zone.networks, *hosts])

    def names(self, zone: Zone) -> dict[str, AddressSet]:
        """Return the addresses of each host name of a zone that is no inventory host's."""
        return {
            name: self.addresses_behind(zone.where.key("hostnames").at(index), name)
            for index, name in enumerate(zone.hostnames)
            if name not in self.inventory.hosts
        }

    def addresses_behind(self, where: Where, name: str) -> AddressSet:
        answers = self.lookup(name)
        if not answers:
            self.problems.add(where, name, "a host name that resolves to an address", "it doesn't resolve here")
        found: list[Network] = []
        for answer in answers:
            if ip_address(answer) in self.refresh.refused:
                expected = f"a host name with an address that a peer can have, but it resolves to {answer}"
                self.problems.add(where, name, expected, "gatehouse_refresh.refused has its network")
            else:
                found.extend(self.host_networks(where, answer))
        self.check_number(where, name, answers)
        return AddressSet.of(found)

    def check_number(self, where: Where, name: str, answers: Sequence[str]) -> None:
        for version, count in sorted(Counter(ip_address(answer).version for answer in answers).items()):
            if count > self.refresh.max_addresses:
                most = f"a host name with at most {self.refresh.max_addresses} IPv{version} addresses"
                self.problems.add(where, name, f"{most}, but it resolves to {count}", "gatehouse_refresh.max_addresses")


def _check_required_zones(resolved: Resolved, problems: Problems) -> None:
    for name, why in resolved.model.required_zones.items():
        if not resolved.networks.get(name) and not resolved.names.get(name):
            problems.add(Where("gatehouse_zones"), None, f"networks or hostnames for the zone {name}", why)


def _check_addresses(resolved: Resolved, problems: Problems) -> None:
    """Note hosts of different classes that are one machine: no rule can tell which of them a packet is for."""
    owners: dict[Network, tuple[str, tuple[str, ...]]] = {}
    for name, classes in resolved.classes_by_host.items():
        for network in resolved.host(name).addresses("").networks:
            other, its_classes = owners.setdefault(network, (name, classes))
            if its_classes != classes:
                word = "class" if len(its_classes) == 1 else "classes"
                expected = f"an address of its own: {other} of {word} {', '.join(its_classes)} has it, too"
                problems.add(Where("ansible_host", f"host {name}"), network_text(network), expected)


def _check_sides(resolved: Resolved, problems: Problems) -> None:
    sides = {(name, flow.side) for flow in resolved.model.flows.values() for name in _asked(flow) if flow.side}
    for name, side in sorted(sides):
        for host in resolved.hosts.get(name, ()):
            if not host.addresses(side) and (host.private or host.public):
                where = Where(f"gatehouse_addresses.{side}", f"host {host.name}")
                problems.add(where, None, f"an address: a flow of {name} is for its {side} side")


def _asked(flow: Flow) -> set[str]:
    """Return whose addresses stand in a rule: ingress has the senders', egress the receivers'."""
    return {
        *(flow.senders if flow.end in ("both", "ingress") else ()),
        *(flow.receivers if flow.end in ("both", "egress") else ()),
    }
