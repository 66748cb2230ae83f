"""What an enforcing host keeps of what it denies, as packets: a host with two interfaces, and others at their ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import full_sets, merged
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.usage import invalid_in
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_iptables, private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

pytestmark = [private_nft.needs_nft, private_iptables.needs_iptables]

BACKENDS = ("nftables", *private_iptables.VARIANTS)
FLOODS = {"nftables": 100_000, "nft": 100_000, "legacy": 20_000}
"""How many strangers knock; both variants of iptables fill the same sets of the kernel's."""
LEGS = {
    "eth0": (["198.51.100.21/24", "2001:db8:a::21/64"], ["198.51.100.7/24", "198.51.100.8/24", "2001:db8:a::7/64"]),
    "eth1": (["203.0.113.21/24", "2001:db8:b::21/64"], ["203.0.113.9/24", "2001:db8:b::9/64"]),
}
"""The host's interfaces: its own addresses on each, and those of the others."""
MODEL = {
    "gatehouse_classes": [
        {"name": "node", "groups": ["nodes"], "isolated": True, "pre_dnat": {"ports": ["30000-30099/tcp"]}},
        {"name": "db", "groups": ["dbs"]},
    ],
    "gatehouse_zones": [
        {"name": "everybody", "networks": ["0.0.0.0/0", "::/0"]},
        {"name": "admins", "networks": ["2001:db8:a::/64"]},
    ],
    "gatehouse_flows": [
        {"name": "ssh", "from": ["everybody"], "to": ["node"], "ports": ["22/tcp"]},
        {"name": "sql", "from": ["node"], "to": ["db"], "ports": ["5432/tcp"]},
        {"name": "ssh_admins", "from": ["admins"], "to": ["db"], "ports": ["22/tcp"]},
    ],
    "groups": {"nodes": ["node1", "node2"], "dbs": ["db1"]},
    "hosts": {
        "node1": {
            "gatehouse_addresses": {"private": ["198.51.100.21"], "public": ["203.0.113.21"]},
            "gatehouse_interfaces": {"private": "eth0", "public": "eth1"},
            "gatehouse_antispoof": "strict",
        },
        "node2": {"ansible_host": "198.51.100.8"},
        "db1": {"ansible_host": "198.51.100.7"},
    },
}
# What is sent (from, to, protocol, port, by), and what is to be kept of it (direction, peer, protocol, port, known).
ASKED = {
    "in, IPv4, tcp, of the fleet": ("198.51.100.7", "198.51.100.21", "tcp", 80, "others"),
    "in, IPv4, udp, a stranger": ("203.0.113.9", "203.0.113.21", "udp", 53, "others"),
    "in, IPv6, tcp, a stranger": ("2001:db8:b::9", "2001:db8:b::21", "tcp", 81, "others"),
    "in, IPv6, udp, of a zone": ("2001:db8:a::7", "2001:db8:a::21", "udp", 54, "others"),
    "in, IPv4, no port": ("203.0.113.9", "203.0.113.21", "gre", 0, "others"),
    "in, isolated, on an open port": ("198.51.100.8", "198.51.100.21", "tcp", 22, "others"),
    "before DNAT": ("203.0.113.9", "203.0.113.21", "tcp", 30080, "others"),
    "before DNAT, isolated": ("198.51.100.8", "198.51.100.21", "tcp", 30081, "others"),
    "a spoofed source": ("198.51.100.7", "203.0.113.21", "udp", 99, "spoofed"),
    "out, IPv4, tcp, of the fleet": ("198.51.100.21", "198.51.100.7", "tcp", 25, "host"),
    "out, IPv6, udp, a stranger": ("2001:db8:b::21", "2001:db8:b::9", "udp", 123, "host"),
    "out, isolated": ("198.51.100.21", "198.51.100.8", "tcp", 5432, "host"),
}
KEPT = {
    ("ingress", "198.51.100.7", "tcp", 80, True),
    ("ingress", "203.0.113.9", "udp", 53, False),
    ("ingress", "2001:db8:b::9", "tcp", 81, False),
    ("ingress", "2001:db8:a::7", "udp", 54, True),
    ("ingress", "203.0.113.9", "gre", 0, False),
    ("ingress", "198.51.100.8", "tcp", 22, True),
    ("pre_dnat", "203.0.113.9", "tcp", 30080, False),
    ("pre_dnat", "198.51.100.8", "tcp", 30081, True),
    ("spoofed", "198.51.100.7", "udp", 99, True),
    ("egress", "198.51.100.7", "tcp", 25, True),
    ("egress", "2001:db8:b::9", "udp", 123, False),
    ("egress", "198.51.100.8", "tcp", 5432, True),
}
ALLOWED = [
    ("203.0.113.9", "203.0.113.21", "tcp", 22, "others"),
    ("2001:db8:b::9", "2001:db8:b::21", "tcp", 22, "others"),
    ("198.51.100.21", "198.51.100.7", "tcp", 5432, "host"),
]

SEND = """
import json, socket, sys
for source, target, protocol, port in json.load(sys.stdin):
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    if protocol == "gre":
        one = socket.socket(family, socket.SOCK_RAW, 47)
    else:
        one = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, 25, b"peer1") if source == "198.51.100.7" and port == 99 else None
    one.bind((source, 0))
    try:
        if protocol == "tcp":
            one.connect_ex((target, port))
        else:
            one.sendto(b"x", (target, port))
    except PermissionError:
        pass
"""
FLOOD = """
import ipaddress, socket, struct, sys
source, count, target, ports = int(ipaddress.ip_address(sys.argv[1])), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
one = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
end = socket.inet_aton(target)
for number in range(count):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + struct.pack("!I", source + number) + end
    one.sendto(head + struct.pack("!HHHH", 1024, int(ports[number % len(ports)]), 8, 0), (target, 0))
"""
# A segment of a connection that the host doesn't know, with flags that none begins with: invalid.
INVALID = """
import socket, struct, sys
source, target = map(socket.inet_aton, sys.argv[1:])
one = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
tcp = struct.pack("!HHIIBBHHH", 4000, 22, 1, 1, 0x50, 0x03, 1024, 0, 0)
one.sendto(struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + source + target + tcp, (sys.argv[2], 0))
"""


LISTEN = """
import socket, sys
one = socket.create_server(("", int(sys.argv[1])))
print("up", flush=True)
while True:
    one.accept()[0].close()
"""
CONNECT = """
import socket, sys
socket.create_connection((sys.argv[2], int(sys.argv[3])), 0.5, (sys.argv[1], 0)).close()
"""


class Place:
    """The host's namespace, and the one of all others, who have addresses at each of its interfaces."""

    def __init__(self, host, others):
        self.host, self.others, self.servers = host, others, []
        number = others.args[0][1].partition("=")[2]
        for run in (host, others):
            for setting in ("ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv6/conf/default/accept_dad"):
                self.do(run, "sh", "-c", f"echo 0 >/proc/sys/net/{setting}")
        for leg, ends in LEGS.items():
            peer = leg.replace("eth", "peer")
            self.do(host, "ip", "link", "add", leg, "type", "veth", "peer", "name", peer, "netns", number)
            for run, device, addresses in ((host, leg, ends[0]), (others, peer, ends[1])):
                self.do(run, "ip", "link", "set", device, "up")
                for one in addresses:
                    self.do(run, "ip", "address", "add", one, "dev", device, *(["nodad"] * (":" in one)))
        # Whatever source a flood or a spoofer has, the others send it by the interface of strangers.
        self.do(host, "ip", "route", "add", "default", "via", "203.0.113.9")

    def do(self, run, *words, text=None):
        code, output, error = run(list(words), text)
        assert code == 0, (words, error)
        return output

    def send(self, packets):
        """Have each side send its packets."""
        for side, run in (("others", self.others), ("host", self.host)):
            own = [packet[:4] for packet in packets if packet[4] == side]
            self.do(run, sys.executable, "-c", SEND, text=json.dumps(own))
        for source, target, *_port in (packet[:4] for packet in packets if packet[4] == "spoofed"):
            self.flood(source, 1, target, 99)

    def flood(self, source, count, target, *ports):
        """Send datagrams from so many different sources, beginning with this one, by the public interface."""
        self.do(self.others, sys.executable, "-c", FLOOD, source, str(count), target, *map(str, ports))

    def listen(self, port):
        """Have both sides answer at a port from now on."""
        for run in (self.host, self.others)[len(self.servers) :]:
            words = [*run.args[0], sys.executable, "-c", LISTEN, str(port)]
            one = subprocess.Popen(words, stdout=subprocess.PIPE)
            self.servers.append(one)
            assert one.stdout.readline() == b"up\n"

    def connects(self, source, target, port):
        """Return whether a connection from one side to the other is made within half a second."""
        run = self.host if source.endswith(".21") else self.others
        return run([sys.executable, "-c", CONNECT, source, target, str(port)])[0] == 0

    def backend(self, name):
        return Nft(self.host, "nft") if name == "nftables" else private_iptables.Host(self.host, name).iptables


@contextmanager
def _place():
    with private_nft.lasting_namespace() as host, private_nft.lasting_namespace() as others:
        place = Place(host, others)
        try:
            yield place
        finally:
            for one in place.servers:
                one.kill()
                one.communicate()


@pytest.fixture(scope="module")
def place():
    with _place() as found:
        yield found


def text_of(backend, policy):
    return nftables.render(policy) if backend == "nftables" else joined(iptables.render(policy))


@pytest.fixture
def loaded(place):
    """Return a way to load the host's policy by a backend, which is unloaded in the end."""
    used = []

    def load(backend, **host):
        model = {**MODEL, "hosts": {**MODEL["hosts"], "node1": {**MODEL["hosts"]["node1"], **host}}}
        text = text_of(backend, build(model).policy_of("node1"))
        used.append(place.backend(backend))
        used[-1].check(text)
        used[-1].load(text)
        return used[-1]

    yield load
    for one in used:
        one.delete()


def rows_of(backend):
    return merged(backend.filled(), time.time())


def keys(rows):
    return {(row["direction"], row["address"], row["protocol"], row["port"], row["known"]) for row in rows}


each_backend = pytest.mark.parametrize("name", BACKENDS)


@each_backend
def test_each_kind_of_denial_is_kept_with_peer_port_count_and_time_and_nothing_that_is_allowed(place, loaded, name):
    backend = loaded(name)
    begun = time.time()
    place.send(ALLOWED)
    assert backend.filled() == []

    place.send(ASKED.values())
    place.send([packet for packet in ASKED.values() if packet[2] == "udp"])

    rows = rows_of(backend)
    assert keys(rows) == KEPT
    assert {row["packets"] for row in rows if row["protocol"] == "udp"} == {2}
    assert {row["packets"] for row in rows if row["protocol"] == "tcp"} == {1}
    stamps = [
        time.mktime(time.strptime(row[key], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        for row in rows
        for key in ("first", "last")
    ]
    assert begun - 2 <= min(stamps) <= max(stamps) <= time.time() + 2
    assert all(row["first"] <= row["last"] for row in rows)


@each_backend
def test_what_the_kernel_keeps_is_no_drift_and_in_no_text_that_leads_back_to_the_rules(place, loaded, name):
    backend = loaded(name)
    before = backend.listing()

    place.send(ASKED.values())

    assert backend.filled()
    assert backend.listing() == before
    back = backend.previous()
    assert "5432 expires" not in back
    assert " packets 1" not in back
    backend.load(back)
    assert backend.listing() == before
    # Ports are still kept without their peers where the rules came back from a listing.
    place.flood("16.0.0.0", 2 * 4096 + 100, "203.0.113.21", 7)
    place.flood("17.0.0.0", 1, "203.0.113.21", 8)
    assert {("ingress", "0.0.0.0", "udp", 7, False), ("ingress", "0.0.0.0", "udp", 8, False)} <= keys(rows_of(backend))


@each_backend
def test_a_flood_of_strangers_hides_no_peer_of_the_fleet_and_no_port(place, loaded, name):
    backend = loaded(name)
    place.send([ASKED["in, IPv4, tcp, of the fleet"]])
    place.flood("16.0.0.0", FLOODS[name], "203.0.113.21", 7, 8, 9)

    place.send([*ASKED.values(), ("203.0.113.9", "203.0.113.21", "udp", 4444, "others")])

    rows = rows_of(backend)
    fleets = {one for one in KEPT if one[4]}
    by_port = {("ingress", "0.0.0.0", "udp", port, False) for port in (7, 8, 9, 4444, 53)}
    assert fleets | by_port <= keys(rows)
    assert ("ingress", "198.51.100.7", "tcp", 80, True) in keys(rows)
    assert "ingress IPv4 stranger" in full_sets(backend.filled())
    assert len(rows) < 4096 + 40
    alone = sum(row["packets"] for row in rows if row["address"] == "0.0.0.0" and row["port"] in (7, 8, 9))
    assert alone == FLOODS[name] - sum(row["packets"] for row in rows if row["address"].startswith("16."))


@each_backend
@pytest.mark.parametrize("observed", ["ingress", "egress"])
def test_a_direction_that_is_observed_passes_and_is_counted_and_the_other_one_is_denied_and_kept(
    place, loaded, name, observed
):
    backend = loaded(name, gatehouse_mode={observed: "observe"})
    place.listen(8080)

    passed = place.connects("203.0.113.9", "203.0.113.21", 8080), place.connects("203.0.113.21", "203.0.113.9", 8080)

    assert passed == (observed == "ingress", observed == "egress")
    found = {(one.direction, one.address, one.port, bool(one.peers)) for one in backend.filled()}
    assert found == {(way, "203.0.113.9", 8080, way != observed) for way in ("ingress", "egress")}


@each_backend
def test_nothing_is_kept_and_the_same_is_denied_where_the_owner_does_not_want_it_kept(place, loaded, name):
    backend = loaded(name, gatehouse_denied={"keep": False})

    place.send(ASKED.values())

    assert backend.filled() is None


@each_backend
def test_an_invalid_packet_is_no_denial_and_is_counted_apart(place, loaded, name):
    backend = loaded(name)
    place.do(place.others, sys.executable, "-c", INVALID, "203.0.113.9", "203.0.113.21")

    assert backend.filled() == []
    assert invalid_in(backend.counted()) == 1
