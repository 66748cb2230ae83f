"""What goes on between the office and every host while the hosts change: long connections, and packets of new ones."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType

from fleet import Fleet, Session, State
from prober import in_namespace
from streams import Stream

VISITS, REPORTS, REFUSED = 8000, 9000, 8999
CONNECTIONS = 20  # of each host: half of them in each direction, half of these over IPv6
PAUSE = 0.1


class Connection:
    """A TCP connection, with both its ends."""

    def __init__(self, fleet: Fleet, source: str, target: str, family: int, port: int) -> None:
        """Open it."""
        self.name = f"{source} -> {target} IPv{family}"
        here, there = (fleet.hosts[name].address("private", family) for name in (source, target))
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        server = in_namespace(fleet.namespaces[target], lambda: socket.create_server((there, port), family=kind))
        with server:
            self._near = in_namespace(
                fleet.namespaces[source], lambda: socket.create_connection((there, port), 3, (here, 0))
            )
            self._far, _address = server.accept()
        self._far.settimeout(3)

    def works(self) -> bool:
        """Return whether each end hears what the other says."""
        try:
            return all(_heard(*ends) for ends in ((self._near, self._far), (self._far, self._near)))
        except OSError:
            return False

    def close(self) -> None:
        """Hang up."""
        self._near.close()
        self._far.close()


class Traffic:
    """Long connections of each host and, if wanted, 1,000 packets a second that may pass and 500 that may not.

    The packets are those of each backend's two hosts together: in and out, IPv4 and IPv6.
    """

    def __init__(self, fleet: Fleet, packets: bool) -> None:
        """Open the connections."""
        self.connections = list(_connections(fleet))
        self.allowed = list(_allowed(fleet)) if packets else []
        self.denied = list(_denied(fleet)) if packets else []
        self.broken: set[str] = set()
        self.exchanges = 0
        self._over = threading.Event()
        self._talk = threading.Thread(target=self._talk_on)
        self._streams = ExitStack()

    def __enter__(self) -> Traffic:
        self._talk.start()
        for stream in (*self.allowed, *self.denied):
            self._streams.enter_context(stream)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._streams.close()
        self._over.set()
        self._talk.join()
        for connection in self.connections:
            connection.close()

    @property
    def lost(self) -> dict[str, list[int]]:
        """Return which allowed packets did not arrive, by stream."""
        missing = {f"{one.source} -> {one.target}": set(range(one.sent)) - one.received for one in self.allowed}
        return {name: sorted(numbers) for name, numbers in missing.items() if numbers}

    @property
    def through(self) -> dict[str, list[int]]:
        """Return which denied packets arrived, by stream."""
        return {f"{one.source} -> {one.target}": sorted(one.received) for one in self.denied if one.received}

    @property
    def sent(self) -> int:
        """Return how many allowed packets there were."""
        return sum(stream.sent for stream in self.allowed)

    def __str__(self) -> str:
        """Return the figures."""
        denied = sum(stream.sent for stream in self.denied)
        return (
            f"{self.sent} allowed packets, lost: {self.lost}; {denied} denied packets, through: {self.through}; "
            f"{len(self.connections)} connections, {self.exchanges} exchanges on each, broken: {sorted(self.broken)}"
        )

    def _talk_on(self) -> None:
        while not self._over.wait(PAUSE):
            self.broken |= {connection.name for connection in self.connections if not connection.works()}
            self.exchanges += 1


@dataclass
class FirstApply:
    """How the very first change of each host went, and the next one."""

    traffic: Traffic
    sessions: dict[str, Session] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    another: dict[str, State] = field(default_factory=dict)
    confirmed: dict[str, State] = field(default_factory=dict)


def _connections(fleet: Fleet) -> Iterator[Connection]:
    for host in fleet.managed:
        for source, target, port in (("office", host, VISITS), (host, "office", REPORTS)):
            for number in range(CONNECTIONS // 2):
                yield Connection(fleet, source, target, 6 if number % 2 else 4, port)


def _allowed(fleet: Fleet) -> Iterator[Stream]:
    for number, (host, family) in enumerate(_families(fleet)):
        yield _stream(fleet, "office", host, VISITS, family)
        yield _stream(fleet, host, "office", REPORTS + number, 10 - family)


def _denied(fleet: Fleet) -> Iterator[Stream]:
    for host, family in _families(fleet):
        yield _stream(fleet, "office", host, REFUSED, family)


def _families(fleet: Fleet) -> Iterator[tuple[str, int]]:
    for host in fleet.managed:
        yield host, 4 if host.startswith("app") else 6


def _stream(fleet: Fleet, source: str, target: str, port: int, family: int) -> Stream:
    here, there = (fleet.hosts[name].address("private", family) for name in (source, target))
    return Stream(fleet.namespaces[source], here, fleet.namespaces[target], there, port)


def _heard(speaker: socket.socket, listener: socket.socket) -> bool:
    speaker.sendall(b"there?")
    return listener.recv(16) == b"there?"
