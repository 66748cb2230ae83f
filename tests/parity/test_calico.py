"""Random packets against random policies: Calico's semantics, for the objects that we render, decide as verdict() says.

What Calico can't express is said by ``calico_remarks``; such packets are counted here, and nothing else may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.names import Object
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.objects import render
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._calico.verdict import (
    Cluster,
    calico_verdict,
    failsafe_ports,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.calico_settings import (
    ALL,
    MANAGE,
    PUBLIC,
    SIDES,
    Calico,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.carries import Carries
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.model import Model
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Fleet, Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.resolve import Host, Resolved
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import (
    Packet,
    is_judged_before_dnat,
    verdict,
)
from ansible_collections.gatehouse.firewall.tests.parity.places import OWN, PODS
from ansible_collections.gatehouse.firewall.tests.parity.policies import NODE_CLASS, policies
from ansible_collections.gatehouse.firewall.tests.parity.redirects import is_passed_on
from ansible_collections.gatehouse.firewall.tests.parity.test_mutants import PACKETS as MUTANT_PACKETS
from ansible_collections.gatehouse.firewall.tests.parity.test_mutants import SEED as MUTANT_SEED
from ansible_collections.gatehouse.firewall.tests.parity.test_parity import PACKETS, SEED
from ansible_collections.gatehouse.firewall.tests.parity.traffic import volleys
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some

VOLLEY = 100
HOST = "web1"
OWN_ADDRESSES = AddressSet.of(map(ip_network, map(str, OWN.values())))
BEYOND = {
    "no endpoint on the interface",
    "a failsafe port",
    "invalid",
    "judged before DNAT, although for another",
    "redirected from an address that a flow is for",
    "an answer to a DHCP client, to a group",
    "IGMP from afar",
}

Mutant = Callable[[list[Object]], list[Object]]


def fleet_of(policy: Policy, calico: Calico) -> Fleet:
    host = Host(HOST, OWN_ADDRESSES, OWN_ADDRESSES, dict(policy.interfaces))
    resolved = Resolved(Model(calico=calico), dict.fromkeys(policy.classes, (host,)), {})
    return Fleet({policy.name: policy}, {HOST: host}, {HOST: policy.name}, resolved=resolved)


def cluster_of(fleet: Fleet, broken: Mutant) -> Cluster:
    problems = Problems()
    objects = render(fleet, problems)
    problems.raise_if_any()
    return Cluster(broken(objects))


def expressible(policy: Policy) -> list[str]:
    """Return the ways of choosing interfaces in which Calico can express a policy."""
    asked = {*(stage.side for stage in policy.pre_dnat), *(rule.side for rule in (*policy.ingress, *policy.egress))} - {
        ""
    }
    found = [SIDES] if policy.interfaces else []
    found += [PUBLIC] if policy.interfaces.get("public") else []
    return found + ([] if asked & policy.interfaces.keys() else [ALL])


def beyond(policy: Policy, calico: Calico, cluster: Cluster, packet: Packet) -> str:
    """Return why Calico may say something else of a packet; nothing where it may not."""
    if cluster.endpoint(HOST, packet.interface) is None:
        return "no endpoint on the interface"
    if packet.protocol == "igmp" and packet.destination.is_multicast and packet.ttl != 1:
        return "IGMP from afar"
    if (
        packet.direction == "ingress"
        and packet.destination.is_multicast
        and (packet.port, packet.source_port) == (68, 67)
    ):
        return "an answer to a DHCP client, to a group"
    ports = {packet.port, packet.redirected_to}
    if any(
        protocol == packet.protocol and port in ports
        for protocol, port, _net in failsafe_ports(cluster, HOST, packet.direction)
    ):
        return "a failsafe port"
    if packet.state == "invalid" and (packet.icmp_type is not None or _is_for_another(packet)):
        return "invalid"
    judged = policy.pre_dnat_ports.holds(packet.protocol, packet.port) and packet.direction == "ingress"
    elsewhere = not packet.to_host and not is_judged_before_dnat(policy, packet)
    if judged and elsewhere and packet.destination not in calico.pod_networks:
        return "judged before DNAT, although for another"
    if packet.redirected_to is not None and not judged and any(rule.is_narrowed for rule in policy.ingress):
        return "redirected from an address that a flow is for"
    return ""


def _is_for_another(packet: Packet) -> bool:
    return packet.direction == "ingress" and is_passed_on(packet)


@some.composite
def settings_for(draw: some.DrawFn, policy: Policy) -> Calico:
    """Draw settings with which Calico can express a policy."""
    calico = Calico((NODE_CLASS,), draw(some.sampled_from(expressible(policy))), pod_networks=draw(_pods))
    flows = [rule.flow for rule in policy.ingress]
    managed = replace(calico, failsafes=MANAGE, management=tuple(flows[:1]))
    problems = Problems()
    render(fleet_of(policy, managed), problems)
    return calico if problems.found else managed


_pods = some.sampled_from((AddressSet(), AddressSet.of(map(ip_network, map(str, PODS.values())))))


@dataclass
class Tally:
    """What was compared, and what was not, by reason."""

    compared: Counter[str] = field(default_factory=Counter)
    beyond: Counter[str] = field(default_factory=Counter)


def hold(packets: int, start: int, broken: Mutant = lambda objects: objects) -> Tally:
    """Hold Calico's semantics to verdict(), for objects that may be broken on the way."""
    tally = Tally()

    @seed(start)
    @settings(
        max_examples=2 * packets // VOLLEY,  # nearly every second packet is beyond Calico
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(some.data())
    def volley(data: some.DataObject) -> None:
        # What hosts carry is no part of what Calico is given.
        policy = replace(data.draw(policies().filter(expressible)), carries=Carries())
        calico = data.draw(settings_for(policy))
        fleet = fleet_of(policy, calico)
        own, cluster = fleet.policy_of(HOST), cluster_of(fleet, broken)
        for packet in data.draw(volleys(own, VOLLEY)):
            reason = beyond(own, calico, cluster, packet)
            if reason:
                tally.beyond[reason] += 1
                continue
            expected, found = verdict(own, packet), calico_verdict(cluster, HOST, packet)
            assert found.allowed == expected.allowed, (calico, own, packet, expected, found)
            tally.compared["allowed" if found.allowed else "denied"] += 1

    volley()
    return tally


def test_calico_and_verdict_agree_on_every_random_packet(capsys: pytest.CaptureFixture[str]) -> None:
    tally = hold(PACKETS, SEED)

    with capsys.disabled():
        print(f"\ncalico: GATEHOUSE_PARITY_SEED={SEED}: 0 disagreements in {tally.compared.total()} packets")
        print(f"calico: {dict(tally.compared)}; beyond Calico, as it says itself: {dict(tally.beyond)}")
    assert tally.compared.total() >= PACKETS
    assert min(tally.compared.values()) > PACKETS // 20
    assert set(tally.beyond) == BEYOND


def _without_pre_dnat(objects: list[Object]) -> list[Object]:
    return [one for one in objects if not one["spec"].get("preDNAT")]


def _without_denials(objects: list[Object]) -> list[Object]:
    """Let whoever is isolated through, and every node port."""
    for one in objects:
        for key in ("ingress", "egress"):
            if one["spec"].get(key) and len(one["spec"][key]) > 1:
                one["spec"][key] = [rule for rule in one["spec"][key] if rule["action"] != "Deny"]
    return objects


def _for_everybody(objects: list[Object]) -> list[Object]:
    for one in objects:
        for rule in one["spec"].get("ingress") or []:
            rule.get("source", {}).pop("selector", None)
    return objects


def _one_port_more(objects: list[Object]) -> list[Object]:
    for one in objects:
        for rule in one["spec"].get("ingress") or []:
            ports = rule.get("destination", {}).get("ports") or []
            ports += [port + 1 for port in ports if isinstance(port, int)]
    return objects


@pytest.mark.parametrize("broken", [_without_pre_dnat, _without_denials, _for_everybody, _one_port_more])
def test_a_broken_renderer_is_caught(broken: Mutant) -> None:
    with pytest.raises(AssertionError):
        hold(MUTANT_PACKETS, MUTANT_SEED, broken)
