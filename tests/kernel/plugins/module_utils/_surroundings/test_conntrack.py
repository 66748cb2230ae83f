"""A first load that would fill the kernel's table of connections is found before it begins to track."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.conntrack import filling, maximum
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_nft import lasting_namespace, needs_nft

pytestmark = needs_nft

MAX, COUNT = (f"/proc/sys/net/netfilter/nf_conntrack_{name}" for name in ("max", "count"))
CONNECTIONS = """
import json, socket, sys
family, address, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
server = socket.create_server((address, 0), family=family, backlog=count)
held = [(socket.create_connection(server.getsockname()[:2]), server.accept()) for _ in range(count)]
print(json.dumps({path: open(path).read() for path in sys.argv[4:]}))
"""
ANSWERS = """
import socket, sys
family, address, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
server, client = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
server.bind((address, 0))
client.bind((address, 0))
for number in range(count):
    client.sendto(b"?", server.getsockname())
    server.sendto(b"!", server.recvfrom(9)[1])
    client.recvfrom(9)
"""
LOOPBACK = pytest.mark.parametrize(("family", "address"), [(2, "127.0.0.1"), (10, "::1")], ids=["IPv4", "IPv6"])


@pytest.fixture
def run():
    with lasting_namespace() as run:
        assert run(["ip", "link", "set", "lo", "up"])[0] == 0
        yield run


def reader(run, most, **more):
    def read(path):
        return {MAX: f"{most}\n", **more}.get(path) or run(["cat", path], None)[1]

    return read


@LOOPBACK
def test_more_sockets_than_half_the_table_are_found(run, family, address):
    files = ["/proc/net/sockstat", "/proc/net/sockstat6", "/proc/net/snmp", "/proc/net/snmp6"]
    code, output, error = run(["python3", "-c", CONNECTIONS, str(family), address, "100", *files], None)
    assert code == 0, error
    (found,) = filling(reader(run, 200, **json.loads(output)), sleep=lambda _seconds: None)

    assert found.kind == "conntrack_full"
    assert "room for 200 (nf_conntrack_max)" in found.text
    assert "raise net.netfilter.nf_conntrack_max (/etc/sysctl.d) first" in found.text
    assert filling(reader(run, 100000, **json.loads(output)), sleep=lambda _seconds: None) == []


@LOOPBACK
def test_a_resolver_that_answers_many_is_found_although_it_has_one_socket(run, family, address):
    read = reader(run, 1000)

    def answer(_seconds):
        code, _output, error = run(["python3", "-c", ANSWERS, str(family), address, "3000"], None)
        assert code == 0, error

    assert [one.kind for one in filling(read, sleep=answer)] == ["conntrack_full"]
    assert filling(read, sleep=lambda _seconds: None) == []


def test_what_the_kernel_tracks_already_is_no_reason(run):
    assert filling(reader(run, 2, **{"/proc/net/sockstat": "TCP: inuse 9 orphan 0 tw 0 alloc 1 mem 1\n"}))
    tracked = {COUNT: "9\n", "/proc/net/sockstat": "TCP: inuse 9 orphan 0 tw 0 alloc 1 mem 1\n"}
    assert filling(reader(run, 2, **tracked)) == []


def test_what_a_balancer_forwards_counts(run):
    table = (
        "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n"
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\nTCP  CB007196:0050 rr\n"
        "  -> C000020A:0050      Masq    1      300        250\n"
    )
    found = filling(reader(run, 1000, **{"/proc/net/ip_vs": table}))

    assert found[0].text.startswith("about 55")


@pytest.mark.parametrize(
    ("kilobytes", "most"), [(8 << 20, 262144), (2 << 20, 65536), (512 << 10, 4096), (1 << 10, 1024)]
)
def test_where_the_kernel_has_not_chosen_yet_its_choice_is_known(kilobytes, most):
    files = {"/proc/meminfo": f"MemTotal:  {kilobytes} kB\n"}

    assert maximum(lambda path: files.get(path, "")) == most
