# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Which programs of this host wait at this moment for what it denies them.

A denied packet doesn't say whose it was. A socket that is still connecting does, and a UDP socket with a peer.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any, Container, Dict, Iterator, Mapping, Sequence, Tuple

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import utc

_RECENT = 300  # seconds; the kernel asks for a connection again after a minute at most
_TABLES = {"tcp": ("02", ("tcp", "tcp6")), "udp": ("01", ("udp", "udp6"))}
"""By protocol, the state of a socket that waits (TCP_SYN_SENT), or has a peer, and the tables of /proc/net."""

_Key = Tuple[str, str, int]
_Owners = Dict[str, Tuple[_Key, int]]
"""What a socket asks for, and whose it is, by inode."""


def with_programs(denied: Sequence[Mapping[str, Any]], proc: Path = Path("/proc")) -> list[dict[str, Any]]:
    """Return the rows of what was denied; those of which a program still waits have it, in ``programs``."""
    since = utc(time.time() - _RECENT)
    asked = {_key(row) for row in denied if row["direction"] == "egress" and row["last"] >= since}
    sockets = _sockets(asked, proc) if asked else {}
    found = _programs(sockets, proc) if sockets else {}
    return [{**row, "programs": found[_key(row)]} if _is_in(row, found) else {**row} for row in denied]


def _is_in(row: Mapping[str, Any], found: Mapping[_Key, Any]) -> bool:
    return row["direction"] == "egress" and _key(row) in found


def _key(row: Mapping[str, Any]) -> _Key:
    return (row["protocol"], row["address"], row["port"])


def _sockets(asked: Container[_Key], proc: Path) -> _Owners:
    found: _Owners = {}
    for protocol, (state, tables) in _TABLES.items():
        for table in tables:
            with suppress(OSError):  # without IPv6, there is no table of it
                lines = (proc / "net" / table).read_text(encoding="ascii", errors="replace").splitlines()[1:]
                for words in (line.split() for line in lines):
                    key = (protocol, *_peer(words[2])) if len(words) > 9 and words[3] == state else None
                    if key and key in asked:
                        found[words[9]] = (key, int(words[7]))
    return found


def _peer(text: str) -> tuple[str, int]:
    """Return address and port as the kernel writes them, each 32 bits in its own order of bytes."""
    address, _colon, port = text.partition(":")
    parts = [bytes.fromhex(address[start : start + 8]) for start in range(0, len(address), 8)]
    number = b"".join(part[::-1] if sys.byteorder == "little" else part for part in parts)
    found = ip_address(number)
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found), int(port, 16)


def _programs(sockets: _Owners, proc: Path) -> dict[_Key, list[dict[str, Any]]]:
    """Return the programs that hold these sockets, by what they ask for."""
    found: dict[_Key, list[dict[str, Any]]] = {}
    for name, inode in _held(proc):
        if inode in sockets:
            key, uid = sockets[inode]
            program = {"name": name, "uid": uid}
            if program not in found.setdefault(key, []):
                found[key].append(program)
    return found


def _held(proc: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each process with the inode of each socket that it holds."""
    for process in proc.glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            inodes = [*_inodes(process / "fd")]
            name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            yield from ((name, inode) for inode in inodes)


def _inodes(folder: Path) -> Iterator[str]:
    for entry in folder.iterdir():
        with suppress(OSError):  # it was just closed
            target = os.readlink(entry)
            if target.startswith("socket:["):
                yield target[8:-1]
