# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What an ICMP error says that a socket got, and who sent it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_ORIGIN = {2: "ICMP", 3: "ICMPv6"}  # linux/errqueue.h
_EXTENDED = struct.Struct("=IBBBBII")  # struct sock_extended_err
_SPACE = 512
# RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1; RFC 4443 3.1: IANA's registries have the numbers.
_PORT = {("ICMP", 3, 3), ("ICMPv6", 1, 4)}
_FILTERS = {("ICMP", 3, 9), ("ICMP", 3, 10), ("ICMP", 3, 13), ("ICMPv6", 1, 1), ("ICMPv6", 1, 5), ("ICMPv6", 1, 6)}


@dataclass(frozen=True)
class IcmpError:
    """An error message: of which protocol, its type and code, and the address that sent it."""

    protocol: str
    number: int
    code: int
    offender: str

    @property
    def is_port(self) -> bool:
        """Return whether it says "port unreachable"."""
        return (self.protocol, self.number, self.code) in _PORT

    @property
    def is_filter(self) -> bool:
        """Return whether it says that a filter has forbidden it."""
        return (self.protocol, self.number, self.code) in _FILTERS

    def __str__(self) -> str:
        """Return the message in words."""
        sender = f" from {self.offender}" if self.offender else ""
        return f"{self.protocol} type {self.number} code {self.code}{sender}"


def icmp_error(sock: socket.socket) -> IcmpError | None:
    """Return the oldest ICMP error in a socket's error queue; None where there is none."""
    try:
        _data, extras, _flags, _address = sock.recvmsg(1, _SPACE, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for _level, _kind, data in extras:
        if len(data) >= _EXTENDED.size:
            _errno, origin, number, code, _pad, _info, _more = _EXTENDED.unpack_from(data)
            if origin in _ORIGIN:
                return IcmpError(_ORIGIN[origin], number, code, _offender(data[_EXTENDED.size :]))
    return None


def _offender(data: bytes) -> str:
    """Read a sockaddr_in or sockaddr_in6; of a TCP socket there may be none."""
    family = struct.unpack_from("=H", data)[0] if len(data) >= 2 else 0
    if family == socket.AF_INET and len(data) >= 8:
        return socket.inet_ntop(socket.AF_INET, data[4:8])
    if family == socket.AF_INET6 and len(data) >= 24:
        return socket.inet_ntop(socket.AF_INET6, data[8:24])
    return ""
