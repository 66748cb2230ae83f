"""The prober, by real packets between two network namespaces: each kind of answer, both families."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.probe_words import UNCLEAR
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe import own_resets, prober, stage
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.parity.namespaces import new_namespace

HOST = {4: "203.0.113.114", 6: "2001:db8:62::114"}
PEER = {4: "203.0.113.120", 6: "2001:db8:62::120"}
LEGS = {"eth0": list(HOST.values())}
both_families = pytest.mark.parametrize("family", [4, 6])

pytestmark = private_nft.needs_nft


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    """Between namespaces nothing is lost that would have to be sent again."""
    monkeypatch.setattr(prober, "SECONDS_PER_TRY", 0.4)


def run(words, text):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def rules(hook, rule):
    """Return what puts one rule into force on the host, in a chain that lets everything else through."""
    text = f"table inet one {{\n chain c {{\n type filter hook {hook} priority 0;\n {rule}\n }}\n}}\n"
    return lambda: subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)


def nothing():
    """Put nothing into force."""


def probe(protocol, port, family, direction="ingress"):
    ends = (PEER[family], HOST[family]) if direction == "ingress" else (HOST[family], PEER[family])
    keys = ("source", "target", "protocol", "port", "direction", "interface")
    return dict(zip(keys, (*ends, protocol, port, direction, "eth0")))


def answers(load, *probes, seconds=20):
    return stage.rehearse(run, load, LEGS, probes, seconds)


def first_words(found):
    return [answer.partition(":")[0] for answer in found]


@both_families
def test_a_host_that_refuses_has_let_the_packet_in(family):
    assert answers(nothing, probe("tcp", 80, family), probe("udp", 80, family)) == ["refused", "closed"]


@both_families
@pytest.mark.parametrize(("direction", "hook"), [("ingress", "input"), ("egress", "output")])
def test_what_a_firewall_drops_is_silent_and_what_the_own_output_drops_is_kept(family, direction, hook):
    asked = [probe(protocol, port, family, direction) for protocol in ("tcp", "udp") for port in (80, 81)]
    found = answers(rules(hook, "meta l4proto { tcp, udp } th dport 80 drop"), *asked)

    dropped = "silent" if direction == "ingress" else "kept by the sender's own rules"
    assert found == ["silent", "refused", dropped, "closed"]


def test_an_address_may_be_written_in_any_way():
    odd = {**probe("udp", 80, 6), "target": "2001:DB8:62:0::114"}

    assert answers(nothing, odd) == ["closed"]


@both_families
def test_what_a_firewall_forbids_by_icmp_is_rejected(family):
    rule = "meta l4proto { tcp, udp } reject with icmpx admin-prohibited"
    found = answers(rules("input", rule), probe("tcp", 80, family), probe("udp", 80, family))

    assert first_words(found) == ["rejected", "rejected"]


@both_families
def test_no_host_says_port_unreachable_of_tcp_by_itself(family):
    found = answers(rules("input", "tcp dport 80 reject"), probe("tcp", 80, family), probe("tcp", 81, family))

    assert first_words(found) == ["rejected", "refused"]


@both_families
def test_what_a_router_cannot_reach_is_no_denial(family):
    rule = "meta l4proto { tcp, udp } reject with icmpx host-unreachable"
    found = answers(rules("input", rule), probe("tcp", 80, family), probe("udp", 80, family))

    assert first_words(found) == ["unreachable", "unreachable"]


@both_families
def test_who_listens_accepts_and_a_udp_listener_may_be_silent(family):
    listening = []

    def listen():
        listening.append(socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True))
        mute = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        mute.bind(("::", 80))
        listening.append(mute)

    assert answers(listen, probe("tcp", 80, family), probe("udp", 80, family)) == ["accepted", "silent"]


@both_families
def test_who_has_no_route_or_not_the_address_has_learnt_nothing(family):
    def lose_the_way():
        subprocess.run(["ip", "route", "add", "unreachable", PEER[family]], check=True)

    asked = probe("tcp", 80, family, "egress")
    elsewhere = {**probe("tcp", 80, family), "source": PEER[family][:-1] + "5"}
    found = answers(lose_the_way, asked, {**elsewhere, "direction": "egress"})

    assert found[0].startswith("no route (E")
    assert found[1] == "no such address here"


def test_the_kernels_pace_of_refusals_is_kept():
    """Six datagrams to closed ports are answered at once, and one a second afterwards (icmp_ratelimit)."""
    asked = [probe("udp", port, 4) for port in range(80, 90)]

    assert set(answers(nothing, *asked)) == {"closed"}


def test_what_is_not_asked_in_time_is_said():
    dropped = rules("input", "meta l4proto tcp drop")
    found = answers(dropped, probe("tcp", 80, 4), probe("udp", 80, 4), seconds=1)

    assert found == ["not asked in time", "closed"]


def test_thousands_are_asked_at_once():
    asked = [probe("tcp", port, 4) for port in range(1, 3001)]

    assert set(answers(nothing, *asked)) == {"refused"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"protocol": "icmp"}, "probes[0].protocol: got 'icmp', expected tcp or udp"),
        ({"port": 0}, "probes[0].port: got 0, expected a number between 1 and 65535"),
        ({"target": "db1"}, "probes[0].target: got 'db1', expected an address"),
        ({"source": "me"}, "probes[0].source: got 'me', expected an address"),
        ({"target": ""}, "probes[0].target: got '', expected an address"),
    ],
)
def test_a_probe_that_cannot_be_asked_is_named(wrong, message):
    good = probe("tcp", 80, 4)

    assert prober.unreadable([good, {**good, "source": ""}]) == ""
    assert prober.unreadable([{**good, **wrong}]) == message


def test_a_probe_without_a_key_is_named():
    assert prober.unreadable([{"source": "", "target": "192.0.2.1"}]).startswith("probes[0].protocol: got nothing")


REFUSE = "tcp dport 80 reject with tcp reset"


@both_families
def test_a_reset_by_a_rule_of_the_senders_own_is_no_refusal_by_the_receiver(family):
    asked = [probe("tcp", port, family, "egress") for port in (80, 81)]
    assert answers(rules("output", REFUSE), *asked) == ["kept by the sender's own rules", "refused"]
    # The control: a rule of the receiver's, whose reset comes by a device.
    assert answers(rules("input", REFUSE), *(probe("tcp", port, family) for port in (80, 81))) == ["refused"] * 2


@both_families
def test_without_the_right_to_listen_a_refusal_can_be_either(family, monkeypatch):
    def refuse():
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(own_resets, "_listening", refuse)
    found = answers(rules("output", REFUSE), *(probe("tcp", port, family, "egress") for port in (80, 81)))
    assert found == [UNCLEAR] * 2


@both_families
def test_a_port_of_the_hosts_own_that_is_closed_refuses_by_the_loopback_and_is_a_receiver_all_the_same(family):
    def asked_of_itself():
        target = {4: "127.0.0.1", 6: "::1"}[family]
        one = {"source": "", "target": target, "protocol": "tcp", "port": 81}
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with own_resets.OwnResets([one]) as resets:
            assert not resets.is_deaf
            return prober.ask([one], 5, resets=resets)

    with new_namespace() as namespace:
        assert namespace.call(asked_of_itself) == ["refused"]


@both_families
def test_what_a_busy_loopback_lets_slip_is_not_told(family):
    def asked_beside_a_flood():
        one = {"source": "", "target": PEER[family], "protocol": "tcp", "port": 80}
        with own_resets.OwnResets([one]) as resets:
            resets._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            for _connection in range(100):
                with suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", 9), 1)
            return resets.refused(PEER[family], 80, 50000), resets.is_deaf

    with new_namespace() as namespace:
        namespace.ip("link set lo up")
        assert namespace.call(asked_beside_a_flood) == (None, True)
