# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""On which UDP ports a program listens here: silence from such a port tells nothing."""

from __future__ import annotations

from pathlib import Path

_LOOPBACK = ("0100007F", "00000000000000000000000001000000")  # as /proc has them, on little-endian machines
_UNCONNECTED = "07"


def udp_ports(proc: Path) -> list[int]:
    """Return the UDP ports on which a socket waits for any peer, but for those on loopback addresses."""
    found = set()
    for name in ("udp", "udp6"):
        try:
            lines = (proc / "net" / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            address, _colon, port = words[1].partition(":")
            if words[3] == _UNCONNECTED and address not in _LOOPBACK:
                found.add(int(port, 16))
    return sorted(found)
