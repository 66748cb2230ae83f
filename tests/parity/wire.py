"""A host with links to its peers, its pods and its guests, and the world at their other ends.

That can send from any address. What the host's rules let in comes out of raw sockets there; what they let out or on is
seen on the wire. Nothing is waited for that may not come: behind each batch run frames that are not IP, which no rule
meets and which overtake nothing.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import Address
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet
from ansible_collections.gatehouse.firewall.tests.parity.frames import PROTOCOLS, frame
from ansible_collections.gatehouse.firewall.tests.parity.namespaces import Namespace, new_namespace
from ansible_collections.gatehouse.firewall.tests.parity.places import (
    GUEST_LEGS,
    GUESTS,
    LEGS,
    ON_LINK_OWN,
    OWN,
    POD_LEG,
    PODS,
    SERVICES,
)
from ansible_collections.gatehouse.firewall.tests.parity.redirects import is_passed_on, rules

_ALL_LEGS = (*LEGS, POD_LEG, *GUEST_LEGS)
_HOST_SETTINGS = {
    **{f"{family}/conf/all/forwarding": 1 for family in ("ipv4", "ipv6")},
    **{f"ipv4/conf/{which}/rp_filter": 0 for which in ("all", "default")},
    **{f"ipv6/conf/{which}/{key}": 0 for which in ("all", "default") for key in ("accept_dad", "accept_ra")},
    "ipv6/conf/default/router_solicitations": 0,
    "ipv4/conf/default/accept_redirects": 0,
    "ipv6/conf/default/accept_redirects": 0,
}
# The world is a wire: whatever it hears, it says nothing.
_WORLD_SETTINGS = {f"ipv6/conf/{which}/disable_ipv6": 1 for which in ("all", "default")}

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_ETHERTYPE = {4: 0x0800, 6: 0x86DD}
_ALL_ETHERTYPES = 3
_MARKER = 0x88B5  # an ethertype for experiments
_SOL_PACKET = 263
_PACKET_IGNORE_OUTGOING = 23
_SO_RCVBUFFORCE = 33
_BUFFER = 16 << 20
_TAIL = "!4sII"
_TAIL_SIZE = struct.calcsize(_TAIL)
_MAGIC = b"gate"
_NO_NUMBER = 0xFFFFFFFF
_PATIENCE = 10.0


class WireError(RuntimeError):
    """The wire itself does not work, so that what was not heard means nothing."""


class Wire:
    """A running pair of namespaces and all its sockets."""

    def __init__(self, host: Namespace, world: Namespace) -> None:
        self.host = host
        self._batch = 0
        self._here = {leg: host.call(partial(_packet_socket, leg, _MARKER)) for leg in _ALL_LEGS}
        self._there = {leg: world.call(partial(_packet_socket, leg, _ALL_ETHERTYPES)) for leg in _ALL_LEGS}
        self._senders = {
            (family, leg): host.call(partial(_sender, family, leg))
            for family in _FAMILY
            for leg in (*LEGS, *GUEST_LEGS, "lo")
        }
        self._receivers = [
            host.call(partial(_receiver, family, protocol)) for family in _FAMILY for protocol in PROTOCOLS.values()
        ]

    @classmethod
    @contextmanager
    def up(cls) -> Iterator[Wire]:
        """Start a host and its world; take them down in the end."""
        with new_namespace() as host, new_namespace() as world:
            host.set(_HOST_SETTINGS)
            world.set(_WORLD_SETTINGS)
            _link(host, world)
            wire = cls(host, world)
            try:
                wire._wait_until_up()
                _route(host)
                host.run("nft", "-f", "-", text=rules())
                yield wire
            finally:
                for sock in wire._sockets():
                    sock.close()

    def passed(self, packets: Sequence[Packet]) -> list[bool]:
        """Send packets, and return of each whether it came through."""
        self._batch += 1
        with _one_processor():
            for number, packet in enumerate(packets):
                self._send(packet, number)
            on_the_wire = self._wait_for_all(_PATIENCE)
        in_the_host = {number for number, _frame in self._numbered(_drained(self._receivers))}
        return [
            (number, _target(packet).packed) in on_the_wire if _leaves_the_host(packet) else number in in_the_host
            for number, packet in enumerate(packets)
        ]

    def forget(self) -> None:
        """Forget all connections."""
        self.host.run("conntrack", "--flush")

    def _sockets(self) -> list[socket.socket]:
        return [*self._here.values(), *self._there.values(), *self._senders.values(), *self._receivers]

    def _send(self, packet: Packet, number: int) -> None:
        data = frame(packet, number, struct.pack(_TAIL, _MAGIC, self._batch, number))
        family = packet.source.version
        if packet.direction == "ingress" and packet.interface != "lo":
            self._there[packet.interface].send(_ethernet(packet.interface, _ETHERTYPE[family]) + data)
            return
        with suppress(PermissionError):  # how the kernel tells the sender that a rule dropped it
            self._senders[family, packet.interface].sendto(data, (str(packet.destination), 0))

    def _wait_for_all(self, patience: float) -> set[tuple[int, bytes]]:
        """Return the numbers and destinations of what came out of the host, once everything that was sent has been.

        A refusal has the end of the packet that it is about, but goes to that one's sender.
        """
        self._follow(self._there, self._here, patience)
        # Only now has the host sent on what it forwards.
        heard = self._follow(self._here, self._there, patience)
        return {(number, _destination(data)) for number, data in self._numbered(heard)}

    def _follow(
        self, senders: Mapping[str, socket.socket], receivers: Mapping[str, socket.socket], patience: float
    ) -> list[bytes]:
        """Send a marker along each link, and return what was heard until all have come."""
        for leg, sender in senders.items():
            sender.send(_ethernet(leg, _MARKER) + self._mark)
        missing = list(receivers.values())
        heard: list[bytes] = []
        end = time.monotonic() + patience
        while missing:
            ready = select.select(missing, [], [], max(0.0, end - time.monotonic()))[0]
            if not ready:
                raise WireError("the links carry nothing")
            for sock in ready:
                heard.append(sock.recv(2048))
                if heard[-1].endswith(struct.pack("!H", _MARKER) + self._mark):
                    missing.remove(sock)
        return heard

    @property
    def _mark(self) -> bytes:
        return struct.pack(_TAIL, _MAGIC, self._batch, _NO_NUMBER)

    def _wait_until_up(self) -> None:
        for _attempt in range(100):
            self._batch += 1
            with suppress(WireError):
                self._wait_for_all(0.05)
                return
        raise WireError("the links do not come up")

    def _numbered(self, frames: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield this batch's packets, each with its number, which stands at its end, of whatever else there is."""
        for data in frames:
            if len(data) >= _TAIL_SIZE:
                magic, batch, number = struct.unpack(_TAIL, data[-_TAIL_SIZE:])
                if magic == _MAGIC and batch == self._batch:
                    yield number, data


def _link(host: Namespace, world: Namespace) -> None:
    host.ip("link set lo up", *(f"link add {leg} type veth peer name {leg} netns {world.pid}" for leg in _ALL_LEGS))
    world.ip(*(f"link set {leg} up" for leg in _ALL_LEGS))
    # Without ARP nobody has to be found before a packet to him can leave.
    host.ip(*(f"link set {leg} address {_mac(leg)} arp off up" for leg in _ALL_LEGS))


def _route(host: Namespace) -> None:
    host.ip(f"address add {OWN[4]} dev {LEGS[0]}", f"address add {OWN[6]} dev {LEGS[0]} nodad")
    host.ip(*(f"address add {ON_LINK_OWN}/64 dev {leg} nodad" for leg in LEGS))
    host.ip(*(f"route add {to} dev {leg} metric 1{leg[-1]}" for to in ("0.0.0.0/0", "::/0") for leg in LEGS))
    host.ip(*(f"route add {address} dev {POD_LEG}" for address in (*PODS.values(), *SERVICES.values())))
    host.ip(*(f"route add {network} dev {leg}" for leg, own in GUESTS.items() for network in own.values()))


def _leaves_the_host(packet: Packet) -> bool:
    return is_passed_on(packet) if packet.direction == "ingress" else packet.interface != "lo"


def _target(packet: Packet) -> Address:
    return packet.forwarded_to or packet.destination


def _destination(data: bytes) -> bytes:
    """Return where a packet goes, of a frame with it."""
    return data[30:34] if data[14] >> 4 == 4 else data[38:54]


@contextmanager
def _one_processor() -> Iterator[None]:
    # Each processor has a queue of its own for what comes in, and only one queue keeps the order.
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _drained(sockets: Iterable[socket.socket]) -> Iterator[bytes]:
    for sock in sockets:
        with suppress(BlockingIOError):
            while True:
                yield sock.recv(2048)


def _mac(leg: str) -> str:
    return f"02:00:00:00:00:0{leg[-1]}"


def _ethernet(leg: str, ethertype: int) -> bytes:
    return bytes.fromhex(_mac(leg).replace(":", "")) + bytes(6) + struct.pack("!H", ethertype)


def _packet_socket(leg: str, ethertype: int) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    sock.bind((leg, ethertype))
    return sock


def _sender(family: int, leg: str) -> socket.socket:
    sock = socket.socket(_FAMILY[family], socket.SOCK_RAW, socket.IPPROTO_RAW)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if leg != "lo":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, leg.encode())
    return sock


def _receiver(family: int, protocol: int) -> socket.socket:
    sock = socket.socket(_FAMILY[family], socket.SOCK_RAW, protocol)
    sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    sock.setblocking(False)
    return sock
