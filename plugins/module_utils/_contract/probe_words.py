# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What came back of a packet that asks, as a host says it. What may follow after a colon is detail."""

from __future__ import annotations

# A TCP handshake, a reset, an answer, and a UDP port without a listener: the packet was let in.
ACCEPTED, REFUSED, ANSWERED, CLOSED = "accepted", "refused", "answered", "closed"
# Nothing came back, a rule of others said so, and what the own rules keep back: it was denied.
SILENT, REJECTED, KEPT = "silent", "rejected", "kept by the sender's own rules"
# Nothing was learnt.
NO_ROUTE, NO_ADDRESS, UNREACHABLE = "no route", "no such address here", "unreachable"
UNCLEAR = "refused by the sender's own rules or by the receiver, which takes CAP_NET_RAW to tell"
NOT_ASKED = "not asked in time"

LET_IN = (ACCEPTED, REFUSED, ANSWERED, CLOSED)
DENIED = (SILENT, REJECTED, KEPT)
