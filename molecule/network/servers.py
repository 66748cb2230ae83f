"""Small DHCP servers of our own: leases of seconds, and answers to DHCPv6 from a port that is none of a server's."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from prober import in_namespace

LEASE, RENEWAL, REBINDING = 9, 2, 4  # seconds
ODD_PORT = 49152
EVERYBODY = "255.255.255.255"
_SERVERS, _GROUP = 547, "ff02::1:2"


@dataclass(frozen=True)
class Link:
    """A link to one client: its name here, the servers' addresses on it, and those that the client is to have."""

    name: str
    number: int

    def address(self, last: int) -> str:
        """Return an address on the link in IPv4."""
        return f"198.51.100.{16 * self.number + last}"

    @property
    def client(self) -> tuple[str, str]:
        """Return the addresses that the client is to have."""
        return self.address(10), f"2001:db8:65:{self.number}::a"


@dataclass
class Server:
    """A server of both protocols on one link. Of those on it, one at a time is ``alive``.

    ``seen`` counts what clients have asked for: to begin, to renew or to rebind a lease, and in IPv6 whatever it was.
    """

    link: Link
    identity: int
    alive: bool = False
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def address(self) -> str:
        """Return what the server calls itself in IPv4."""
        return self.link.address(self.identity)

    @property
    def duid(self) -> bytes:
        """Return what the server calls itself in IPv6."""
        return struct.pack("!HHIB", 3, 1, self.link.number, self.identity)

    def answer4(self, request: bytes, destination: str) -> tuple[bytes, str] | None:
        """Return the answer to a request in IPv4, and where to: who has his address hears it there."""
        own = socket.inet_aton(self.address)
        options = dict(_options4(request[240:]))
        kind, is_mine = options.get(53, b"\0")[0], options.get(54, own) == own
        if not self.alive or kind not in (1, 3) or not is_mine or destination not in (self.address, EVERYBODY):
            return None
        holds = any(request[12:16])
        extends = "renew 4" if destination == self.address else "rebind 4"
        self.seen[extends if holds else "begin 4"] += 1
        addresses = request[12:16] + socket.inet_aton(self.link.client[0]) + own
        head = b"\2" + request[1:12] + addresses + request[24:240]
        answer = head + self._options4(b"\5" if kind == 3 else b"\2")
        return answer.ljust(300, b"\0"), self.link.client[0] if holds else EVERYBODY

    def _options4(self, kind: bytes) -> bytes:
        times = {51: LEASE, 58: RENEWAL, 59: REBINDING}
        words = {
            53: kind,
            54: socket.inet_aton(self.address),
            1: socket.inet_aton("255.255.255.240"),
            **{key: struct.pack("!I", seconds) for key, seconds in times.items()},
        }
        return b"".join(bytes([key, len(value)]) + value for key, value in words.items()) + b"\xff"

    def answer6(self, request: bytes) -> bytes | None:
        """Return the answer to a request in IPv6."""
        kind, options = request[0], dict(_options6(request[4:]))
        self.seen["anything 6"] += 1
        if not self.alive or kind not in (1, 3, 5, 6) or options.get(2, self.duid) != self.duid or 3 not in options:
            return None
        if kind in (5, 6):
            self.seen["renew 6" if kind == 5 else "rebind 6"] += 1
        address = socket.inet_pton(socket.AF_INET6, self.link.client[1]) + struct.pack("!II", LEASE, LEASE)
        lease = options[3][:4] + struct.pack("!II", RENEWAL, REBINDING) + _option6(5, address)
        words = _option6(1, options[1]) + _option6(2, self.duid) + _option6(3, lease)
        return bytes([2 if kind == 1 else 7]) + request[1:4] + words


def _options4(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data and data[0] != 255:
        if data[0] == 0:
            data = data[1:]
            continue
        yield data[0], data[2 : 2 + data[1]]
        data = data[2 + data[1] :]


def _options6(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        key, size = struct.unpack("!HH", data[:4])
        yield key, data[4 : 4 + size]
        data = data[4 + size :]


def _option6(key: int, value: bytes) -> bytes:
    return struct.pack("!HH", key, len(value)) + value


class Servers:
    """All servers, in the namespace of one machine, answering by a thread of their own."""

    def __init__(self, namespace: str, servers: Mapping[str, list[Server]]) -> None:
        self._servers = servers
        self._selector = selectors.DefaultSelector()
        self._open: list[socket.socket] = []
        for link in servers:
            self._listen(namespace, link)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._ended.set()
        self._thread.join()
        for sock in self._open:
            sock.close()

    def _listen(self, namespace: str, link: str) -> None:
        four, six, odd = (in_namespace(namespace, lambda port=port: _bound(link, *port)) for port in _PORTS)
        self._open += [four, six, odd]
        self._selector.register(four, selectors.EVENT_READ, lambda: self._answer4(four, link))
        self._selector.register(six, selectors.EVENT_READ, lambda: self._answer6(six, odd, link))

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _events in self._selector.select(0.1):
                answer: Callable[[], None] = key.data
                with suppress(OSError):  # a client that is gone, for one
                    answer()

    def _answer4(self, sock: socket.socket, link: str) -> None:
        request, ancillary, _flags, _sender = sock.recvmsg(2048, 64)
        destination = socket.inet_ntoa(ancillary[0][2][8:12])
        for found in filter(None, (server.answer4(request, destination) for server in self._servers[link])):
            sock.sendto(found[0], (found[1], 68))

    def _answer6(self, sock: socket.socket, odd: socket.socket, link: str) -> None:
        request, sender = sock.recvfrom(2048)
        for found in filter(None, (server.answer6(request) for server in self._servers[link])):
            odd.sendto(found, (sender[0], 546, 0, sender[3]))


_IP_PKTINFO = 8
_PORTS = ((socket.AF_INET, 67), (socket.AF_INET6, _SERVERS), (socket.AF_INET6, ODD_PORT))


def _bound(link: str, family: int, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
    if family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    sock.bind(("", port))
    if port == _SERVERS:
        group = socket.inet_pton(socket.AF_INET6, _GROUP) + struct.pack("@I", socket.if_nametoindex(link))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    return sock
