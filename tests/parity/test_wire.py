"""The wire itself: what it does not hear, a rule has dropped; and connections are tracked as the packets say."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet
from ansible_collections.gatehouse.firewall.tests.parity.cases import Case, cases, tried
from ansible_collections.gatehouse.firewall.tests.parity.redirects import is_passed_on
from ansible_collections.gatehouse.firewall.tests.parity.wire import Wire
from hypothesis import given

_TRACKING = """
table inet tracking {
    chain input { type filter hook input priority 0; ct state invalid drop; }
    chain output { type filter hook output priority 0; ct state invalid drop; }
    chain forward { type filter hook forward priority 0; ct state invalid drop; }
}
"""


def test_every_packet_comes_through_where_there_is_no_rule(wire: Wire) -> None:
    @tried(1, 12)
    @given(case=cases())
    def try_it(case: Case) -> None:
        unheard = [packet for packet, passed in zip(case.packets, wire.passed(case.packets)) if not passed]
        assert unheard == []

    try_it()


def test_connection_tracking_calls_each_packet_what_it_is_said_to_be(wire: Wire) -> None:
    wire.host.run("nft", "-f", "-", text=_TRACKING)

    @tried(2, 12)
    @given(case=cases())
    def try_it(case: Case) -> None:
        wire.forget()
        odd = [
            packet
            for packet, passed in zip(case.packets, wire.passed(case.packets))
            if passed != (packet.state == "new" or packet.interface == "lo")
        ]
        assert odd == []

    try_it()


@pytest.mark.parametrize("hook", ["input", "output", "forward"])
def test_nothing_comes_through_where_everything_is_dropped(wire: Wire, hook: str) -> None:
    wire.host.run("nft", "add table inet wall")
    wire.host.run("nft", f"add chain inet wall wall {{ type filter hook {hook} priority 0; policy drop; }}")

    @tried(3, 12)
    @given(case=cases())
    def try_it(case: Case) -> None:
        heard = [packet for packet, passed in zip(case.packets, wire.passed(case.packets)) if passed]
        assert [packet for packet in heard if hook in _hooks(packet)] == []

    try_it()


def _hooks(packet: Packet) -> tuple[str, ...]:
    if packet.interface == "lo":
        return ("output", "input")
    if packet.direction == "egress":
        return ("output",)
    return ("forward",) if is_passed_on(packet) else ("input",)
