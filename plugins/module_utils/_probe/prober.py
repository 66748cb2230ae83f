# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Ask with real packets, many at a time: does this port of that address let us in? No listener is needed there.

TCP connects and closes, UDP sends datagrams without content. A refusal by the host itself shows that its firewall let
the packet in. What an ICMP error says, and who sent it, is read from the socket's error queue (ip(7), IP_RECVERR).
"""

from __future__ import annotations

import errno
import heapq
import select
import socket
import time
from ipaddress import ip_address
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.probe_words import (
    ACCEPTED,
    ANSWERED,
    CLOSED,
    KEPT,
    NO_ADDRESS,
    NO_ROUTE,
    NOT_ASKED,
    REFUSED,
    REJECTED,
    SILENT,
    UNCLEAR,
    UNREACHABLE,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.icmp_error import IcmpError, icmp_error
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.own_resets import OwnResets

TRIES = 3
SECONDS_PER_TRY = 1.2  # a lost SYN is sent again after one second and after three
_AT_A_TIME = 256
# Kernels answer six datagrams to closed ports at once, then one a second to the same peer (icmp(7), icmp_ratelimit).
_DATAGRAMS_AT_ONCE = 4
_SECONDS_BETWEEN_DATAGRAMS = 1.1
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}  # linux/in.h, in6.h
_OWN_RULES = (errno.EPERM,)
_NO_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

Open = Callable[[Mapping[str, Any], int, int], socket.socket]
"""Takes a probe, a family and a kind; returns the socket to ask by."""


def plain_socket(_probe: Mapping[str, Any], family: int, kind: int) -> socket.socket:
    """Return a socket of this process' own network."""
    return socket.socket(family, kind)


def ask(
    probes: Sequence[Mapping[str, Any]],
    seconds: float,
    open_socket: Open = plain_socket,
    clock: Callable[[], float] = time.monotonic,
    resets: OwnResets | None = None,
) -> list[str]:
    """Return the result of each probe, in the same order; what isn't sent after so many seconds is NOT_ASKED.

    Without ``resets``, no rule of the sender's own host refuses by a reset.

    A probe has ``source`` (empty: whichever the kernel takes), ``target``, ``protocol`` (tcp or udp) and ``port``.
    """
    attempts = [_Attempt(probe, resets) for probe in probes]
    _Round(attempts, seconds, open_socket, clock).run()
    return [attempt.result for attempt in attempts]


class _Attempt:
    """One probe under way."""

    def __init__(self, probe: Mapping[str, Any], resets: OwnResets | None) -> None:
        self.probe = probe
        self._resets = resets
        self._own_port = 0
        self.is_udp = probe["protocol"] == "udp"
        self.result = NOT_ASKED
        self.sock: socket.socket | None = None
        self.tries = 0

    def start(self, open_socket: Open) -> bool:
        """Send the first packet; return whether there is something to wait for."""
        family = socket.AF_INET6 if ":" in self.probe["target"] else socket.AF_INET
        kind = socket.SOCK_DGRAM if self.is_udp else socket.SOCK_STREAM
        try:
            self.sock = open_socket(self.probe, family, kind)
            self.sock.setblocking(False)
            self.sock.setsockopt(*_RECVERR[family], 1)
            self.sock.bind((self.probe["source"], 0))
            self._own_port = self.sock.getsockname()[1]
            code = self.sock.connect_ex((self.probe["target"], self.probe["port"]))
        except OSError as error:
            code = error.errno or errno.EINVAL
        if code == errno.ECONNREFUSED:
            return self._end(self._refused())
        if code not in (0, errno.EINPROGRESS):
            return self._end(_here(code))
        self.result = SILENT
        return self.send_again() if self.is_udp else True

    def send_again(self) -> bool:
        """Send another datagram, where a lost one is not sent again by itself; return whether to go on."""
        self.tries += 1
        if not self.is_udp:
            return self.tries < TRIES
        try:
            self._open.send(b"")
        except OSError as error:
            if error.errno in _OWN_RULES:
                return self._end(KEPT)
            return self.read(error.errno or errno.EINVAL)
        return True

    def read(self, code: int = 0) -> bool:
        """Take what has come back; return whether to go on waiting."""
        code = code or self._open.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        said = icmp_error(self._open)
        if self.is_udp and not code and not said:
            try:
                self._open.recv(1)
            except BlockingIOError:
                return True
            except OSError as error:
                code, said = error.errno or errno.EINVAL, icmp_error(self._open)
            else:
                return self._end(ANSWERED)
        result = _of_udp(said, self.probe["target"], code) if self.is_udp else _of_tcp(said, code)
        return self._end(self._refused() if result == REFUSED else result)

    def _refused(self) -> str:
        """Return what a reset shows, by where it came from."""
        if self._resets is None:
            return REFUSED
        own = self._resets.refused(self.probe["target"], self.probe["port"], self._own_port)
        return UNCLEAR if own is None else (KEPT if own else REFUSED)

    @property
    def _open(self) -> socket.socket:
        if self.sock is None:
            raise RuntimeError("the probe is over")
        return self.sock

    def _end(self, result: str) -> bool:
        self.result = result
        self.close()
        return False

    def close(self) -> None:
        """Close the socket, whatever was learnt."""
        if self.sock is not None:
            self.sock.close()
        self.sock = None


class _Round:
    """All attempts, at their time, as many at once as is decent."""

    def __init__(
        self, attempts: Sequence[_Attempt], seconds: float, open_socket: Open, clock: Callable[[], float]
    ) -> None:
        self._clock, self._open_socket = clock, open_socket
        self._end = clock() + seconds
        # A heap by time. The number keeps those of one time in order, since attempts can't be compared.
        self._due = [(at, number, attempts[number]) for number, at in enumerate(_schedule(attempts, clock()))]
        heapq.heapify(self._due)
        self._flying: dict[int, _Attempt] = {}

    def run(self) -> None:
        """Ask until all is answered, or the time is over."""
        with select.epoll() as poll:
            try:
                while self._due and self._clock() < self._end:
                    self._go_on(poll)
            finally:
                self._stop()

    def _go_on(self, poll: select.epoll) -> None:
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            self._next_step(poll, now)
        wait = min(self._due[0][0], self._end) - now if self._due else 0
        for number, _event in poll.poll(max(wait, 0)):
            attempt = self._flying[number]
            if not attempt.read():
                del self._flying[number]

    def _next_step(self, poll: select.epoll, now: float) -> None:
        _at, number, attempt = heapq.heappop(self._due)
        if attempt.tries == 0 and attempt.result == NOT_ASKED:
            if len(self._flying) >= _AT_A_TIME:
                heapq.heappush(self._due, (now + SECONDS_PER_TRY / 10, number, attempt))
                return
            if not attempt.start(self._open_socket):
                return
            handle = attempt.sock.fileno() if attempt.sock else -1
            poll.register(handle, select.EPOLLIN if attempt.is_udp else select.EPOLLOUT)
            self._flying[handle] = attempt
        elif attempt.sock is None:
            return
        elif attempt.tries >= TRIES or not attempt.send_again():
            self._forget(attempt)
            return
        heapq.heappush(self._due, (now + SECONDS_PER_TRY, number, attempt))

    def _forget(self, attempt: _Attempt) -> None:
        for handle in [handle for handle, flying in self._flying.items() if flying is attempt]:
            del self._flying[handle]
        attempt.close()

    def _stop(self) -> None:
        """Close what is open: the silence of a probe that had not all its tries means nothing."""
        for attempt in self._flying.values():
            if attempt.sock is not None:
                attempt.result = NOT_ASKED
            attempt.close()


def _schedule(attempts: Sequence[_Attempt], start: float) -> list[float]:
    """Return when each attempt may begin: datagrams between the same two addresses at a pace that is answered."""
    counts: dict[tuple[str, str], int] = {}
    times = []
    for attempt in attempts:
        pair = (attempt.probe["source"], attempt.probe["target"])
        if attempt.is_udp:
            counts[pair] = counts.get(pair, 0) + 1
        late = max(counts.get(pair, 0) - _DATAGRAMS_AT_ONCE, 0) if attempt.is_udp else 0
        times.append(start + late * _SECONDS_BETWEEN_DATAGRAMS)
    return times


def _here(code: int) -> str:
    """Return what it means that nothing could even be sent."""
    if code in _OWN_RULES:
        return KEPT
    return NO_ADDRESS if code in _NO_ADDRESS else f"{NO_ROUTE} ({errno.errorcode.get(code, code)})"


def _of_tcp(said: IcmpError | None, code: int) -> str:
    if not said:
        results = {0: ACCEPTED, errno.ECONNREFUSED: REFUSED, errno.ECONNRESET: ACCEPTED, errno.ETIMEDOUT: SILENT}
        return results.get(code) or _here(code)
    # No kernel says "port unreachable" of a TCP port by itself: it resets.
    return f"{REJECTED}: {said}" if said.is_filter or said.is_port else f"{UNREACHABLE}: {said}"


def _of_udp(said: IcmpError | None, target: str, code: int) -> str:
    if not said:
        return _here(code)
    if said.is_port and said.offender == str(ip_address(target)):
        return CLOSED
    return f"{REJECTED}: {said}" if said.is_filter or said.is_port else f"{UNREACHABLE}: {said}"


def unreadable(probes: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with the first probe that can't be asked; an empty text where all can be."""
    for index, probe in enumerate(probes):
        where = f"probes[{index}]"
        missing = [key for key in ("source", "target", "protocol", "port") if key not in probe]
        if missing:
            return f"{where}.{missing[0]}: got nothing, expected source, target, protocol and port"
        if probe["protocol"] not in ("tcp", "udp"):
            return f"{where}.protocol: got {probe['protocol']!r}, expected tcp or udp"
        for key in ("source", "target"):
            if not _is_address(probe[key]) and (key == "target" or probe[key] != ""):
                return f"{where}.{key}: got {probe[key]!r}, expected an address"
        if not isinstance(probe["port"], int) or not 1 <= probe["port"] <= 65535:
            return f"{where}.port: got {probe['port']!r}, expected a number between 1 and 65535"
    return ""


def _is_address(text: object) -> bool:
    try:
        ip_address(str(text))
    except ValueError:
        return False
    return True
