from __future__ import annotations

import socket
from pathlib import Path

from ansible_collections.gatehouse.firewall.plugins.module_utils._probe.listening import udp_ports


def test_a_port_counts_where_a_socket_waits_for_anybody_beyond_loopback():
    sockets = {name: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for name in ("any", "loopback", "connected")}
    sockets["any"].bind(("0.0.0.0", 0))
    sockets["loopback"].bind(("127.0.0.1", 0))
    sockets["connected"].bind(("0.0.0.0", 0))
    sockets["connected"].connect(("127.0.0.1", 9))
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    try:
        found = udp_ports(Path("/proc"))
    finally:
        for sock in sockets.values():
            sock.close()

    assert ports["any"] in found
    assert ports["loopback"] not in found
    assert ports["connected"] not in found


def test_a_socket_of_ipv6_counts_and_a_kernel_without_it_is_no_error(tmp_path):
    head = "  sl  local_address rem_address   st\n"
    (tmp_path / "net").mkdir()
    rows = [
        f"   1: {'0' * 32}:0035 {'0' * 32}:0000 07 00:00\n",
        f"   2: {'0' * 24}01000000:0036 {'0' * 32}:0000 07 00:00\n",
    ]
    (tmp_path / "net" / "udp6").write_text(head + "".join(rows))

    assert udp_ports(tmp_path) == [53]
