"""Ask the network itself: thousands of real TCP and UDP probes between network namespaces, in batches.

Needs Linux, root and nothing outside the standard library. A namespace is a path: /run/netns/NAME for one made with
``ip netns``, /proc/PID/ns/net for a container's. Listeners live in a child process, which ends with its parent.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

SO_RCVBUFFORCE = 33  # of Linux: more than net.core.rmem_max, so that a busy machine is not taken for a firewall

Result = TypeVar("Result")

_CLONE_NEWNET = 0x40000000
_IP_BIND_ADDRESS_NO_PORT = 24
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_MAX_OPEN = 8000
_UDP_SENDS = 3
_PAYLOAD = b"gatehouse?"
_NO_WAY = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL)


class ProbeError(RuntimeError):
    """The lab is wired wrongly: a probe could not even be sent, so its answer would mean nothing."""


@dataclass(frozen=True, order=True)
class Probe:
    """One question: may this source open this port at this target? What the source leaves empty the kernel fills in."""

    source: str
    source_address: str
    target: str
    target_address: str
    protocol: str
    port: int
    source_port: int = 0

    def __str__(self) -> str:
        """Return the question on one line."""
        source = f"{self.source}[{self.source_address}]" if self.source_address else self.source
        source += f":{self.source_port}" if self.source_port else ""
        return f"{source} -> {self.target}[{self.target_address}] {self.protocol}/{self.port}"


@dataclass(frozen=True)
class Disagreement:
    """A probe whose answer stayed another than expected, also when asked again alone."""

    probe: Probe
    expected: bool

    def __str__(self) -> str:
        """Return what happened and what should have."""
        return f"{self.probe} {'was denied' if self.expected else 'passed'}"


def in_namespace(path: str, function: Callable[[], Result]) -> Result:
    """Return what function returns inside a namespace; sockets made there stay there."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def visit() -> None:
        try:
            _enter(path)
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            errors.append(error)

    thread = threading.Thread(target=visit)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


@contextmanager
def listening(namespaces: Mapping[str, str], tcp: Iterable[int], udp: Iterable[int]) -> Iterator[None]:
    """Accept TCP and echo UDP on these ports in every namespace, IPv4 and IPv6.

    A TCP port in use, such as a container's own sshd, is left to its owner, who answers as well.
    """
    order = {"namespaces": sorted(set(namespaces.values())), "tcp": sorted(set(tcp)), "udp": sorted(set(udp))}
    child = subprocess.Popen(
        [sys.executable, "-I", str(Path(__file__).resolve())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(order) + "\n")
        child.stdin.flush()
        if child.stdout.readline() != "ready\n":
            raise ProbeError("the listeners did not come up; the reason stands above, on stderr")
        yield
    finally:
        with suppress(BrokenPipeError):
            child.stdin.close()
        child.stdout.close()
        child.wait()


def ask(
    probes: Iterable[Probe], namespaces: Mapping[str, str], timeout: float = 0.5, closed_passes: bool = True
) -> dict[Probe, bool]:
    """Send all probes, many at once, and return whether each one passed.

    A denial is ``timeout`` seconds of silence. ``closed_passes`` says whether a reset, or a "port
    unreachable" for UDP, counts as passed: yes where a closed port answers, no where everything asked for listens and
    only a firewall's reject can answer so.
    """
    todo = list(dict.fromkeys(probes))
    size = min(_MAX_OPEN, _raise_file_limit() // 2)
    answers: dict[Probe, bool] = {}
    for start in range(0, len(todo), size):
        answers.update(_Batch(todo[start : start + size], namespaces, closed_passes).run(timeout))
    return answers


def disagreements(
    expected: Mapping[Probe, bool], namespaces: Mapping[str, str], timeout: float = 0.5, closed_passes: bool = True
) -> list[Disagreement]:
    """Return the probes that do not end as expected; each is asked three times, so load alone cannot cause one."""
    unexpected: Iterable[Probe] = expected
    for patience in (timeout, 1.5, 2.5):  # a lost SYN is sent again after one second
        answers = ask(unexpected, namespaces, patience, closed_passes)
        unexpected = [probe for probe, passed in answers.items() if passed != expected[probe]]
        if not unexpected:
            break
    return [Disagreement(probe, expected[probe]) for probe in sorted(unexpected)]


class _Batch:
    """Probes that are under way together."""

    def __init__(self, probes: list[Probe], namespaces: Mapping[str, str], closed_passes: bool) -> None:
        self._answers = dict.fromkeys(probes, False)
        self._closed_passes = closed_passes
        self._sockets = _open_all(probes, namespaces)
        self._open: dict[int, Probe] = {}

    def run(self, timeout: float) -> dict[Probe, bool]:
        """Return whether each probe passed; afterwards no socket and no packet is left."""
        try:
            with select.epoll() as poll:
                for probe in self._answers:
                    self._start(probe, poll)
                for _resend in range(_UDP_SENDS - 1):
                    self._wait(poll, timeout / _UDP_SENDS)
                    self._send_again()
                self._wait(poll, timeout / _UDP_SENDS)
        finally:
            for sock in self._sockets.values():
                sock.close()
        return self._answers

    def _start(self, probe: Probe, poll: select.epoll) -> None:
        sock = self._sockets[probe]
        try:
            if probe.source_address or probe.source_port:
                sock.bind((probe.source_address, probe.source_port))
            code = sock.connect_ex((probe.target_address, probe.port))
        except OSError as error:
            raise ProbeError(f"{probe}: {error}") from error
        if code in _NO_WAY:
            raise ProbeError(f"{probe}: {os.strerror(code)}")
        if code not in (0, errno.EINPROGRESS):
            self._answers[probe] = self._passed(code)
            return
        self._open[sock.fileno()] = probe
        if probe.protocol == "udp":
            self._send(probe)
        poll.register(sock, select.EPOLLIN if probe.protocol == "udp" else select.EPOLLOUT)

    def _send(self, probe: Probe) -> None:
        # What surfaces here (the sender's own firewall, an answer to an earlier packet) is not told to the poll again.
        try:
            self._sockets[probe].send(_PAYLOAD)
        except OSError as error:
            self._answers[probe] = self._passed(error.errno or errno.EINVAL)

    def _send_again(self) -> None:
        for probe in self._open.values():
            if probe.protocol == "udp":
                self._send(probe)

    def _wait(self, poll: select.epoll, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._open and (left := end - time.monotonic()) > 0:
            for number, _event in poll.poll(left, 1024):
                poll.unregister(number)
                probe = self._open.pop(number)
                self._answers[probe] = self._judge(probe)

    def _judge(self, probe: Probe) -> bool:
        sock = self._sockets[probe]
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            return self._passed(code)
        try:
            return sock.recv(64) == _PAYLOAD if probe.protocol == "udp" else bool(sock.getpeername())
        except OSError as error:
            return self._passed(error.errno or errno.EINVAL)

    def _passed(self, code: int) -> bool:
        # A reset that came after the handshake is a server in a hurry, one instead of it a closed port.
        return code == errno.ECONNRESET or (code == errno.ECONNREFUSED and self._closed_passes)


def _open_all(probes: list[Probe], namespaces: Mapping[str, str]) -> dict[Probe, socket.socket]:
    by_source: dict[str, list[Probe]] = {}
    for probe in probes:
        by_source.setdefault(probe.source, []).append(probe)
    sockets: dict[Probe, socket.socket] = {}
    for source, some in by_source.items():
        sockets.update(in_namespace(namespaces[source], partial(_clients, some)))
    return sockets


def _clients(probes: list[Probe]) -> dict[Probe, socket.socket]:
    return {probe: _client(probe) for probe in probes}


def _client(probe: Probe) -> socket.socket:
    family = socket.AF_INET6 if ":" in probe.target_address else socket.AF_INET
    if probe.protocol == "udp":
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    else:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    if probe.source_port:  # which many probes, and a listener, may share
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return sock


def _enter(path: str) -> None:
    with Path(path).open("rb") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)


def _raise_file_limit() -> int:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


# The rest runs in the child process.


def _serve() -> None:
    order = json.loads(sys.stdin.readline())
    _raise_file_limit()
    listeners: dict[int, socket.socket] = {}
    for path in order["namespaces"]:
        _enter(path)
        for kind, ports in ((socket.SOCK_STREAM, order["tcp"]), (socket.SOCK_DGRAM, order["udp"])):
            for sock in filter(None, (_listener(kind, port) for port in ports)):
                listeners[sock.fileno()] = sock
    with select.epoll() as poll:
        for number in listeners:
            poll.register(number, select.EPOLLIN)
        poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
        print("ready", flush=True)
        while True:
            for number, _event in poll.poll():
                if number == sys.stdin.fileno():
                    return
                _answer(listeners[number])


def _listener(kind: int, port: int) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET6, kind | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:  # an answer must leave with the address that was asked, whichever the kernel would choose
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    try:
        sock.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            sock.listen(4096)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE and kind == socket.SOCK_STREAM:
            return None
        raise
    return sock


def _answer(sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            if sock.type == socket.SOCK_STREAM:
                sock.accept()[0].close()
            else:
                payload, extra, _flags, client = sock.recvmsg(64, socket.CMSG_SPACE(20))
                sock.sendmsg([payload], [_same_address(*part) for part in extra], 0, client)


def _same_address(level: int, kind: int, data: bytes) -> tuple[int, int, bytes]:
    return level, kind, data[:16] + bytes(4)  # the address that was asked, through whichever interface the route says


if __name__ == "__main__":
    _serve()
