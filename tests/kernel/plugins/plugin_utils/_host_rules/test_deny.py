"""How a host denies, seen by those who are denied: its own programs, and others on its link."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.deny import DROP, REJECT, Deny
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.tests.parity.backends import (
    Backend,
    iptables_backend,
    nftables_backend,
    unload,
)
from ansible_collections.gatehouse.firewall.tests.parity.namespaces import Namespace, new_namespace

TOOLS = ("nft", "ip", "ipset", "iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, TOOLS)), reason=f"needs root, for namespaces, and {', '.join(TOOLS)}"
)

HOST = {4: "198.51.100.1", 6: "2001:db8::1"}
PEER = {4: "198.51.100.2", 6: "2001:db8::2"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
PORT, NODE_PORT = 8080, 30080
PROTOCOLS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
POLICY = Policy(("web",))
AT_ONCE, PATIENCE, SILENCE = 0.5, 1.5, 0.2  # seconds
PROHIBITED = {4: (errno.EHOSTUNREACH, 3, 13), 6: (errno.EACCES, 1, 1)}  # with the ICMP error's type and code
SENT, A_SECOND, AT_FIRST = 250, 100, 50
PAUSE = 0.002  # a kernel sends at most 1000 errors a second itself (net.ipv4.icmp_msgs_per_sec)


@dataclass(frozen=True)
class Pair:
    """A host, and a peer on its link."""

    host: Namespace
    peer: Namespace

    @contextmanager
    def listening(self, namespace: Namespace, address: str, port: int) -> Iterator[None]:
        """Have a program wait for connections: who gets one has not been denied."""
        family = FAMILY[6 if ":" in address else 4]
        with namespace.call(partial(socket.create_server, (address, port), family=family)):
            yield


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with new_namespace() as host, new_namespace() as peer:
        for one in (host, peer):
            one.set({f"ipv6/conf/{which}/accept_dad": 0 for which in ("all", "default")})
            # What limits answers is our rules, and not the kernel.
            one.set({"ipv4/icmp_ratelimit": 0, "ipv6/icmp/ratelimit": 0})
            one.ip("link set lo up")
        host.ip(f"link add eth0 type veth peer name eth0 netns {peer.pid}")
        for one, addresses in ((host, HOST), (peer, PEER)):
            own = f"address add {addresses[4]}/24 dev eth0", f"address add {addresses[6]}/64 dev eth0 nodad"
            one.ip("link set eth0 up", *own)
        yield Pair(host, peer)


def unlimited(render: Callable[[Policy], Any]) -> Callable[[Policy], Any]:
    """Return a renderer whose refusals have no limit that a test could reach."""

    def rendered(policy: Policy) -> Any:
        found = render(policy)
        if isinstance(found, str):
            return found.replace("limit rate 100/second burst 50 packets", "limit rate 9000/second burst 9000 packets")
        return {
            name: text.replace("100/second --limit-burst 50", "9000/second --limit-burst 9000")
            for name, text in found.items()
        }

    return rendered


KINDS = {
    "nftables": (nftables_backend(), nftables_backend(unlimited(nftables.render))),
    **{
        f"iptables-{variant}": (
            iptables_backend(variant=variant),
            iptables_backend(unlimited(iptables.render), variant),
        )
        for variant in ("nft", "legacy")
    },
}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_family = pytest.mark.parametrize("family", [4, 6])


@contextmanager
def rules(pair: Pair, backend: Backend, **changes: Any) -> Iterator[None]:
    """Have a backend's rules judge on the host, and nobody's afterwards."""
    backend.load(replace(POLICY, **changes), pair.host)
    try:
        yield
    finally:
        unload(pair.host)


def tried(namespace: Namespace, target: str, port: int, kind: int = socket.SOCK_STREAM) -> tuple[int | None, float]:
    """Return the error of a connection or a datagram (None: no answer for a while), and after how many seconds."""

    def ask() -> int | None:
        with socket.socket(FAMILY[6 if ":" in target else 4], kind) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.connect((target, port))
                sock.send(b"hello")
                sock.recv(1)
            except TimeoutError:
                return None
            except OSError as error:
                return error.errno
            return 0

    begun = time.monotonic()
    return namespace.call(ask), time.monotonic() - begun


def all_tried(namespace: Namespace, asked: Sequence[tuple[str, int, int]]) -> list[tuple[int | None, float]]:
    """Return the same of several, each a target, a port and a kind of socket, that are tried at once: many wait."""
    with ThreadPoolExecutor(len(asked)) as pool:
        return [*pool.map(lambda one: tried(namespace, *one), asked)]


def count(pair: Pair, kind: str, family: int, comment: str) -> int:
    """Return how many packets came to the rules with a comment in the chain for what may not leave."""
    if kind == "nftables":
        listed = pair.host.run("nft", "list", "chain", "inet", "gatehouse", "denied_egress")
        return sum(int(found) for found in re.findall(rf'packets (\d+) .* comment "{comment}', listed))
    command = {4: "iptables", 6: "ip6tables"}[family] + kind.removeprefix("iptables")
    saved = pair.host.run(f"{command}-save", "-c", "-t", "filter")
    return sum(int(found) for found in re.findall(rf'\[(\d+):\d+\] -A GATEHOUSE-OUTPUT-DENIED .*"{comment}', saved))


@each_kind
def test_what_a_program_of_the_hosts_own_asks_for_and_may_not_ends_at_once(pair: Pair, kind: str) -> None:
    ours, _unlimited = KINDS[kind]
    connections = [(PEER[family], PORT, socket.SOCK_STREAM) for family in FAMILY]
    with pair.listening(pair.peer, PEER[4], PORT), pair.listening(pair.peer, PEER[6], PORT):
        with rules(pair, ours):
            for target, port, protocol in connections:
                error, seconds = tried(pair.host, target, port, protocol)
                assert error == errno.ECONNREFUSED
                assert seconds < AT_ONCE
                error, seconds = tried(pair.host, target, port, socket.SOCK_DGRAM)
                assert error == errno.EPERM
                assert seconds < AT_ONCE
            counts = [count(pair, kind, family, "denied") for family in FAMILY]
            assert counts == ([4, 4] if kind == "nftables" else [2, 2])  # of each family, or of both
        with rules(pair, ours, deny=Deny(egress=DROP)):
            errors = [error for error, _seconds in all_tried(pair.host, connections)]
            assert errors == [None, None], "the control: dropped, it hangs"


@each_kind
@each_family
def test_a_packet_of_a_lost_conversation_is_dropped_and_is_no_denial(pair: Pair, kind: str, family: int) -> None:
    ack = struct.pack("!HHIIBBHHH", 50000, PORT, 1, 1, 5 << 4, 0x10, 1024, 0, 0)

    def send() -> None:
        with socket.socket(FAMILY[family], socket.SOCK_RAW, socket.IPPROTO_TCP) as raw, suppress(PermissionError):
            raw.sendto(ack, (PEER[family], 0))

    for deny in (Deny(), Deny(egress=DROP)):
        with rules(pair, KINDS[kind][0], deny=deny):
            pair.host.call(send)
            assert [count(pair, kind, family, word) for word in ("invalid", "denied")] == [1, 0]


@each_kind
def test_who_may_not_come_in_is_told_by_icmp_and_by_no_reset_where_that_is_asked_for(pair: Pair, kind: str) -> None:
    ours, _unlimited = KINDS[kind]
    families = [family for family in FAMILY for _protocol in PROTOCOLS]
    asked = [(HOST[family], PORT, protocol) for family in FAMILY for protocol in PROTOCOLS]
    with pair.listening(pair.host, HOST[4], PORT), pair.listening(pair.host, HOST[6], PORT):
        with rules(pair, ours, deny=Deny(ingress=REJECT)):
            for family, (error, seconds) in zip(families, all_tried(pair.peer, asked)):
                assert error == PROHIBITED[family][0]
                # Over IPv6, a TCP client that the error reaches while it still connects minds it a second later.
                assert seconds < AT_ONCE + (family == 6)
        with rules(pair, ours):
            errors = [error for error, _seconds in all_tried(pair.peer, asked)]
            assert errors == [None] * len(asked), "the control: dropped, it hangs"


@each_kind
def test_what_is_denied_before_dnat_is_dropped_whatever_is_asked_for(pair: Pair, kind: str) -> None:
    stages = (PreDnat(PortSet.parse(f"{NODE_PORT}/tcp")),)
    with rules(pair, KINDS[kind][0], deny=Deny(ingress=REJECT), pre_dnat=stages):
        asked = [(HOST[4], port, socket.SOCK_STREAM) for port in (NODE_PORT, PORT)]
        assert [error for error, _seconds in all_tried(pair.peer, asked)] == [None, errno.EHOSTUNREACH]


def refusals(pair: Pair, family: int) -> tuple[int, float]:
    """Return how many refusals the peer hears of many datagrams that it sends at once, and within how many seconds."""
    protocol, (_errno, number, code) = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}[family], PROHIBITED[family]
    listener = pair.peer.call(partial(socket.socket, FAMILY[family], socket.SOCK_RAW, protocol))

    def send() -> None:
        with socket.socket(FAMILY[family], socket.SOCK_DGRAM) as sender:
            for _datagram in range(SENT):
                with suppress(OSError):  # what came back of the one before
                    sender.sendto(b"", (HOST[family], PORT))
                time.sleep(PAUSE)

    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listener.settimeout(SILENCE)
        begun = time.monotonic()
        pair.peer.call(send)
        seconds = time.monotonic() - begun
        heard = 0
        with suppress(TimeoutError):
            while True:
                packet = listener.recv(256)
                header = packet[(packet[0] & 0xF) * 4 :] if family == 4 else packet
                heard += (header[0], header[1]) == (number, code)
    return heard, seconds


@each_kind
@each_family
def test_refusals_on_the_wire_keep_to_their_limit(pair: Pair, kind: str, family: int) -> None:
    ours, without_limit = KINDS[kind]
    with rules(pair, without_limit, deny=Deny(ingress=REJECT)):
        assert refusals(pair, family)[0] > 0.9 * SENT, "the control: neither kernel nor peer has another limit"
    with rules(pair, ours, deny=Deny(ingress=REJECT)):
        heard, seconds = refusals(pair, family)
        assert AT_FIRST <= heard <= AT_FIRST + A_SECOND * (seconds + 0.1)
