# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Host endpoints: on which interfaces of which hosts Calico judges, and what Felix lets through before it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .._model.calico_settings import ALL, MANAGE, OBSERVE, PUBLIC, Calico
from .._model.carries import Carries
from .._policy.compile import Fleet, Policy, Rule
from .._policy.resolve import Host
from .._values.addresses import EVERYBODY, AddressSet, network_text
from .._values.direction import DIRECTIONS
from .._values.ports import PortSet
from .._values.problems import Problems, Where
from .names import CLASS_LABEL, HOST_LABEL, OWNER, PREFIX, SIDE_LABEL, Names, Object, an_object
from .schema import is_interface, is_subdomain

ALLOW_ALL_PROFILE = "projectcalico-default-allow"  # Felix has it in each datastore; it counts where no policy does

# felix/config/config_params.go: what Felix lets through where no FelixConfiguration says otherwise. In: ssh, DHCP, BGP,
# etcd, Typha, the Kubernetes API, and etcd of self-hosted clusters; out: the same, with DNS in place of ssh.
FAILSAFES: Mapping[str, tuple[tuple[str, int], ...]] = {
    "ingress": (
        ("tcp", 22),
        ("udp", 68),
        ("tcp", 179),
        ("tcp", 2379),
        ("tcp", 2380),
        ("tcp", 5473),
        ("tcp", 6443),
        ("tcp", 6666),
        ("tcp", 6667),
    ),
    "egress": (
        ("udp", 53),
        ("udp", 67),
        ("tcp", 179),
        ("tcp", 2379),
        ("tcp", 2380),
        ("tcp", 5473),
        ("tcp", 6443),
        ("tcp", 6666),
        ("tcp", 6667),
    ),
}
_FAILSAFE_PROTOCOLS = ("tcp", "udp")
_NO_CARRIES = (
    "nothing, since Calico enforces this class (gatehouse_calico.classes): a policy that judges what a host forwards "
    "(applyOnForward) has Calico deny all other forwarding, that of pods among it"
)
_LEAVE_IT = "carries: {} of the class leaves what it forwards alone, and so does carry_containers: false of a profile"


@dataclass(frozen=True)
class EndpointHost:
    """A host with endpoints: the name of its Calico node, and its own name as part of an object's."""

    host: Host
    node: str
    slug: str

    def addresses(self, side: str) -> list[str]:
        """Return the host's addresses on a side, or on both, IPv4 first."""
        return [network_text(network) for family in (4, 6) for network in self.host.addresses(side).of_family(family)]

    def networks_by_family(self) -> dict[int, list[str]]:
        """Return the host's addresses as the ends of rules take them, with a mask, for each family that it has."""
        addresses = self.host.addresses("")
        by_family = {family: [str(network) for network in addresses.of_family(family)] for family in (4, 6)}
        return {family: found for family, found in by_family.items() if found}


@dataclass(frozen=True)
class EndpointKind:
    """The endpoints of hosts of the same classes on one ``side``, or on all interfaces without one: judged alike.

    ``policy`` has the rules that count there. On the ports that are in ``denies_before_dnat``, what no flow allows is
    denied before DNAT.
    """

    slug: str
    side: str
    policy: Policy
    hosts: tuple[EndpointHost, ...]
    denies_before_dnat: PortSet
    mode: str

    @property
    def name(self) -> str:
        """Return what the names of its policies begin with."""
        return f"{PREFIX}{self.slug}-{self.side}" if self.side else f"{PREFIX}{self.slug}"

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels by which its policies select it."""
        return {CLASS_LABEL: self.slug, **({SIDE_LABEL: self.side} if self.side else {})}

    @property
    def selector(self) -> str:
        """Return what selects its endpoints and no others."""
        return " && ".join(f"{key} == '{value}'" for key, value in self.labels.items())

    def selector_of(self, host: EndpointHost) -> str:
        """Return what selects one host's endpoints."""
        return f"{self.selector} && {HOST_LABEL} == '{host.slug}'"

    @property
    def has_loopback(self) -> bool:
        """Return whether loopback is one of its interfaces."""
        return not self.side


def enforced_by_calico(fleet: Fleet) -> list[Policy]:
    """Return the policies that Calico enforces: of the hosts that have one of its classes, all that they have."""
    classes = {*fleet.resolved.model.calico.classes}
    return [policy for policy in fleet.policies.values() if classes & {*policy.classes}]


def endpoint_kinds(fleet: Fleet, names: Names) -> list[EndpointKind]:
    """Return the kinds of endpoints; note classes without hosts, and hosts that have none or not the same as others."""
    where = Where("gatehouse_calico.classes")
    for name in fleet.resolved.model.calico.classes:
        if not fleet.resolved.hosts.get(name):
            expected = "a node class with hosts of the inventory: its networks have no host endpoints"
            names.problems.add(where, name, expected)
    return [kind for policy in enforced_by_calico(fleet) for kind in _kinds(fleet, policy, names)]


def _check_carries(fleet: Fleet, policy: Policy, problems: Problems) -> None:
    """Note classes whose hosts judge what they forward: at host endpoints, Calico denies all else that is forwarded."""
    if not policy.carries:
        return
    for node_class in (fleet.resolved.model.classes[name] for name in policy.classes):
        carries = node_class.carries
        if carries:
            got = [*carries.interfaces, *carries.networks.texts()]
            problems.add(node_class.where.key("carries"), got, _NO_CARRIES, _LEAVE_IT)


def _kinds(fleet: Fleet, policy: Policy, names: Names) -> list[EndpointKind]:
    _check_carries(fleet, policy, names.problems)
    calico, hosts = fleet.resolved.model.calico, fleet.members[policy.name]
    slug = names.slug_of_several("class", policy.classes, Where("gatehouse_calico.classes"))
    found = tuple(_endpoint_host(host, names) for host in hosts)
    _check_sides(calico, policy, hosts, names.problems)
    on = {PUBLIC: ("public",), ALL: ("",)}.get(calico.interfaces, tuple(sorted(hosts[0].interfaces)))
    return [_kind(calico.mode, slug, side, policy, found) for side in on]


def _kind(mode: str, slug: str, side: str, policy: Policy, hosts: tuple[EndpointHost, ...]) -> EndpointKind:
    """Return the endpoints on one side; what is for a side counts on every one where no interfaces are declared."""
    declared = hosts[0].host.interfaces

    def counts(wanted: str) -> bool:
        return wanted in ("", side) or wanted not in declared

    ingress, egress = (tuple(rule for rule in rules if counts(rule.side)) for rules in (policy.ingress, policy.egress))
    own = replace(policy, ingress=ingress, egress=egress, carries=Carries())
    denied = PortSet.of(item for stage in policy.pre_dnat if counts(stage.side) for item in stage.ports.ranges)
    return EndpointKind(slug, side, own, hosts, denied, mode)


def _endpoint_host(host: Host, names: Names) -> EndpointHost:
    # A node's name is a DNS subdomain in lower case (HostEndpoint.spec.node), whatever the inventory calls the host.
    node = host.node or host.name.lower()
    where = Where("gatehouse_calico_node", f"host {host.name}")
    if not is_subdomain(node):
        names.problems.add(where, host.node or None, f"the name of {host.name}'s Calico node, in lower case")
    other = names.taken.setdefault(("node", node), host.name)
    if other != host.name:
        names.problems.add(where, node, f"a node of its own: it is that of {other}")
    return EndpointHost(host, node, names.slug("host", host.name, where))


def _check_sides(calico: Calico, policy: Policy, hosts: Sequence[Host], problems: Problems) -> None:
    """Note what keeps hosts of the same classes from sharing their policies, and interfaces that Calico can't name."""
    for host in hosts:
        if set(host.interfaces) != set(hosts[0].interfaces):
            where, got = Where("gatehouse_interfaces", f"host {host.name}"), dict(host.interfaces)
            problems.add(where, got, f"interfaces on the same sides as {hosts[0].name} has them")
        elif calico.interfaces != ALL:
            _check_named(calico, host, problems)
    if calico.interfaces != ALL:
        return
    one_sided = {
        *(stage.side for stage in policy.pre_dnat),
        *(rule.side for rule in (*policy.ingress, *policy.egress)),
    } - {""}
    for side in sorted(one_sided & set(hosts[0].interfaces)):
        expected = f"public or sides: {policy.name} has flows for its {side} side alone"
        problems.add(Where("gatehouse_calico.interfaces"), ALL, expected)


def _check_named(calico: Calico, host: Host, problems: Problems) -> None:
    """Note a host without an interface for an endpoint, and interfaces that an endpoint can't name."""
    where = Where("gatehouse_interfaces", f"host {host.name}")
    if not (host.interfaces.get("public") if calico.interfaces == PUBLIC else host.interfaces):
        sides = "public" if calico.interfaces == PUBLIC else "private or public"
        expected = f"the {sides} interfaces, which get host endpoints"
        problems.add(where, dict(host.interfaces) or None, expected, "or gatehouse_calico.interfaces: all")
    for side, interfaces in host.interfaces.items():
        for interface in interfaces:
            if not is_interface(interface):
                expected = "an interface that a host endpoint can name: [a-zA-Z0-9_.-]"
                problems.add(where.key(side), interface, expected)


def host_endpoints(kinds: Iterable[EndpointKind]) -> Iterator[Object]:
    """Yield the host endpoints, named after host and interface."""
    for kind in kinds:
        for one in kind.hosts:
            interfaces = one.host.interfaces.get(kind.side, ()) if kind.side else ("*",)
            for interface in interfaces:
                yield _host_endpoint(kind, one, interface)


def _host_endpoint(kind: EndpointKind, one: EndpointHost, interface: str) -> Object:
    ending = "all" if interface == "*" else _legible(interface)
    labels = {**OWNER, **kind.labels, HOST_LABEL: one.slug}
    # By expectedIPs, selectors in the rules of other nodes find this host.
    spec = {"node": one.node, "interfaceName": interface, "expectedIPs": one.addresses(kind.side)}
    if kind.mode == OBSERVE:
        spec["profiles"] = [ALLOW_ALL_PROFILE]
    return an_object("HostEndpoint", {"name": f"{PREFIX}{one.slug}.{ending}", "labels": labels}, spec)


def _legible(interface: str) -> str:
    """Return an interface's name as a DNS label; what isn't one is written by its code, so that no two are the same."""
    return "".join(char if char.isdigit() or char.islower() else f"-{ord(char):x}-" for char in interface).strip("-")


def failsafes(fleet: Fleet, kinds: Sequence[EndpointKind], problems: Problems) -> Iterator[Object]:
    """Yield what each host's Felix lets through before any policy: the management flows, and nothing else.

    While Calico observes, nothing: endpoints of others on the same node may live by its failsafes.
    """
    calico = fleet.resolved.model.calico
    if calico.failsafes != MANAGE or calico.mode == OBSERVE:
        return
    nodes: dict[str, list[EndpointKind]] = {}
    for kind in kinds:
        for one in kind.hosts:
            nodes.setdefault(one.node, []).append(kind)
    for node, own in nodes.items():
        found = {direction: _failsafe_ports(own, calico, direction, problems) for direction in DIRECTIONS}
        if not found["ingress"]:
            expected = f"a flow that lets a peer in on node {node}: none of these does, and one mistake locks out"
            problems.add(Where("gatehouse_calico.management"), list(calico.management), expected)
        spec = {"failsafeInboundHostPorts": found["ingress"], "failsafeOutboundHostPorts": found["egress"]}
        yield an_object("FelixConfiguration", {"name": f"node.{node}", "labels": {**OWNER}}, spec)


def _failsafe_ports(
    kinds: Iterable[EndpointKind], calico: Calico, direction: str, problems: Problems
) -> list[Mapping[str, object]]:
    rules = [rule for kind in kinds for rule in kind.policy.rules(direction)]
    found: list[Mapping[str, object]] = []
    for rule in dict.fromkeys(rule for rule in rules if rule.flow in calico.management):
        _check_failsafe(rule, problems)
        ports = [{"protocol": item.protocol, "port": item.first} for item in rule.ports.ranges]
        found += [{**port, **net} for port in ports for net in _nets(rule.addresses)]
    return [port for index, port in enumerate(found) if port not in found[:index]]


def _check_failsafe(rule: Rule, problems: Problems) -> None:
    where = Where("gatehouse_calico.management")
    if rule.ports.everything or any(item.first != item.last for item in rule.ports.ranges):
        problems.add(where, rule.flow, "flows with single ports: a failsafe has no range")
    if any(item.protocol not in _FAILSAFE_PROTOCOLS for item in rule.ports.ranges):
        problems.add(where, rule.flow, f"flows of {' and '.join(_FAILSAFE_PROTOCOLS)} ports")
    if rule.side:
        problems.add(where, rule.flow, "flows for every interface of the hosts: a failsafe counts on all of them")
    if rule.is_narrowed:
        problems.add(where, rule.flow, "flows for every address of the hosts: a failsafe is at all of them")


def _nets(addresses: AddressSet) -> list[Mapping[str, str]]:
    # A failsafe without a net is for everybody, in both families.
    if addresses == EVERYBODY:
        return [{}]
    return [{"net": str(network)} for network in addresses.networks]
