"""The model: what is declared, read and checked, not yet resolved to addresses.

What the words mean to a user (node class, zone, service, flow) stands in docs/model.md.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from .addresses import AddressSet
from .errors import Problems, Where, near_miss, one_of
from .ports import PortSet
from .readers import SIDES, Item, flag_at, rows
from .refresh import Refresh, read_refresh

ENDS = ("both", "ingress", "egress")

_CLASS_KEYS = ("name", "groups", "networks", "same_as", "isolated", "pre_dnat", "why")
_PRE_DNAT_KEYS = ("ports", "addresses", "side")
_ZONE_KEYS = ("name", "networks", "hostnames", "zones", "why")
_SERVICE_KEYS = ("name", "ports", "why")
_FLOW_KEYS = (
    *("name", "from", "to", "services", "ports", "side", "end", "log"),
    *("why", "source", "owner", "ticket", "expires"),
)


@dataclass(frozen=True)
class Declared:
    """A row or a value of a model, and where it was written."""

    where: Where
    value: object


@dataclass(frozen=True)
class Layer:
    """The rows that stand on one level: the profiles', or the user's own, which extend and replace them.

    ``required_zones`` maps a zone that must not be nobody to the reason.
    """

    classes: Sequence[Declared] = ()
    zones: Sequence[Declared] = ()
    services: Sequence[Declared] = ()
    flows: Sequence[Declared] = ()
    required_zones: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PreDnat:
    """What the hosts of a class judge before DNAT, since they may redirect it to pods or containers: node ports.

    Counts for packets to an address of the host's own or to one of ``addresses``, on one ``side`` if there is one.
    """

    ports: PortSet = PortSet()
    addresses: AddressSet = AddressSet()
    side: str = ""

    def __bool__(self) -> bool:
        """Return whether there is anything to judge."""
        return bool(self.ports)


@dataclass(frozen=True)
class NodeClass:
    """A kind of host with one job: the hosts of inventory groups, and networks where no host is managed.

    Hosts of an isolated class never talk to each other, whatever wider zone a flow opens to them. What is None is for
    the profile to say, or no. A class that is the ``same_as`` another has its members, and gives it its flows.
    """

    name: str
    groups: tuple[str, ...]
    networks: AddressSet
    where: Where = field(compare=False)
    isolated: bool | None = None
    pre_dnat: PreDnat | None = None
    same_as: str = ""

    @property
    def mapped(self) -> bool:
        """Return whether somebody has said who the class is."""
        return bool(self.groups or self.networks)


@dataclass(frozen=True)
class Zone:
    """A named set of networks, host names and other zones that are no inventory hosts. Empty means nobody."""

    name: str
    networks: AddressSet
    hostnames: tuple[str, ...]
    zones: tuple[str, ...]
    where: Where = field(compare=False)


@dataclass(frozen=True)
class Service:
    """A named set of ports."""

    name: str
    ports: PortSet
    where: Where = field(compare=False)


@dataclass(frozen=True)
class Flow:
    """Who may reach whom, on which ports, and why: the only thing that opens anything."""

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

    def open_on(self, today: datetime.date) -> bool:
        """Return whether the flow opens anything on a day; its last day is ``expires``."""
        return self.expires is None or today <= self.expires


@dataclass(frozen=True)
class Model:
    """Everything declared, the user's layer on the profiles'.

    ``same_as`` says of each class that is another which one; it is not among the ``classes``.
    """

    classes: Mapping[str, NodeClass] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    required_zones: Mapping[str, str] = field(default_factory=dict)
    echo_request: bool = True
    refresh: Refresh = Refresh()
    same_as: Mapping[str, str] = field(default_factory=dict)


class _Named(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def where(self) -> Where: ...


_Thing = TypeVar("_Thing", bound=_Named)


def read_model(profiles: Layer, user: Layer, echo_request: Declared, refresh: Declared, problems: Problems) -> Model:
    """Read the profiles' layer and the user's on top of it; a thing of the user's replaces its namesake below.

    Problems are noted, never raised: a model with problems is only good for finding more of them.
    """
    services = _layered((profiles.services, user.services), _SERVICE_KEYS, _read_service, problems)
    shipped = _layered((profiles.classes,), _CLASS_KEYS, _read_class, problems)
    own = _layered((user.classes,), _CLASS_KEYS, _read_class, problems)
    inherited = {**shipped, **{name: _inherit(own[name], shipped.get(name)) for name in own}}
    same_as = {one.name: one.same_as for one in inherited.values() if one.same_as}
    classes = _joined(inherited, problems)
    zones = _layered((profiles.zones, user.zones), _ZONE_KEYS, _read_zone, problems)

    def read_flow(item: Item) -> Flow:
        return _read_flow(item, services, classes, zones, same_as)

    model = Model(
        classes=classes,
        zones=zones,
        services=services,
        flows=_layered((profiles.flows, user.flows), _FLOW_KEYS, read_flow, problems),
        required_zones=profiles.required_zones,
        echo_request=flag_at(echo_request.where, echo_request.value, True, problems),
        refresh=read_refresh(refresh.where, refresh.value, problems),
        same_as=same_as,
    )
    for one in inherited.values():
        if one.name in zones:
            _note_duplicate(zones[one.name], one, problems)
    _check_classes(model, problems)
    _check_zones(model, problems)
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


def _read_class(item: Item) -> NodeClass:
    groups = []
    for place, group in rows(item.place("groups"), item.raw("groups"), item.problems):
        if isinstance(group, str) and group.isprintable():
            groups.append(str(group))
        else:
            item.problems.add(place, group, "the name of an inventory group")
    item.text("why")
    if item.lacks("groups", "networks", "same_as") and item.where.path.startswith("gatehouse_"):
        expected = "groups or networks, or same_as: a class without members is an error"
        item.problems.add(item.where, item.raw("name"), expected)
    for key in ("groups", "networks") if item.has("same_as") else ():
        if item.has(key):
            expected = "no members beside same_as: those of that class are its own"
            item.problems.add(item.place(key), item.raw(key), expected)
    return NodeClass(
        name=item.one_name("name"),
        groups=tuple(groups),
        networks=item.networks("networks"),
        where=item.where,
        isolated=item.flag("isolated") if item.has("isolated") else None,
        pre_dnat=read_pre_dnat(item, "pre_dnat") if item.has("pre_dnat") else None,
        same_as=item.one_name("same_as") if item.has("same_as") else "",
    )


def read_pre_dnat(item: Item, key: str) -> PreDnat:
    """Read what a class judges before DNAT; without ports that is nothing."""
    inner = Item(item.place(key), item.raw(key), _PRE_DNAT_KEYS, item.problems)
    ports = inner.ports("ports")
    if inner.is_mapping and inner.raw("ports") is None:
        item.problems.add(inner.place("ports"), None, "a list of ports; [] judges nothing before DNAT")
    if ports.everything:
        item.problems.add(inner.place("ports"), "all", 'ports such as "30000-32767/tcp+udp": only they are redirected')
    return PreDnat(ports, inner.networks("addresses"), inner.choice("side", ("", *SIDES), ""))


def _inherit(own: NodeClass, shipped: NodeClass | None) -> NodeClass:
    if not shipped:
        return own
    return replace(
        own,
        isolated=shipped.isolated if own.isolated is None else own.isolated,
        pre_dnat=shipped.pre_dnat if own.pre_dnat is None else own.pre_dnat,
    )


def _joined(classes: Mapping[str, NodeClass], problems: Problems) -> dict[str, NodeClass]:
    """Return the classes that are no other, each with what those that are the same as it say of its hosts."""
    joined = {one.name: one for one in classes.values() if not one.same_as}
    for one in classes.values():
        if one.same_as in joined:
            joined[one.same_as] = _join(joined[one.same_as], one, problems)
        elif one.same_as:
            expected = f"a class that is no other: {one_of(joined)}"
            problems.add(one.where.key("same_as"), one.same_as, expected, near_miss(one.same_as, joined))
    return joined


def _join(target: NodeClass, one: NodeClass, problems: Problems) -> NodeClass:
    for key in ("isolated", "pre_dnat"):
        theirs, ours = getattr(target, key), getattr(one, key)
        if theirs is not None and ours is not None and theirs != ours:
            expected = f"the same {key} as {target.name} has in {target.where}: they are one class"
            problems.add(one.where.key("same_as"), target.name, expected)
    return _inherit(target, one)


def _read_zone(item: Item) -> Zone:
    item.text("why")
    return Zone(
        name=item.one_name("name"),
        networks=item.networks("networks"),
        hostnames=item.host_names("hostnames"),
        zones=item.names("zones"),
        where=item.where,
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
    known = {**classes, **zones, **same_as}
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
        ports=_read_flow_ports(item, services),
        where=item.where,
        side=item.choice("side", SIDES, ""),
        end=item.choice("end", ENDS, "both"),
        log=item.flag("log"),
        why=item.text("why"),
        source=item.text("source"),
        owner=item.text("owner"),
        ticket=item.text("ticket"),
        expires=item.date("expires"),
    )


def _read_peers(item: Item, key: str, known: Mapping[str, object]) -> tuple[str, ...]:
    if not item.has(key) or item.raw(key) == []:
        item.problems.add(item.place(key), item.raw(key), "a list of at least one node class or zone")
    return item.references(key, known)


def _read_flow_ports(item: Item, services: Mapping[str, Service]) -> PortSet:
    ports = item.ports("ports")
    for name in item.references("services", services):
        ports |= services[name].ports
    if item.lacks("ports", "services"):
        item.problems.add(item.where, item.raw("name"), "services or ports, or both")
    return ports


def _check_classes(model: Model, problems: Problems) -> None:
    used = {name for flow in model.flows.values() for name in (*flow.senders, *flow.receivers)}
    for node_class in model.classes.values():
        if node_class.name in used and not node_class.mapped and not node_class.where.path.startswith("gatehouse_"):
            expected = f"an entry named {node_class.name} with groups or networks"
            hint = f"{node_class.where.origin} has flows for it"
            problems.add(Where("gatehouse_classes"), None, expected, hint)


def _check_zones(model: Model, problems: Problems) -> None:
    for zone in model.zones.values():
        for index, name in enumerate(zone.zones):
            where = zone.where.key("zones").at(index)
            if name not in model.zones:
                problems.add(where, name, f"a zone: {one_of(model.zones)}", near_miss(name, model.zones))
            elif zone.name in _zones_within(model.zones, name):
                problems.add(where, name, "a zone that doesn't hold this one in turn")


def _zones_within(zones: Mapping[str, Zone], name: str) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen and current in zones:
            seen.add(current)
            waiting.extend(zones[current].zones)
    return seen
