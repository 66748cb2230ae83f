# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The model: what is declared, read and checked, not yet resolved to addresses.

What the words mean to a user (node class, zone, service, flow) stands in docs/model.md.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from .._values.addresses import EVERYBODY, AddressSet
from .._values.ports import PortSet
from .._values.problems import Problems, Where, near_miss, one_of
from .._values.readers import SIDES, Item, flag_at
from .bounds import Bounds
from .calico_settings import Calico
from .name_refresh import Refresh, read_refresh
from .node_classes import CLASS_KEYS, NodeClass, inherit, joined_classes, read_class
from .pods import Pods
from .security_groups import GROUP_KEYS, SecurityGroup, check_security_groups, read_security_group

ENDS = ("both", "ingress", "egress")

_ZONE_KEYS = ("name", "networks", "hostnames", "zones", "except", "why")
_SERVICE_KEYS = ("name", "ports", "why")
_FLOW_KEYS = (
    "name",
    "from",
    "to",
    "services",
    "ports",
    "at",
    "side",
    "end",
    "log",
    "why",
    "source",
    "owner",
    "ticket",
    "expires",
)
_EXPECTED_SOURCE = "the document that asks for the flow: from says who sends, and ports where to"
_ADDRESS_OR_PORT = re.compile(
    r"\d+(\.\d+){3}(/\d+)?|([0-9A-Fa-f]*:){2}[0-9A-Fa-f:.]*(/\d+)?|\d+(-\d+)?(/[a-z+]+)?", re.ASCII
)


@dataclass(frozen=True)
class Declared:
    """A row or a value of a model, and where it was written."""

    where: Where
    value: object


@dataclass(frozen=True)
class Layer:
    """The rows that stand on one level: the profiles', or the user's own, which extend and replace them.

    ``required_zones`` maps a zone that must not be empty to the reason; ``undetected`` has the options, with their
    types, that are not set and that a run against a cluster finds out.
    """

    classes: Sequence[Declared] = ()
    zones: Sequence[Declared] = ()
    services: Sequence[Declared] = ()
    flows: Sequence[Declared] = ()
    security_groups: Sequence[Declared] = ()
    required_zones: Mapping[str, str] = field(default_factory=dict)
    undetected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Zone:
    """A named set of networks, host names and other zones that are no inventory hosts. Empty matches no address.

    The networks of ``excepted`` and of ``excepted_zones`` are not in it, whatever else has them. The latter are mapped
    by their place in the list.
    """

    name: str
    networks: AddressSet
    hostnames: tuple[str, ...]
    zones: tuple[str, ...]
    where: Where = field(compare=False)
    excepted: AddressSet = AddressSet()
    excepted_zones: Mapping[int, str] = field(default_factory=dict)

    @property
    def has_exceptions(self) -> bool:
        """Return whether anything is taken away from it."""
        return bool(self.excepted or self.excepted_zones)

    @property
    def named(self) -> tuple[str, ...]:
        """Return the zones that say what this one holds, and what it doesn't."""
        return (*self.zones, *self.excepted_zones.values())


@dataclass(frozen=True)
class Service:
    """A named set of ports."""

    name: str
    ports: PortSet
    where: Where = field(compare=False)


@dataclass(frozen=True)
class Flow:
    """Which traffic is allowed, on which ports, and why: the only thing that opens anything."""

    name: str
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    ports: PortSet
    where: Where = field(compare=False)
    side: str = ""
    end: str = "both"
    log: bool = False
    why: str = ""
    source: str = ""
    owner: str = ""
    ticket: str = ""
    expires: datetime.date | None = None
    at: AddressSet = EVERYBODY
    services: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_narrowed(self) -> bool:
        """Return whether it is for some addresses of its receivers alone."""
        return self.at != EVERYBODY

    def open_on(self, today: datetime.date) -> bool:
        """Return whether the flow opens anything on a day; its last day is ``expires``."""
        return self.expires is None or today <= self.expires

    def without(self, names: Container[str]) -> Flow:
        """Return the flow as far as it is between others than these."""
        senders, receivers = (
            tuple(name for name in ends if name not in names) for ends in (self.senders, self.receivers)
        )
        return replace(self, senders=senders, receivers=receivers)


@dataclass(frozen=True)
class Model:
    """Everything declared, the user's layer on the profiles'.

    ``same_as`` says of each class that is another which one; it is not among the ``classes``. ``imported`` has the
    origins of places in other fleets' exports.
    """

    classes: Mapping[str, NodeClass] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    security_groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    required_zones: Mapping[str, str] = field(default_factory=dict)
    echo_request: bool = True
    dhcp: bool = True
    refresh: Refresh = Refresh()
    same_as: Mapping[str, str] = field(default_factory=dict)
    calico: Calico = Calico()
    undetected: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[Bounds, ...] = ()
    imported: frozenset[str] = frozenset()

    @property
    def pods(self) -> dict[str, Pods]:
        """Return the classes that are pods: they have no addresses, and no host enforces anything for them."""
        return {one.name: one.pods for one in self.classes.values() if one.pods}

    def flows_of_hosts(self) -> list[Flow]:
        """Return the flows as hosts see them: without pods, since a host can't tell these by any address."""
        pods = self.pods
        return [flow.without(pods) for flow in self.flows.values()] if pods else [*self.flows.values()]


class _Named(Protocol):
    @property
    def name(self) -> str:
        """Its name."""

    @property
    def where(self) -> Where:
        """Where the model says it."""


_Thing = TypeVar("_Thing", bound=_Named)


def read_model(profiles: Layer, user: Layer, echo_request: Declared, refresh: Declared, problems: Problems) -> Model:
    """Read the profiles' layer and the user's on top of it; a thing of the user's replaces its namesake below.

    Problems are noted, never raised: a model with problems is only good for finding more of them.
    """
    services = _layered((profiles.services, user.services), _SERVICE_KEYS, _read_service, problems)
    shipped = _layered((profiles.classes,), CLASS_KEYS, read_class, problems)
    own = _layered((user.classes,), CLASS_KEYS, read_class, problems)
    inherited = {**shipped, **{name: inherit(own[name], shipped.get(name)) for name in own}}
    same_as = {one.name: one.same_as for one in inherited.values() if one.same_as}
    classes = joined_classes(inherited, problems)
    zones = _layered((profiles.zones, user.zones), _ZONE_KEYS, _read_zone, problems)

    def read_flow(item: Item) -> Flow:
        return _read_flow(item, services, classes, zones, same_as)

    def read_group(item: Item) -> SecurityGroup:
        return read_security_group(item, classes, same_as)

    groups = _layered((profiles.security_groups, user.security_groups), GROUP_KEYS, read_group, problems)
    model = Model(
        classes=classes,
        zones=zones,
        services=services,
        flows=_layered((profiles.flows, user.flows), _FLOW_KEYS, read_flow, problems),
        security_groups={name: group for name, group in groups.items() if group.classes},
        required_zones=profiles.required_zones,
        echo_request=flag_at(echo_request.where, echo_request.value, True, problems),
        refresh=read_refresh(refresh.where, refresh.value, problems),
        same_as=same_as,
        undetected=profiles.undetected,
    )
    for one in inherited.values():
        if one.name in zones:
            _note_duplicate(zones[one.name], one, problems)
    _check_classes(model, problems)
    _check_zones(model, problems)
    check_security_groups(model.security_groups, classes, problems)
    return model


def _layered(
    layers: Iterable[Sequence[Declared]], keys: Sequence[str], read: Callable[[Item], _Thing], problems: Problems
) -> dict[str, _Thing]:
    things: dict[str, _Thing] = {}
    for layer in layers:
        here: dict[str, _Thing] = {}
        for declared in layer:
            item = Item(declared.where, declared.value, keys, problems)
            if not item.is_mapping:
                continue
            thing = read(item)
            twin = here.setdefault(thing.name, thing) if thing.name else thing
            if twin is not thing and (twin != thing or twin.where.origin == thing.where.origin):
                _note_duplicate(thing, twin, problems)
        things.update(here)
    return things


def _note_duplicate(thing: _Named, twin: _Named, problems: Problems) -> None:
    problems.add(thing.where.key("name"), thing.name, "a name of its own", f"{twin.where} has it already")


def _read_zone(item: Item) -> Zone:
    item.text("why")
    excepted, excepted_zones = item.networks_and_names("except")
    return Zone(
        name=item.one_name("name"),
        networks=item.networks("networks"),
        hostnames=item.host_names("hostnames"),
        zones=item.names("zones"),
        where=item.where,
        excepted=excepted,
        excepted_zones=excepted_zones,
    )


def _read_service(item: Item) -> Service:
    item.text("why")
    ports = item.ports("ports")
    if item.lacks("ports"):
        item.problems.add(item.place("ports"), item.raw("ports"), "a list of ports")
    return Service(item.one_name("name"), ports, item.where)


def _read_flow(
    item: Item,
    services: Mapping[str, Service],
    classes: Mapping[str, NodeClass],
    zones: Mapping[str, Zone],
    same_as: Mapping[str, str],
) -> Flow:
    known, used = {**classes, **zones, **same_as}, item.references("services", services)
    senders, receivers = (
        tuple(dict.fromkeys(same_as.get(name, name) for name in _read_peers(item, key, known)))
        for key in ("from", "to")
    )
    if senders and receivers and not any(name in classes for name in (*senders, *receivers)):
        item.problems.add(item.where, item.raw("name"), "a node class in from or in to: no host enforces this flow")
    for name in senders:
        if name in receivers and name in classes and classes[name].isolated:
            item.problems.add(
                item.place("to"), name, f"another class: the hosts of {name} are isolated from each other"
            )
    return Flow(
        name=item.one_name("name"),
        senders=senders,
        receivers=receivers,
        ports=_read_flow_ports(item, [services[name] for name in used]),
        services=used,
        where=item.where,
        side=item.choice("side", SIDES, ""),
        end=item.choice("end", ENDS, "both"),
        log=item.flag("log"),
        why=item.text("why"),
        source=_read_source(item),
        owner=item.text("owner"),
        ticket=item.text("ticket"),
        expires=item.date("expires"),
        at=_read_at(item, receivers, classes),
    )


def _read_source(item: Item) -> str:
    """Read where a flow is written down; an address there was meant to narrow the flow, which it does not."""
    written = item.raw("source")
    values = written if isinstance(written, list) else [written]
    if any(_ADDRESS_OR_PORT.fullmatch(str(value)) for value in values):
        item.problems.add(item.place("source"), written, _EXPECTED_SOURCE, "did you mean from?")
        return ""
    return item.text("source")


def _read_at(item: Item, receivers: Iterable[str], classes: Mapping[str, NodeClass]) -> AddressSet:
    """Read which addresses of the receivers a flow is for, beside those by which the inventory knows them."""
    if "at" not in item.keys():
        return EVERYBODY
    for name in receivers:
        if name not in classes or classes[name].pods:
            expected = "node classes with addresses of their own, since at says which of these are meant"
            item.problems.add(item.place("to"), name, expected)
    if item.lacks("at"):
        item.problems.add(item.place("at"), item.raw("at"), "at least one address of the receivers")
    return item.networks("at")


def _read_peers(item: Item, key: str, known: Mapping[str, object]) -> tuple[str, ...]:
    if not item.has(key) or item.raw(key) == []:
        item.problems.add(item.place(key), item.raw(key), "a list of at least one node class or zone")
    return item.references(key, known, _peer_hint)


def _peer_hint(name: object) -> str:
    """Return how to write what is often taken for a peer of a flow."""
    if not isinstance(name, str):
        return ""
    text = name.strip().lower()
    if text in ("any", "all", "*", "everyone", "anywhere"):
        return 'a zone with networks: [0.0.0.0/0, "::/0"] is everybody'
    if _ADDRESS_OR_PORT.fullmatch(text):
        return f"declare a zone with networks: [{name}]"
    return "declare it as a zone, or as a class with its inventory groups"


def _read_flow_ports(item: Item, services: Iterable[Service]) -> PortSet:
    ports = item.ports("ports")
    for service in services:
        ports |= service.ports
    if item.lacks("ports", "services"):
        item.problems.add(item.where, item.raw("name"), "services or ports, or both")
    return ports


def _check_classes(model: Model, problems: Problems) -> None:
    used = {name for flow in model.flows.values() for name in (*flow.senders, *flow.receivers)}
    for node_class in model.classes.values():
        is_missing = not node_class.mapped and not node_class.optional
        if node_class.name in used and is_missing and node_class.where.is_shipped:
            expected = f"an entry named {node_class.name} with groups or networks"
            hint = f"{node_class.where.origin} has flows for it"
            problems.add(Where("gatehouse_classes"), None, expected, hint)


def _check_zones(model: Model, problems: Problems) -> None:
    for zone in model.zones.values():
        held = [(zone.where.key("zones").at(index), name) for index, name in enumerate(zone.zones)]
        excepted = [(zone.where.key("except").at(index), name) for index, name in zone.excepted_zones.items()]
        for where, name in (*held, *excepted):
            if name not in model.zones:
                problems.add(where, name, f"a zone: {one_of(model.zones)}", near_miss(name, model.zones))
            elif zone.name in zones_within(model.zones, name):
                problems.add(where, name, "a zone that doesn't hold this one in turn")


def zones_within(zones: Mapping[str, Zone], name: str) -> set[str]:
    """Return a zone with all those that say what it holds, and what it doesn't."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen and current in zones:
            seen.add(current)
            waiting.extend(zones[current].named)
    return seen
