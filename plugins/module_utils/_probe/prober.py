# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Ask with real packets, many at a time: does this port of that address let us in? Nobody has to listen there.

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
    UNREACHABLE,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.icmp_error import IcmpError, icmp_error

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
"""Takes a question, a family and a kind; returns the socket to ask by."""


def plain_socket(_question: Mapping[str, Any], family: int, kind: int) -> socket.socket:
    """Return a socket of this process' own network."""
    return socket.socket(family, kind)


def ask(
    questions: Sequence[Mapping[str, Any]],
    seconds: float,
    open_socket: Open = plain_socket,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Return an answer to each question, in the same order; what isn't asked after so many seconds is NOT_ASKED.

    A question has ``source`` (empty: whichever the kernel takes), ``target``, ``protocol`` (tcp or udp) and ``port``.
    """
    probes = [_Probe(question) for question in questions]
    _Round(probes, seconds, open_socket, clock).run()
    return [probe.answer for probe in probes]


class _Probe:
    """One question under way."""

    def __init__(self, question: Mapping[str, Any]) -> None:
        self.question = question
        self.is_udp = question["protocol"] == "udp"
        self.answer = NOT_ASKED
        self.sock: socket.socket | None = None
        self.tries = 0

    def start(self, open_socket: Open) -> bool:
        """Send the first packet; return whether there is something to wait for."""
        family = socket.AF_INET6 if ":" in self.question["target"] else socket.AF_INET
        kind = socket.SOCK_DGRAM if self.is_udp else socket.SOCK_STREAM
        try:
            self.sock = open_socket(self.question, family, kind)
            self.sock.setblocking(False)
            self.sock.setsockopt(*_RECVERR[family], 1)
            if self.question["source"]:
                self.sock.bind((self.question["source"], 0))
            code = self.sock.connect_ex((self.question["target"], self.question["port"]))
        except OSError as error:
            code = error.errno or errno.EINVAL
        if code not in (0, errno.EINPROGRESS):
            return self._end(_here(code))
        self.answer = SILENT
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
        return self._end(_of_udp(said, self.question["target"], code) if self.is_udp else _of_tcp(said, code))

    @property
    def _open(self) -> socket.socket:
        if self.sock is None:
            raise RuntimeError("the probe is over")
        return self.sock

    def _end(self, answer: str) -> bool:
        self.answer = answer
        self.close()
        return False

    def close(self) -> None:
        """Close the socket, whatever was learnt."""
        if self.sock is not None:
            self.sock.close()
        self.sock = None


class _Round:
    """All probes, at their time, as many at once as is decent."""

    def __init__(self, probes: Sequence[_Probe], seconds: float, open_socket: Open, clock: Callable[[], float]) -> None:
        self._clock, self._open_socket = clock, open_socket
        self._end = clock() + seconds
        # What is due next: when, in which order, and what.
        self._due = [(at, number, probes[number]) for number, at in enumerate(_schedule(probes, clock()))]
        heapq.heapify(self._due)
        self._flying: dict[int, _Probe] = {}

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
            probe = self._flying[number]
            if not probe.read():
                del self._flying[number]

    def _next_step(self, poll: select.epoll, now: float) -> None:
        _at, number, probe = heapq.heappop(self._due)
        if probe.tries == 0 and probe.answer == NOT_ASKED:
            if len(self._flying) >= _AT_A_TIME:
                heapq.heappush(self._due, (now + SECONDS_PER_TRY / 10, number, probe))
                return
            if not probe.start(self._open_socket):
                return
            handle = probe.sock.fileno() if probe.sock else -1
            poll.register(handle, select.EPOLLIN if probe.is_udp else select.EPOLLOUT)
            self._flying[handle] = probe
        elif probe.sock is None:
            return
        elif probe.tries >= TRIES or not probe.send_again():
            self._forget(probe)
            return
        heapq.heappush(self._due, (now + SECONDS_PER_TRY, number, probe))

    def _forget(self, probe: _Probe) -> None:
        for handle in [handle for handle, flying in self._flying.items() if flying is probe]:
            del self._flying[handle]
        probe.close()

    def _stop(self) -> None:
        """Close what is open: of a question that had not all its tries, nobody knows what its silence means."""
        for probe in self._flying.values():
            if probe.sock is not None:
                probe.answer = NOT_ASKED
            probe.close()


def _schedule(probes: Sequence[_Probe], start: float) -> list[float]:
    """Return when each probe may begin: datagrams between the same two addresses at a pace that is answered."""
    counts: dict[tuple[str, str], int] = {}
    times = []
    for probe in probes:
        pair = (probe.question["source"], probe.question["target"])
        if probe.is_udp:
            counts[pair] = counts.get(pair, 0) + 1
        late = max(counts.get(pair, 0) - _DATAGRAMS_AT_ONCE, 0) if probe.is_udp else 0
        times.append(start + late * _SECONDS_BETWEEN_DATAGRAMS)
    return times


def _here(code: int) -> str:
    """Return what it means that nothing could even be sent."""
    if code in _OWN_RULES:
        return KEPT
    return NO_ADDRESS if code in _NO_ADDRESS else f"{NO_ROUTE} ({errno.errorcode.get(code, code)})"


def _of_tcp(said: IcmpError | None, code: int) -> str:
    if not said:
        answers = {0: ACCEPTED, errno.ECONNREFUSED: REFUSED, errno.ECONNRESET: ACCEPTED, errno.ETIMEDOUT: SILENT}
        return answers.get(code) or _here(code)
    # No kernel says "port unreachable" of a TCP port by itself: it resets.
    return f"{REJECTED}: {said}" if said.is_filter or said.is_port else f"{UNREACHABLE}: {said}"


def _of_udp(said: IcmpError | None, target: str, code: int) -> str:
    if not said:
        return _here(code)
    if said.is_port and said.offender == str(ip_address(target)):
        return CLOSED
    return f"{REJECTED}: {said}" if said.is_filter or said.is_port else f"{UNREACHABLE}: {said}"


def unreadable(questions: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with the first question that can't be asked; an empty text where all can be."""
    for index, question in enumerate(questions):
        where = f"questions[{index}]"
        missing = [key for key in ("source", "target", "protocol", "port") if key not in question]
        if missing:
            return f"{where}.{missing[0]}: got nothing, expected source, target, protocol and port"
        if question["protocol"] not in ("tcp", "udp"):
            return f"{where}.protocol: got {question['protocol']!r}, expected tcp or udp"
        for key in ("source", "target"):
            if not _is_address(question[key]) and (key == "target" or question[key] != ""):
                return f"{where}.{key}: got {question[key]!r}, expected an address"
        if not isinstance(question["port"], int) or not 1 <= question["port"] <= 65535:
            return f"{where}.port: got {question['port']!r}, expected a number between 1 and 65535"
    return ""


def _is_address(text: object) -> bool:
    try:
        ip_address(str(text))
    except ValueError:
        return False
    return True
