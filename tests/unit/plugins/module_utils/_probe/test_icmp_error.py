from __future__ import annotations

import struct

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.icmp_error import IcmpError, icmp_error

V4 = struct.pack("=HH4s8s", 2, 0, bytes([192, 0, 2, 7]), bytes(8))


class Queue:
    """A socket with one message in its error queue."""

    def __init__(self, *parts):
        self._data = b"".join(parts)

    def recvmsg(self, *_arguments):
        """Return it."""
        return b"", [(0, 11, self._data)], 0, None


def extended(origin, number, code):
    return struct.pack("=IBBBBII", 111, origin, number, code, 0, 0, 0)


def test_an_error_is_read_with_who_sent_it():
    found = icmp_error(Queue(extended(2, 3, 13), V4))

    assert found == IcmpError("ICMP", 3, 13, "192.0.2.7")
    assert str(found) == "ICMP type 3 code 13 from 192.0.2.7"
    assert found.is_filter
    assert not found.is_port


@pytest.mark.parametrize("rest", [b"", b"\x02", struct.pack("=H", 2), struct.pack("=H", 99) + bytes(30)])
def test_an_error_without_its_sender_is_read_all_the_same(rest):
    assert icmp_error(Queue(extended(3, 1, 4), rest)) == IcmpError("ICMPv6", 1, 4, "")


def test_what_the_kernel_says_of_itself_is_no_icmp():
    assert icmp_error(Queue(extended(1, 0, 0))) is None
    assert icmp_error(Queue(b"\x00")) is None
