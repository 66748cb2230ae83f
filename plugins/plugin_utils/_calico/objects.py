# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A fleet's policies as Calico's objects: host endpoints, and what is judged at them, in projectcalico.org/v3.

Hosts of the same classes have up to four policies on each kind of their endpoints: one that judges before DNAT, one for
each direction, and one that denies the rest. Peers are GlobalNetworkSets that rules select by label, so that one
address more or less changes a set and no policy. Every rule is for one family and one protocol: Calico refuses to mix
families, and numeric ports without a protocol.

Sources: Calico's API reference for projectcalico.org/v3, and its pages on host endpoints and pre-DNAT policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._host_rules.peer_sets import address_sets, is_everybody, is_service, peer_name
from .._model.calico_settings import OBSERVE, Calico
from .._policy.compile import Fleet, Policy, Rule
from .._values.addresses import Network
from .._values.always_allowed import IGMP, IGMP_GROUPS, Datagram, dhcp, icmp_types
from .._values.ports import PROTOCOLS, PortRange, PortSet
from .._values.problems import Problems, Where
from .endpoints import EndpointHost, EndpointKind, endpoint_kinds, failsafes, host_endpoints
from .names import FLOW_ANNOTATION, OWNER, PREFIX, SET_LABEL, WHY_ANNOTATION, Names, Object, an_object

_TO_INGRESS, _TO_EGRESS, _TO_DENY = 100, 200, 900  # what is between ours is for others to fit in
_PEER_KEY = {"ingress": "source", "egress": "destination"}
_TYPE = {"ingress": "Ingress", "egress": "Egress"}
EVERYBODY: Mapping[str, Any] = {}  # an end of a rule that says nothing
_LOOPBACK = {4: "127.0.0.0/8", 6: "::1/128"}


def render(fleet: Fleet, problems: Problems) -> list[Object]:
    """Return the objects that enforce the model, in the order in which to create them: host endpoints come last.

    What Calico can't express is noted as a problem.
    """
    calico = fleet.resolved.model.calico
    names = Names(problems)
    kinds = endpoint_kinds(fleet, names)
    rendered = [_Renderer(calico, kind, names) for kind in kinds]
    return [
        *_network_sets(kinds, names),
        *(policy for renderer in rendered for policy in renderer.policies()),
        *failsafes(fleet, kinds, names.problems),
        *host_endpoints(kinds),
    ]


def _network_sets(kinds: Iterable[EndpointKind], names: Names) -> Iterator[Object]:
    found: dict[str, dict[int, list[str]]] = {}
    for kind in kinds:
        for name, family, addresses in address_sets(kind.policy):
            if not is_service(name):
                found.setdefault(name, {})[family] = [str(network) for network in addresses.of_family(family)]
    for name, families in sorted(found.items()):
        slug = _set_slug(names, name)
        nets = [net for _family, nets in sorted(families.items()) for net in nets]
        metadata = {"name": f"{PREFIX}{slug}", "labels": {**OWNER, SET_LABEL: slug}}
        yield an_object("GlobalNetworkSet", metadata, {"nets": nets})


def _set_slug(names: Names, name: str) -> str:
    return names.slug("set", name, Where("gatehouse_calico", f"the addresses of {name}"))


@dataclass(frozen=True)
class _Renderer:
    """The policies of one kind of endpoints."""

    calico: Calico
    kind: EndpointKind
    names: Names

    @property
    def policy(self) -> Policy:
        return self.kind.policy

    def policies(self) -> Iterator[Object]:
        order = self.calico.order
        if self.policy.pre_dnat:
            # Calico refuses a preDNAT policy without applyOnForward.
            spec = {"types": ["Ingress"], "preDNAT": True, "applyOnForward": True, "ingress": list(self.before_dnat())}
            yield self.global_policy("pre-dnat", order, spec)
        for direction, later in (("ingress", _TO_INGRESS), ("egress", _TO_EGRESS)):
            spec = {"types": [_TYPE[direction]], direction: list(self.direction(direction))}
            yield self.global_policy(direction, order + later, spec)
        # Said by a policy, not left to the tier's default: a later policy of others can't open what the model denies.
        rest = [{"action": "Deny"}]
        spec = {"types": ["Ingress", "Egress"], "ingress": rest, "egress": [*rest]}
        yield self.global_policy("deny", order + _TO_DENY, spec)
        if self.kind.has_loopback:
            for host in self.kind.hosts:
                yield from self.own_addresses(host)

    def global_policy(self, what: str, order: int, spec: Mapping[str, Any], selector: str = "") -> Object:
        metadata = {"name": f"{self.kind.name}-{what}", "labels": {**OWNER}}
        spec = {"order": order, "selector": selector or self.kind.selector, **spec}
        if self.calico.mode == OBSERVE:
            return an_object("StagedGlobalNetworkPolicy", metadata, {"stagedAction": "Set", **spec})
        return an_object("GlobalNetworkPolicy", metadata, spec)

    def direction(self, direction: str) -> Iterator[Object]:
        yield from self.loopback(direction)
        for item in icmp_types(direction, self.policy.echo_request):
            match = {"ipVersion": item.family, "protocol": _ICMP[item.protocol], "icmp": {"type": item.number}}
            yield _rule("Allow", match, why=f"{item.name}: IP breaks without it")
        yield from self.dhcp(direction)
        # A rule of Calico's can't tell a TTL.
        match = {"ipVersion": 4, "protocol": IGMP, "destination": {"nets": [str(IGMP_GROUPS)]}}
        yield _rule("Allow", match, why="multicast groups need it")
        yield from self.isolated(direction)
        for rule in self.policy.rules(direction):
            yield from self.flow(direction, rule, rule.ports)

    def dhcp(self, direction: str) -> Iterator[Object]:
        for family in (4, 6):
            # What is for the host itself is all that comes here, or can't be told: a rule without a destination has it.
            found = [one for one in dhcp(direction, family, self.policy.dhcp) if family == 6 or not one.destination]
            yield from (_rule("Allow", match, why="the host is a DHCP client") for match in _datagrams(found))

    def before_dnat(self) -> Iterator[Object]:
        """Yield the rules for what the hosts may redirect, each with its ports: an Allow here ends all judging."""
        judged, denied = self.policy.pre_dnat_ports, self.kind.denies_before_dnat
        if self.kind.has_loopback:
            for family in (4, 6):
                yield from self.judged(family, "Allow", {"source": {"nets": [_LOOPBACK[family]]}}, judged, "loopback")
        yield from (rule for rule in self.dhcp("ingress") if judged.holds("udp", rule["destination"]["ports"][0]))
        for family, entity in self.isolated_entities():
            match = {"source": entity, **self.not_for_pods(family)}
            yield from self.judged(family, "Deny", match, denied, "hosts of this class are isolated")
        # On ports where nothing is denied here, an Allow must not take isolated hosts past the policies that deny them.
        for rule in self.policy.ingress:
            yield from self.flow("ingress", rule, denied & rule.ports)
            yield from self.flow("ingress", rule, (judged - denied) & rule.ports, spares_isolated=True)
        for family in (4, 6):
            yield from self.judged(family, "Deny", self.not_for_pods(family), denied)

    def not_for_pods(self, family: int) -> Mapping[str, Any]:
        # Before DNAT, a Deny is for all that arrives, packets to pods among it.
        pods = [str(network) for network in self.calico.pod_networks.networks if network.version == family]
        return {"destination": {"notNets": pods}} if pods else {}

    def judged(
        self, family: int, action: str, match: Mapping[str, Any], judged: PortSet, why: str = ""
    ) -> Iterator[Object]:
        for protocol, ports in by_protocol(judged):
            destination = {**match.get("destination", {}), "ports": ports}
            found = {"ipVersion": family, "protocol": protocol, **match, "destination": destination}
            yield _rule(action, found, why=why)

    def loopback(self, direction: str) -> Iterator[Object]:
        if not self.kind.has_loopback:
            return
        for family in (4, 6):
            match = {"ipVersion": family, _PEER_KEY[direction]: {"nets": [_LOOPBACK[family]]}}
            yield _rule("Allow", match, why="loopback")

    def own_addresses(self, host: EndpointHost) -> Iterator[Object]:
        """Yield what lets a host talk to itself by its own addresses, which goes over loopback, too."""
        selector, nets = self.kind.selector_of(host), host.networks_by_family()
        between = {family: {"source": {"nets": own}, "destination": {"nets": own}} for family, own in nets.items()}
        rules = [_rule("Allow", {"ipVersion": family, **match}, why="loopback") for family, match in between.items()]
        spec = {"types": ["Ingress", "Egress"], "ingress": rules, "egress": [dict(rule) for rule in rules]}
        # Before the policies of the class: where it is isolated, they would deny a host its own addresses.
        yield self.global_policy(f"own-{host.slug}", self.calico.order + _TO_INGRESS - 1, spec, selector)
        if self.policy.pre_dnat:
            judged = self.policy.pre_dnat_ports
            allowed = (self.judged(family, "Allow", match, judged, "loopback") for family, match in between.items())
            found = [rule for rules in allowed for rule in rules]
            spec = {"types": ["Ingress"], "preDNAT": True, "applyOnForward": True, "ingress": found}
            yield self.global_policy(f"own-{host.slug}-pre-dnat", self.calico.order - 1, spec, selector)

    def isolated(self, direction: str) -> Iterator[Object]:
        for family, entity in self.isolated_entities():
            match = {"ipVersion": family, _PEER_KEY[direction]: entity}
            yield _rule("Deny", match, why="hosts of this class are isolated")

    def isolated_entities(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for name, members in self.policy.isolated.items():
            yield from self.entities(name, members.networks)

    def flow(self, direction: str, rule: Rule, ports: PortSet, spares_isolated: bool = False) -> Iterator[Object]:
        """Yield a flow's rules to one peer; an empty one has none, since a rule without an end matches everything."""
        spared = [*self.isolated_entities()] if spares_isolated else []
        excepted = {family: _any_of([one for own, one in spared if own == family]) for family in (4, 6)}
        for family, entity in self.entities(peer_name(direction, rule), rule.addresses.networks):
            but, at = excepted.get(family), _at(direction, rule, family)
            if but == EVERYBODY or at == {"nets": []}:
                continue
            peer = {**entity, **({"notSelector": but["selector"]} if but else {})}
            matched = [("", [])] if ports.everything else by_protocol(ports)
            for protocol, numbers in matched:
                match: Object = {"ipVersion": family, "protocol": protocol, _PEER_KEY[direction]: peer}
                if numbers or at:
                    more = {"ports": numbers} if numbers else {}
                    match["destination"] = {**match.get("destination", {}), **at, **more}
                # Log decides nothing: Felix goes on with the next rule.
                if rule.log:
                    yield _rule("Log", match, rule.flow, rule.why)
                yield _rule("Allow", match, rule.flow, rule.why)

    def entities(self, name: str, networks: Iterable[Network]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield a family and who is meant, for each family in which a peer has addresses."""
        addresses = list(networks)
        for family in (4, 6):
            own = tuple(network for network in addresses if network.version == family)
            if own:
                yield family, EVERYBODY if is_everybody(own) else {"selector": _selects(_set_slug(self.names, name))}


def _at(direction: str, rule: Rule, family: int) -> Mapping[str, list[str]]:
    """Return what keeps a rule to the host's addresses that it is for; nothing where these are all of a family."""
    own = rule.at.of_family(family)
    return {} if direction == "egress" or is_everybody(own) else {"nets": [str(network) for network in own]}


_ICMP = {"icmp": "ICMP", "icmpv6": "ICMPv6"}


def by_protocol(ports: PortSet) -> Iterator[tuple[str, list[int | str]]]:
    """Yield each protocol of a set of ports, as Calico writes it, with its ports: numbers, and ranges as first:last."""
    for protocol in PROTOCOLS:
        numbers = [_port(item) for item in ports.ranges if item.protocol == protocol]
        if numbers:
            yield protocol.upper(), numbers


def _port(item: PortRange) -> int | str:
    return item.first if item.first == item.last else f"{item.first}:{item.last}"


def _any_of(entities: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return who is meant by any of these; None where there are none."""
    if not entities or EVERYBODY in entities:
        return EVERYBODY if entities else None
    return {"selector": " || ".join(entity["selector"] for entity in entities)}


def _selects(slug: str) -> str:
    return f"{SET_LABEL} == '{slug}'"


def _datagrams(alike: Iterable[Datagram]) -> Iterator[Object]:
    """Yield the matches for datagrams, those that differ in their destination alone in one."""
    found: dict[Datagram, list[str]] = {}
    for one in alike:
        found.setdefault(replace(one, destination=None), []).extend([str(one.destination)] if one.destination else [])
    for one, destinations in found.items():
        source: Object = {"nets": [str(one.source)]} if one.source else {}
        if one.source_port:
            source["ports"] = [one.source_port]
        destination: Object = {"nets": destinations} if destinations else {}
        destination["ports"] = [one.port]
        yield {"ipVersion": one.family, "protocol": "UDP", "source": source, "destination": destination}


def _rule(action: str, match: Mapping[str, Any], flow: str = "", why: str = "") -> Object:
    annotations = {key: text for key, text in ((FLOW_ANNOTATION, flow), (WHY_ANNOTATION, why)) if text}
    found = {key: match[key] for key in _RULE_KEYS if match.get(key)}
    return {"action": action, **found, **({"metadata": {"annotations": annotations}} if annotations else {})}


_RULE_KEYS = ("ipVersion", "protocol", "icmp", "source", "destination")
