# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Ask the host's name servers for addresses, and for how long they count, which no function of libc tells.

As much of a stub resolver (RFC 1034 5.3.1, RFC 1035) as that takes: /etc/hosts first, then the servers, search list
and options of resolv.conf(5), over UDP, and over TCP where an answer doesn't fit. Python 3.8, standard library.

Each question has one deadline, whatever comes until then: a limit on each wait would begin anew with every datagram
and every byte that a hostile neighbour sends.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Iterator, Mapping, Sequence, Tuple

A, AAAA, CNAME = 1, 28, 5
TYPES = {A: 4, AAAA: 6}
PORT = 53
_IN = 1
_RECURSION_DESIRED = 0x0100
_RESPONSE, _TRUNCATED, _CODE = 0x8000, 0x0200, 0x000F
_NO_SUCH_NAME = 3
_LONGEST_CHAIN = 16  # of aliases
_POINTER = 0xC0
_LONGEST_QUESTION, _LONGEST_NAME = 15.0, 30.0  # seconds, over all servers, attempts and domains to search

Record = Tuple[str, int, int, bytes]
"""Owner, type, time to live in seconds, and data; an alias's data is the name that it is for."""


class DnsError(Exception):
    """There is no answer; the message says why."""


class NoSuchNameError(DnsError):
    """The name doesn't exist, or has no address."""


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock after which nothing is waited for."""

    end: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline in so many seconds."""
        return cls(time.monotonic() + seconds)

    def within(self, seconds: float) -> Deadline:
        """Return the deadline in so many seconds, or this one where it is nearer."""
        return Deadline(min(self.end, time.monotonic() + seconds))

    def is_over(self) -> bool:
        """Return whether nothing is waited for any more."""
        return time.monotonic() >= self.end

    def left(self) -> float:
        """Return for how many seconds something is waited for; raise socket.timeout where that is over."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        return left


@dataclass(frozen=True)
class Answer:
    """The addresses behind a name, and for how many seconds they count.

    ``unanswered`` says of each family (4 or 6) of which nothing is known why that is so.
    """

    addresses: tuple[str, ...]
    ttl: int
    unanswered: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """What resolv.conf(5) says, and the addresses in hosts(5) by name."""

    servers: tuple[str, ...] = ("127.0.0.1",)
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2
    hosts: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, resolv_conf: Path, hosts: Path) -> Configuration:
        """Read both files; one that isn't there says nothing."""
        found = cls(hosts=_hosts(_text(hosts)))
        servers: list[str] = []
        values = dict(vars(found))
        for words in _lines(_text(resolv_conf)):
            if words[0] == "nameserver" and len(words) > 1:
                servers.append(words[1])
            elif words[0] in ("search", "domain"):
                values["search"] = tuple(words[1:])
            elif words[0] == "options":
                values.update(_options(words[1:]))
        # libc asks the first three (resolv.conf(5), MAXNS): an answer of a fourth is none that programs here get.
        return cls(**{**values, "servers": tuple(servers[:3]) or found.servers})


def addresses_of(name: str, configuration: Configuration) -> Answer:
    """Return the addresses behind a host name, IPv4 and IPv6; raise DnsError where no server answers with any."""
    known = configuration.hosts.get(name.rstrip(".").lower())
    if known:
        return Answer(tuple(known), 0)
    reason: DnsError = NoSuchNameError(f"no such name: {name}")
    deadline = Deadline.after(_LONGEST_NAME)
    for candidate in _candidates(name, configuration):
        try:
            return _ask_both(candidate, configuration, deadline)
        except NoSuchNameError as error:
            reason = error
    raise reason


def _candidates(name: str, configuration: Configuration) -> list[str]:
    if name.endswith("."):
        return [name[:-1]]
    searched = [f"{name}.{domain.rstrip('.')}" for domain in configuration.search if domain != "."]
    return [name, *searched] if name.count(".") >= configuration.ndots else [*searched, name]


def _ask_both(name: str, configuration: Configuration, deadline: Deadline) -> Answer:
    answers: list[Answer] = []
    failures: dict[int, DnsError] = {}
    for kind, family in TYPES.items():
        try:
            answers.append(_ask(name, kind, configuration, deadline.within(_LONGEST_QUESTION)))
        except NoSuchNameError:
            raise  # this is about the name, whatever type was asked for (RFC 2308 5)
        except DnsError as error:
            failures[family] = error
    found = tuple(address for answer in answers for address in answer.addresses)
    if not found:
        raise next(iter(failures.values()), NoSuchNameError(f"{name} has no address"))
    unanswered = {family: str(error) for family, error in failures.items()}
    return Answer(found, min(answer.ttl for answer in answers if answer.addresses), unanswered)


def _ask(name: str, kind: int, configuration: Configuration, deadline: Deadline) -> Answer:
    reason = DnsError("there is no name server")
    for _attempt in range(configuration.attempts):
        for server in configuration.servers:
            try:
                return _answer(name, kind, _exchange(server, name, kind, deadline.within(configuration.timeout)))
            except NoSuchNameError:
                raise
            except DnsError as error:
                reason = DnsError(f"{server}: {error}")
            except (OSError, ValueError) as error:  # of a server, or a domain to search, that is none
                reason = DnsError(f"{server}: {getattr(error, 'strerror', None) or error}")
    raise reason


def _exchange(server: str, name: str, kind: int, deadline: Deadline) -> bytes:
    """Return the answer of a server to one question, as it came."""
    # An ID that others can't guess (RFC 5452).
    number = struct.unpack("!H", os.urandom(2))[0]
    query = struct.pack("!6H", number, _RECURSION_DESIRED, 1, 0, 0, 0) + _encoded(name) + struct.pack("!2H", kind, _IN)
    # A connected socket hears the server alone, at a port that no other sender can know.
    with _connected(server, socket.SOCK_DGRAM, deadline) as sock:
        sock.send(query)
        message = _received(sock, 4096, deadline)
        while not _is_for(message, query):
            message = _received(sock, 4096, deadline)
    return _over_tcp(server, query, deadline) if _flags(message) & _TRUNCATED else message


def _connected(server: str, kind: socket.SocketKind, deadline: Deadline) -> socket.socket:
    # A server is an address: a name would have to be asked for, of libc, which knows no deadline.
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    ((family, _kind, _protocol, _name, address), *_others) = socket.getaddrinfo(server, PORT, type=kind, flags=flags)
    sock = socket.socket(family, kind)
    try:
        sock.settimeout(deadline.left())
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def _over_tcp(server: str, query: bytes, deadline: Deadline) -> bytes:
    with _connected(server, socket.SOCK_STREAM, deadline) as sock:
        sock.settimeout(deadline.left())
        # Over TCP, two bytes of length go before each message (RFC 1035 4.2.2).
        sock.sendall(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", _read(sock, 2, deadline))
        message = _read(sock, length, deadline)
    if not _is_for(message, query):
        raise DnsError("it answered another question")
    return message


def _received(sock: socket.socket, length: int, deadline: Deadline) -> bytes:
    sock.settimeout(deadline.left())
    return sock.recv(length)


def _read(sock: socket.socket, length: int, deadline: Deadline) -> bytes:
    data = b""
    while len(data) < length:
        part = _received(sock, length - len(data), deadline)
        if not part:
            raise DnsError("it hung up")
        data += part
    return data


def _is_for(message: bytes, query: bytes) -> bool:
    """Return whether a message answers a query: its number and its question are the query's."""
    end = len(query)
    return (
        len(message) >= end
        and message[:2] == query[:2]
        and bool(_flags(message) & _RESPONSE)
        # Case is no part of a name (RFC 4343).
        and message[12:end].lower() == query[12:end].lower()
    )


def _flags(message: bytes) -> int:
    flags: int = struct.unpack_from("!H", message, 2)[0]
    return flags


def _answer(name: str, kind: int, message: bytes) -> Answer:
    """Return what a message says of a name, whatever aliases lead to its addresses."""
    code = _flags(message) & _CODE
    if code == _NO_SUCH_NAME:
        raise NoSuchNameError(f"no such name: {name}")
    if code:
        raise DnsError(f"it refused, with code {code}")
    try:
        records = list(_records(message))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise DnsError("its answer can't be read") from error
    owner = name.lower()
    ttls: list[int] = []
    # The records of a chain of aliases may stand in any order.
    for _step in range(_LONGEST_CHAIN):
        found = [record for record in records if record[0] == owner and record[1] == kind]
        if found:
            addresses = tuple(str(_address(kind, data)) for _owner, _kind, _ttl, data in found)
            return Answer(addresses, min([*ttls, *(record[2] for record in found)]))
        alias = next((record for record in records if record[0] == owner and record[1] == CNAME), None)
        if alias is None:
            break
        owner = alias[3].decode("ascii")
        ttls.append(alias[2])
    return Answer((), 0)


def _address(kind: int, data: bytes) -> IPv4Address | IPv6Address:
    try:
        return IPv4Address(data) if kind == A else IPv6Address(data)
    except ValueError as error:
        raise DnsError("its answer has an address of a wrong length") from error


def _records(message: bytes) -> Iterator[Record]:
    questions, answers = struct.unpack_from("!2H", message, 4)
    place = 12
    for _question in range(questions):
        _name, place = _decoded(message, place)
        place += 4
    for _record in range(answers):
        owner, place = _decoded(message, place)
        kind, _class, ttl, length = struct.unpack_from("!2HIH", message, place)
        place += 10
        if place + length > len(message):
            raise IndexError(place)
        data = message[place : place + length]
        if kind == CNAME:
            data = _decoded(message, place)[0].encode("ascii")
        place += length
        yield owner, kind, ttl if ttl < 1 << 31 else 0, data  # RFC 2181 8


def _decoded(message: bytes, place: int) -> tuple[str, int]:
    """Return the name at a place, in lower case, and the place after it."""
    labels: list[str] = []
    after = 0
    # A name has at most 127 labels. Pointers (RFC 1035 4.1.4) that lead in a circle end here.
    for _label in range(128):
        length = message[place]
        if length >= _POINTER:
            after = after or place + 2
            place = struct.unpack_from("!H", message, place)[0] & 0x3FFF
        elif length:
            labels.append(message[place + 1 : place + 1 + length].decode("ascii").lower())
            place += 1 + length
        else:
            return ".".join(labels), after or place + 1
    raise IndexError(place)


def _encoded(name: str) -> bytes:
    labels = [label.encode("ascii") for label in name.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].partition(";")[0].split()
        if words:
            yield words


def _hosts(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for words in _lines(text):
        try:
            address = str(ip_address(words[0].partition("%")[0]))
        except ValueError:
            continue
        for name in words[1:]:
            found.setdefault(name.lower(), []).append(address)
    return found


def _options(words: Sequence[str]) -> dict[str, int]:
    known = {"ndots": 15, "timeout": 30, "attempts": 5}  # the most that resolv.conf(5) has for each
    found = {}
    for word in words:
        key, _colon, value = word.partition(":")
        if key in known and value.isdigit():
            least = 0 if key == "ndots" else 1
            found[key] = min(max(int(value), least), known[key])
    return found
