"""Random packets against random policies: what explain says of them is what verdict() says."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network
from itertools import islice

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.calico_settings import Calico
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PROTOCOLS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.explain import explain
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.owners import Owners
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, verdict_by_any_interface
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.reach import OTHER, Party, Port
from ansible_collections.gatehouse.firewall.tests.parity.cases import drawn
from ansible_collections.gatehouse.firewall.tests.parity.places import OWN
from ansible_collections.gatehouse.firewall.tests.parity.test_calico import fleet_of
from ansible_collections.gatehouse.firewall.tests.parity.test_parity import PACKETS, SEED

QUESTIONS = PACKETS // 4  # each takes some milliseconds


def ends(owners: Owners, packet: Packet) -> list[Party]:
    """Return both ends of a packet, as somebody names them who asks."""
    source, target = (AddressSet.of([ip_network(one)]) for one in (packet.source, packet.destination))
    return [owners.senders(str(packet.source), source), owners.receivers(str(packet.destination), target)]


def is_a_question(packet: Packet) -> bool:
    """Return whether somebody can ask for the packet: a new one to a port, or by a protocol without any, of a host."""
    asked = packet.protocol in PROTOCOLS and packet.port
    host = packet.destination if packet.direction == "ingress" else packet.source
    plain = packet.state == "new" and packet.redirected_to is None and not packet.forwarded and packet.interface != "lo"
    return bool(asked or packet.protocol == "gre") and plain and host in OWN.values() and not _is_dhcp(packet)


def _is_dhcp(packet: Packet) -> bool:
    """Return whether its own port decides, too, for which nobody can ask."""
    return packet.protocol == "udp" and bool({packet.port, packet.source_port} & {67, 68, 546, 547})


def said(owners: Owners, packet: Packet) -> list[tuple[bool, bool]]:
    """Return what explain says of the packet, by sets of addresses and by stage, where the host alone decides."""
    port = Port(packet.protocol, packet.port) if packet.port else Port(OTHER, None)
    found = explain(owners.fleet, *ends(owners, packet), port).answers
    return [(answer.allowed, stage.allowed) for answer in found if len(answer.stages) == 1 for stage in answer.stages]


def test_explain_and_verdict_agree_on_every_random_packet(capsys: pytest.CaptureFixture[str]) -> None:
    compared: Counter[bool] = Counter()

    for _start, case in islice(drawn(SEED), QUESTIONS // 40):
        owners = Owners(fleet_of(case.policy, Calico()))
        for packet in filter(is_a_question, case.packets):
            expected = verdict_by_any_interface(case.policy, packet).allowed
            found = said(owners, packet)
            assert set(found) <= {(expected, expected)}, (case.policy, packet, found)
            compared[expected] += len(found)

    with capsys.disabled():
        print(
            f"\nexplain: GATEHOUSE_PARITY_SEED={SEED}: 0 disagreements in {compared.total()} packets: {dict(compared)}"
        )
    assert compared.total() >= QUESTIONS
    assert min(compared.values()) > QUESTIONS // 20
