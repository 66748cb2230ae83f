"""Accept new connections from 10,000 allowed peers, against a table that only tracks connections.

A client that has every peer's address meets a server over a veth pair, both in namespaces. Over TCP, each connection is
a handshake and a reset; over UDP, each datagram begins a conversation, so that nothing but its way through the kernel
is measured. Forwarded connections go through the server to a guest behind it, in a third namespace. One thread plays
both sides, and all work of the kernel falls to it: its processor time counts, whatever else the machine does. Turns are
short and many, so that what else goes on touches few of them.
"""

from __future__ import annotations

import ipaddress
import random
import shutil
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache

import core
from measure import Figure, Missing, Options, Outcome, Samples, take_turns
from namespaces import Namespace, namespace

ROUNDS = 41
TCP_CONNECTIONS = 1_000
CLIENT, STRANGER = "198.19.255.2", "198.18.255.1"
BRIDGE, GUEST = "198.19.254.1", "198.19.254.2"
CARRIES = {
    "interfaces": ["br-*", "cni*", "nomad*", "podman*", "virbr*", "docker0"],
    "networks": ["198.19.254.0/24"],
}
PORT = 443
SETTINGS = ("net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.conf.all.rp_filter=0")
RESET = struct.pack("ii", 1, 0)
ONLY_TRACKS = """
table inet tracks {
    chain input { type filter hook input priority filter - 10; ct state established,related accept; }
    chain output { type filter hook output priority filter - 10; ct state established,related accept; }
    chain forward { type filter hook forward priority filter - 10; ct state established,related accept; }
}
"""


def measure(options: Options) -> list[Outcome]:
    """Measure connections over TCP, and conversations over UDP; and connections over TCP that are forwarded."""
    title = f"new connections from {core.PEER_COUNT:,} allowed peers"
    if not shutil.which("conntrack"):
        return [Missing(title, "needs conntrack")]
    forwarded = _forwarded(options)
    with ExitStack() as pairs:
        ours = pairs.enter_context(_pair(core.server_ruleset(core.PEERS)))
        tracks = pairs.enter_context(_pair(ONLY_TRACKS))
        _check(ours, tracks)
        tcp = take_turns(options.rounds_or(ROUNDS), {"ours": ours.tcp_rate, "tracks": tracks.tcp_rate})
        udp = take_turns(options.rounds_or(ROUNDS), {"ours": ours.udp_rate, "tracks": tracks.udp_rate})
    return [
        _figure(f"{title}, TCP", tcp),
        _figure(f"{title}, UDP", udp),
        _figure(f"new connections from {core.PEER_COUNT:,} allowed peers to a guest, TCP", forwarded),
    ]


def _forwarded(options: Options) -> dict[str, list[float]]:
    with ExitStack() as pairs:
        ours = pairs.enter_context(_pair_through(core.server_ruleset(core.PEERS, CARRIES)))
        tracks = pairs.enter_context(_pair_through(ONLY_TRACKS))
        _check(ours, tracks)
        return take_turns(options.rounds_or(ROUNDS), {"ours": ours.tcp_rate, "tracks": tracks.tcp_rate})


def _figure(what: str, rates: dict[str, list[float]]) -> Figure:
    other = Samples("a table that only tracks connections", rates["tracks"], "/s")
    return Figure(what, Samples("ours", rates["ours"], "/s"), other, "at least", 0.95)


@dataclass(frozen=True)
class _Pair:
    """A client, what has the ruleset, and what listens at an address of it, or of a guest behind it."""

    client: Namespace
    server: Namespace
    address: str
    listener: socket.socket
    sink: socket.socket

    def tcp_rate(self) -> float:
        """Return how many connections a second are accepted, one after the other."""
        sources = random.Random(1).choices(core.PEERS, k=TCP_CONNECTIONS)
        return self._rate(len(sources), lambda: self._connect_all(sources))

    def udp_rate(self) -> float:
        """Return how many conversations a second are let in; raise where one is not."""
        packets = _datagrams()
        let_in = self.server.counters("Ip")["InDelivers"]
        rate = self._rate(len(packets), lambda: self._send_all(packets))
        let_in = self.server.counters("Ip")["InDelivers"] - let_in
        if let_in < len(packets):
            raise RuntimeError(f"only {let_in} of {len(packets)} datagrams were let in")
        return rate

    def lets_in(self, source: str) -> bool:
        """Return whether an address can connect."""
        try:
            self.client.call(lambda: self._connect(source))
        except TimeoutError:
            return False
        return True

    def _rate(self, count: int, action: Callable[[], None]) -> float:
        """Return how often a second of the processor an action happens that begins with nothing tracked."""
        self.server.run("conntrack", "--flush")
        return count / self.client.call(lambda: _processor_seconds(action))

    def _connect_all(self, sources: Sequence[str]) -> None:
        for source in sources:
            self._connect(source)

    def _connect(self, source: str) -> None:
        with socket.socket() as connection:
            connection.settimeout(0.5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.bind((source, 0))
            connection.connect((self.address, PORT))
            accepted, _address = self.listener.accept()
            accepted.close()

    @staticmethod
    def _send_all(packets: Sequence[bytes]) -> None:
        target = (core.SERVER, 0)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for packet in packets:
                raw.sendto(packet, target)


def _processor_seconds(action: Callable[[], None]) -> float:
    begun = time.thread_time()
    action()
    return time.thread_time() - begun


def _check(ours: _Pair, tracks: _Pair) -> None:
    """Raise unless the rulesets are those that are meant: peers come in, a stranger only where nothing filters."""
    found = [pair.lets_in(source) for pair in (ours, tracks) for source in (core.PEERS[-1], STRANGER)]
    if found != [True, False, True, True]:
        raise RuntimeError("the rulesets do not let in what they should")


@cache
def _datagrams() -> list[bytes]:
    """Return an IPv4 packet from each peer; the kernel fills in lengths and IPv4's checksum, and UDP needs none."""
    peers = [ipaddress.IPv4Address(peer).packed for peer in random.Random(1).sample(core.PEERS, core.PEER_COUNT)]
    server = ipaddress.IPv4Address(core.SERVER).packed
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0)
    return [header + peer + server + struct.pack("!HHHH", 50_000, PORT, 8, 0) for peer in peers]


@contextmanager
def _pair(ruleset: str) -> Iterator[_Pair]:
    """Make a client and a server that has loaded a ruleset."""
    with namespace() as client, namespace() as server:
        _connect_namespaces(client, server)
        server.run("nft", "-f", "-", text=ruleset)
        with server.call(_listener) as listener, server.call(_sink) as sink:
            yield _Pair(client, server, core.SERVER, listener, sink)


@contextmanager
def _pair_through(ruleset: str) -> Iterator[_Pair]:
    """Make a client, and a guest behind a host that has loaded a ruleset."""
    with namespace() as client, namespace() as host, namespace() as guest:
        _connect_namespaces(client, host)
        guest.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "docker0", "netns", str(host.pid))
        for here, link, address in ((host, "docker0", BRIDGE), (guest, "eth0", GUEST)):
            here.run("sysctl", "-qw", *SETTINGS, "net.ipv4.ip_forward=1")
            here.run("ip", "address", "add", f"{address}/24", "dev", link)
            here.run("ip", "link", "set", link, "up")
        guest.run("ip", "route", "add", "default", "via", BRIDGE)
        client.run("ip", "route", "add", GUEST, "via", core.SERVER)
        host.run("nft", "-f", "-", text=ruleset)
        with guest.call(_listener) as listener, guest.call(_sink) as sink:
            yield _Pair(client, host, GUEST, listener, sink)


def _connect_namespaces(client: Namespace, server: Namespace) -> None:
    client.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(server.pid))
    for here, address in ((client, CLIENT), (server, core.SERVER)):
        here.run("sysctl", "-qw", *SETTINGS)
        here.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        here.run("ip", "link", "set", "lo", "up")
        here.run("ip", "link", "set", "eth0", "up")
    # All of it is the client's, without an address of its own for each peer.
    client.run("ip", "route", "add", "local", "198.18.0.0/16", "dev", "lo")
    server.run("ip", "route", "add", "198.18.0.0/16", "via", CLIENT)


def _listener() -> socket.socket:
    made = socket.create_server(("", PORT), backlog=128)
    made.settimeout(5)
    return made


def _sink() -> socket.socket:
    """Return a socket that takes datagrams until it is full, and has the rest dropped at its door."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("", PORT))
    return made
