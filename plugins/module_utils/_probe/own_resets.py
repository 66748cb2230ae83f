# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Which connections a rule of the sender's own host has refused by a reset, so that none is taken for the receiver's.

A program can't tell the two: both are a connection refused. Such a rule makes the reset in the name of the receiver,
and the kernel delivers it by the loopback device, where no packet to that receiver ever was. This listens there
(packet(7)), for nothing but what begins and what resets connections.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Iterable, Iterator, Mapping, Tuple

_ALL_PROTOCOLS, _LOOPBACK = 0x0003, "lo"  # linux/if_ether.h
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER, asm-generic/socket.h
_SOL_PACKET, _STATISTICS = 263, 6  # linux/socket.h, linux/if_packet.h
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_LENGTH = 128  # of a packet, as much as is looked at

# The classic BPF program that lets TCP packets pass which have RST, or SYN without ACK: (code, jump if true, jump if
# false, operand), by linux/bpf_common.h. A packet begins with its IP header.
_LOAD, _LOAD_BY_INDEX, _INDEX_BY_LENGTH, _SHIFT, _AND = 0x30, 0x50, 0xB1, 0x74, 0x54
_EQUALS, _HAS, _GO, _RETURN = 0x15, 0x45, 0x05, 0x06
_PROGRAM = (
    (_LOAD, 0, 0, 0),
    (_SHIFT, 0, 0, 4),
    (_EQUALS, 1, 0, 4),
    (_EQUALS, 5, 13, 6),
    (_LOAD, 0, 0, 9),
    (_EQUALS, 0, 11, socket.IPPROTO_TCP),
    (_INDEX_BY_LENGTH, 0, 0, 0),
    (_LOAD_BY_INDEX, 0, 0, 13),
    (_GO, 0, 0, 3),
    (_LOAD, 0, 0, 6),
    (_EQUALS, 0, 6, socket.IPPROTO_TCP),
    (_LOAD, 0, 0, 40 + 13),
    (_HAS, 3, 0, _RST),
    (_AND, 0, 0, _SYN | _ACK),
    (_EQUALS, 1, 0, _SYN),
    (_GO, 0, 0, 1),
    (_RETURN, 0, 0, _LENGTH),
    (_RETURN, 0, 0, 0),
)

_End = Tuple[bytes, int]
_Connection = Tuple[bytes, int, int]
"""The receiver's address and port, and the sender's port."""


class OwnResets:
    """Hears them in the network in which it was made, about these probes."""

    def __init__(self, probes: Iterable[Mapping[str, Any]]) -> None:
        """Listen from now on. Where this process may not, nothing is heard: see ``is_deaf``."""
        self._asked = {_end(probe["target"], probe["port"]) for probe in probes}
        self._began: set[_Connection] = set()
        self._reset: set[_Connection] = set()
        self._socket: socket.socket | None = None
        with suppress(OSError):
            self._socket = _listening()

    @property
    def is_deaf(self) -> bool:
        """Return whether this process may not listen: that takes CAP_NET_RAW."""
        return self._socket is None

    def __enter__(self) -> OwnResets:
        """Return itself."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        if self._socket:
            self._socket.close()

    def refused(self, target: str, port: int, own_port: int) -> bool | None:
        """Return whether it was this host that has refused a connection; None where that can't be told."""
        if self._socket is None:
            return None
        for data in _received(self._socket):
            self._note(data)
        if _lost(self._socket):
            self._socket.close()
            self._socket = None
            return None
        connection = (*_end(target, port), own_port)
        return connection in self._reset and connection not in self._began

    def _note(self, data: bytes) -> None:
        is_v4 = data[0] >> 4 == 4
        length = (data[0] & 0xF) * 4 if is_v4 else 40
        source, destination = (data[12:16], data[16:20]) if is_v4 else (data[8:24], data[24:40])
        from_port, to_port, flags = struct.unpack_from("!HH9xB", data, length)
        if flags & _RST and (source, from_port) in self._asked:
            self._reset.add((source, from_port, to_port))
        elif (destination, to_port) in self._asked:
            self._began.add((destination, to_port, from_port))


def _end(address: str, port: int) -> _End:
    return ip_address(address).packed, port


def _listening() -> socket.socket:
    # Bound first: one that hears of all devices, and has no filter yet, would have more than it takes.
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    try:
        program = b"".join(struct.pack("HBBI", *instruction) for instruction in _PROGRAM)
        held = ctypes.create_string_buffer(program)
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(_PROGRAM), ctypes.addressof(held)))
        listener.bind((_LOOPBACK, _ALL_PROTOCOLS))
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _received(listener: socket.socket) -> Iterator[bytes]:
    with suppress(BlockingIOError):
        while True:
            yield listener.recv(_LENGTH)


def _lost(listener: socket.socket) -> int:
    """Return how many packets had no place since this was asked last."""
    _packets, dropped = struct.unpack("II", listener.getsockopt(_SOL_PACKET, _STATISTICS, 8))
    return int(dropped)
