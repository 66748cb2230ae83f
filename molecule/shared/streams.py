"""Traffic that goes on while a host changes: numbered datagrams, each of a connection of its own."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from prober import SO_RCVBUFFORCE, in_namespace

RATE = 250  # datagrams a second
SETTLE = 0.3  # seconds that the last datagram may be on its way


@dataclass
class Stream:
    """Datagrams from one namespace to another, from a new port each, so that each is judged as a new connection."""

    sender: str
    source: str
    receiver: str
    target: str
    port: int
    sent: int = 0
    received: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._listener = in_namespace(self.receiver, self._listen)
        work = (lambda: in_namespace(self.sender, self._send), self._receive)
        self._threads = [threading.Thread(target=task) for task in work]

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    @property
    def lost(self) -> int:
        """Return how many of the datagrams did not arrive."""
        return self.sent - len(self.received)

    @property
    def _family(self) -> int:
        return socket.AF_INET6 if ":" in self.target else socket.AF_INET

    def _listen(self) -> socket.socket:
        listener = socket.socket(self._family, socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        listener.bind((self.target, self.port))
        listener.settimeout(SETTLE)
        return listener

    def _send(self) -> None:
        begun = time.monotonic()
        for number in itertools.count():
            if self._over.wait(max(0.0, begun + number / RATE - time.monotonic())):
                return
            with socket.socket(self._family, socket.SOCK_DGRAM) as sock, suppress(PermissionError):
                sock.bind((self.source, 0))
                sock.sendto(number.to_bytes(4, "big"), (self.target, self.port))
            self.sent = number + 1

    def _receive(self) -> None:
        while True:
            try:
                self.received.add(int.from_bytes(self._listener.recv(16), "big"))
            except TimeoutError:
                if self._over.is_set():
                    return
