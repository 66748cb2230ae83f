"""Which programs wait for what their host denies them: of real sockets in /proc, and of written ones."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.programs import with_programs

NOW = "%Y-%m-%dT%H:%M:%SZ"
NEVER_SENT_TO = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def row(protocol, address, port, direction="egress", age=0):
    last = time.strftime(NOW, time.gmtime(time.time() - age))
    return {"direction": direction, "protocol": protocol, "address": address, "port": port, "last": last}


def own():
    return {"name": Path("/proc/self/comm").read_text(encoding="utf-8").strip(), "uid": os.getuid()}


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_datagram_socket_with_a_peer_is_its_programs(family):
    address = NEVER_SENT_TO[family]
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.connect((address, 5433))
        found = with_programs([row("udp", address, 5433), row("udp", address, 5434), row("tcp", address, 5433)])

    assert [found[0].get("programs"), *(len(other) for other in found[1:])] == [[own()], 5, 5]


def test_an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_address():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        one.connect(("::ffff:127.0.0.1", 5433))
        (found,) = with_programs([row("udp", "127.0.0.1", 5433)])

    assert found["programs"] == [own()]


@pytest.mark.parametrize("other", [{"direction": "ingress"}, {"age": 400}])
def test_what_came_in_or_was_denied_long_ago_is_no_programs(other):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", 5433))
        (found,) = with_programs([row("udp", "127.0.0.1", 5433, **other)])

    assert "programs" not in found


def hexed(address, port):
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{port:04X}"


def line(address, port, state, inode, uid=1000):
    local = hexed("::" if ":" in address else "0.0.0.0", 40000)
    queues = "00000000:00000000 00:00000000 00000000"
    return f"   0: {local} {hexed(address, port)} {state} {queues}  {uid}        0 {inode} 1\n"


@pytest.fixture
def proc(tmp_path):
    """A /proc with two processes; one holds sockets 7 and 8, the other socket 7 as well."""
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    (tmp_path / "net").mkdir()
    sent = line("192.0.2.7", 443, "02", 7) + line("192.0.2.7", 25, "01", 8) + line("192.0.2.9", 80, "02", 99)
    (tmp_path / "net/tcp").write_text(head + sent)
    (tmp_path / "net/tcp6").write_text(head + line("2001:db8::7", 443, "02", 8, uid=0))
    (tmp_path / "net/udp").write_text(head)
    for process, name, inodes in ((10, "curl", (7, 8)), (11, "php-fpm: pool\n\x1b[1m", (7,))):
        (tmp_path / f"{process}/fd").mkdir(parents=True)
        (tmp_path / f"{process}/comm").write_text(f"{name}\n")
        for inode in inodes:
            (tmp_path / f"{process}/fd/{inode}").symlink_to(f"socket:[{inode}]")
    (tmp_path / "12").mkdir()  # it has ended
    return tmp_path


def test_sockets_that_still_connect_are_those_of_each_program_that_holds_them(proc):
    asked = [("192.0.2.7", 443), ("2001:db8::7", 443), ("192.0.2.7", 25), ("192.0.2.9", 80)]
    found = with_programs([row("tcp", *one) for one in asked], proc)
    names = [[(one["name"], one["uid"]) for one in rest.get("programs", [])] for rest in found]

    assert sorted(names[0]) == [("curl", 1000), ("php-fpm: pool\n\x1b[1m", 1000)]
    assert names[1:] == [[("curl", 0)], [], []]
