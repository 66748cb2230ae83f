"""Spoofed sources, as packets: a host with two public interfaces and a private one, and all others on the other end."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._probe import prober, stage
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.judge import passed
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._probe.rehearsal import (
    as_data,
    disagreements,
    legs,
    rehearsal,
)
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import ModelError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, lets_through
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_iptables, private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

pytestmark = [private_nft.needs_nft, private_iptables.needs_iptables]

BACKENDS = ("nftables", *private_iptables.VARIANTS)
LEGS = {
    "eth0": {4: ("198.51.100.21/24", "198.51.100.9/24"), 6: ("2001:db8:a::21/64", "2001:db8:a::9/64")},
    "eth1": {4: ("203.0.113.21/25", "203.0.113.9/25"), 6: ("2001:db8:b::21/64", "2001:db8:b::9/64")},
    "eth2": {4: ("203.0.113.221/25", "203.0.113.209/25"), 6: ("2001:db8:c::21/64", "2001:db8:c::9/64")},
}
"""The host's interfaces: its own address on each, and that of the others."""

SETTINGS = (
    *(f"ipv4/conf/{which}/rp_filter" for which in ("all", "default")),
    *(f"ipv6/conf/{which}/accept_dad" for which in ("all", "default")),
    *("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"),
)

# By which interface the host's routes lead to a source, and by which one its packet comes in.
OWN_SIDE = [("eth0", "eth0"), ("eth1", "eth1"), ("eth2", "eth2")]
OTHER_SIDE = [("eth0", "eth1"), ("eth0", "eth2"), ("eth1", "eth0")]
SAME_SIDE = [("eth1", "eth2")]
DENIED = {"off": [], "sides": OTHER_SIDE, "strict": [*OTHER_SIDE, *SAME_SIDE]}

# Nothing listens, so that whatever passes is refused.
ASK = """
import json, socket, sys, time
asked = []
for source, target, kind in json.load(sys.stdin):
    one = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, getattr(socket, f"SOCK_{kind}"))
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((source, 67 if kind == "DGRAM" else 0))
    one.connect_ex((target, 68 if kind == "DGRAM" else 22))
    if kind == "DGRAM":
        one.send(b"x")
    asked.append(one)
time.sleep(0.4)
print(json.dumps([one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 for one in asked]))
"""


SEND = """
import socket, sys, time
own, target = sys.argv[1:]
one = socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_DGRAM)
one.bind((own, 5353))
one.connect((target, 53))
one.send(b"x")
print("sent", flush=True)
sys.stdin.readline()
time.sleep(0.1)
print(one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
"""

# An ICMP error of a router about the datagram that SEND has sent.
REFUSE = """
import socket, struct, sys
router, own, target = sys.argv[1:]
is_v6 = ":" in own
family = socket.AF_INET6 if is_v6 else socket.AF_INET
ends = socket.inet_pton(family, own) + socket.inet_pton(family, target)
udp = struct.pack("!HHHH", 5353, 53, 9, 0)
if is_v6:
    error = struct.pack("!BBHI", 1, 4, 0, 0) + struct.pack("!IHBB", 6 << 28, 9, 17, 64) + ends + udp
else:
    quoted = struct.pack("!BBHHHBBH", 0x45, 0, 29, 1, 0, 64, 17, 0) + ends + udp
    error = struct.pack("!BBHI", 3, 3, 0, 0) + quoted
    total = sum(struct.unpack(f"!{len(error) // 2}H", error))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    error = error[:2] + struct.pack("!H", ~total & 0xFFFF) + error[4:]
one = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if is_v6 else socket.IPPROTO_ICMP)
one.bind((router, 0))
one.sendto(error, (own, 0))
"""


def policy_of(antispoof, observe=False):
    host = {
        "ansible_host": "198.51.100.21",
        "gatehouse_interfaces": {"private": "eth0", "public": ["eth1", "eth2"]},
        "gatehouse_antispoof": antispoof,
        "gatehouse_mode": "observe" if observe else "enforce",
    }
    model = {
        "gatehouse_classes": [{"name": "node", "groups": ["nodes"]}],
        "gatehouse_zones": [{"name": "all", "networks": ["198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]}],
        "gatehouse_flows": [
            {"name": "ssh", "from": ["all"], "to": ["node"], "ports": ["22/tcp"]},
            {"name": "names", "from": ["node"], "to": ["all"], "ports": ["53/udp"]},
        ],
        "groups": {"nodes": ["node1"]},
        "hosts": {"node1": host},
    }
    return build(model).policy_of("node1")


class Place:
    """The host's namespace, and the one of all others, who have an address on each of its interfaces."""

    def __init__(self, host, others):
        self.host, self.others = host, others
        number = others.args[0][1].partition("=")[2]
        for run in (host, others):
            for setting in SETTINGS:
                self.do(run, "sh", "-c", f"echo 0 >/proc/sys/net/{setting}")
        for leg, addresses in LEGS.items():
            peer = leg.replace("eth", "peer")
            self.do(host, "ip", "link", "add", leg, "type", "veth", "peer", "name", peer, "netns", number)
            for run, device, end in ((host, leg, 0), (others, peer, 1)):
                self.do(run, "ip", "link", "set", device, "up")
                for family, pair in addresses.items():
                    self.do(run, "ip", "address", "add", pair[end], "dev", device, *(["nodad"] * (family == 6)))

    def do(self, run, *words, text=None):
        code, output, error = run(list(words), text)
        assert code == 0, (words, error)
        return output

    def backend(self, name):
        return Nft(self.host, "nft") if name == "nftables" else private_iptables.Host(self.host, name).iptables

    def passing(self, pairs, kind="STREAM"):
        """Return which of these pairs of interfaces have a packet pass, with the family of each."""
        asked = [(family, *pair) for family in (4, 6) for pair in pairs]
        rows = [(_plain(LEGS[back][family][1]), _plain(LEGS[by][family][0]), kind) for family, back, by in asked]
        answers = json.loads(self.do(self.others, sys.executable, "-c", ASK, text=json.dumps(rows)))
        return [one for one, passes in zip(asked, answers, strict=True) if passes]


def _plain(address):
    return address.partition("/")[0]


@contextmanager
def _place():
    with private_nft.lasting_namespace() as host, private_nft.lasting_namespace() as others:
        yield Place(host, others)


@pytest.fixture(scope="module")
def place():
    with _place() as found:
        yield found


def text_of(backend, policy):
    return nftables.render(policy) if backend == "nftables" else joined(iptables.render(policy))


@pytest.fixture
def loaded(place):
    """Return a way to load a policy by a backend, which is unloaded in the end."""
    used = []

    def load(backend, policy):
        used.append(place.backend(backend))
        used[-1].check(text_of(backend, policy))
        used[-1].load(text_of(backend, policy))
        return used[-1]

    yield load
    for one in used:
        one.delete()


def each_family(pairs):
    return [(family, *pair) for family in (4, 6) for pair in pairs]


EVERYTHING = [*OWN_SIDE, *OTHER_SIDE, *SAME_SIDE]
CASES = [(backend, mode) for backend in BACKENDS for mode in DENIED if (backend == "nftables" or mode != "sides")]


@pytest.mark.parametrize(("backend", "mode"), CASES)
def test_a_source_dies_on_an_interface_that_is_not_the_route_back_to_it(place, loaded, backend, mode):
    policy = policy_of(mode)
    loaded(backend, policy)

    found = place.passing(EVERYTHING)

    assert found == each_family([pair for pair in EVERYTHING if pair not in DENIED[mode]])
    assert found == [one for one in each_family(EVERYTHING) if lets_through(policy, as_packet(*one))]


def as_packet(family, back, by):
    source, target = (ip_address(_plain(LEGS[leg][family][end])) for leg, end in ((back, 1), (by, 0)))
    return Packet("ingress", source, target, "tcp", port=22, interface=by, back=back)


each_backend = pytest.mark.parametrize("backend", BACKENDS)


@each_backend
def test_an_observing_host_lets_it_through_and_counts_it_under_its_own_word(place, loaded, backend):
    mode = "sides" if backend == "nftables" else "strict"
    firewall = loaded(backend, policy_of(mode, observe=True))

    assert place.passing(EVERYTHING) == each_family(EVERYTHING)
    counted = {(one.direction, one.address, one.protocol, one.port) for one in firewall.filled()}
    sources = {_plain(LEGS[back][family][1]) for family, back, _by in each_family(DENIED[mode])}
    assert counted == {("spoofed", source, "tcp", 22) for source in sources}


@each_backend
def test_a_dhcp_answer_passes_from_whatever_source(place, loaded, backend):
    loaded(backend, policy_of("strict"))

    assert place.passing(OTHER_SIDE, "DGRAM") == [(4, *pair) for pair in OTHER_SIDE]


def rules_for_the_route_back(verb):
    """Yield what leads packets from an address by eth1, and those with a mark by eth2, wherever their other end is."""
    for family in (4, 6):
        selectors = {"eth1": f"from {_plain(LEGS['eth1'][family][0])}", "eth2": "fwmark 7"}
        for table, (leg, selector) in enumerate(selectors.items(), 77):
            way = f"default via {_plain(LEGS[leg][family][1])} dev {leg}"
            yield f"ip -{family} route {verb} {way} table {table}"
            yield f"ip -{family} rule {verb} {selector} table {table}"


@each_backend
def test_rules_for_the_route_back_count(place, loaded, backend):
    loaded(backend, policy_of("strict"))
    marks = "mangle" if backend == "nftables" else "raw"
    chain = f'chain c {{\ntype filter hook prerouting priority {marks}\niifname "eth2" meta mark set 7\n}}'
    place.do(place.host, "nft", "-f", "-", text=f"table inet theirs {{\n{chain}\n}}\n")
    for command in rules_for_the_route_back("add"):
        place.do(place.host, *command.split())
    try:
        found = place.passing(EVERYTHING)
    finally:
        for command in rules_for_the_route_back("del"):
            place.do(place.host, *command.split())
        place.do(place.host, "nft", "delete", "table", "inet", "theirs")

    # Replies leave by the address's own table; those to eth2 would have to be marked, too, and leave by eth0 here.
    assert found == each_family([pair for pair in EVERYTHING if pair != ("eth1", "eth0")])


@each_backend
@pytest.mark.parametrize("family", [4, 6])
def test_an_error_about_a_connection_passes_from_any_router_on_its_way(place, loaded, backend, family):
    loaded(backend, policy_of("strict"))
    own, router = _plain(LEGS["eth1"][family][0]), _plain(LEGS["eth0"][family][1])
    silent = {4: "203.0.113.77", 6: "2001:db8:b::77"}[family]
    neighbour = ["neigh", "replace", silent, "lladdr", "02:00:00:00:00:77", "dev", "eth1"]
    place.do(place.host, "ip", *neighbour)

    asking = subprocess.Popen(
        [*place.host.args[0], sys.executable, "-c", SEND, own, silent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert asking.stdout.readline() == b"sent\n"
    place.do(place.others, sys.executable, "-c", REFUSE, router, own, silent)
    answer, _error = asking.communicate(b"\n")
    assert answer == f"{errno.ECONNREFUSED}\n".encode()


@each_backend
def test_a_host_changes_to_it_and_back_and_a_second_load_changes_nothing(loaded, backend):
    mode = "sides" if backend == "nftables" else "strict"
    firewall = loaded(backend, policy_of(mode))
    first = firewall.listing()
    for policy in (policy_of(mode), policy_of("off"), policy_of(mode)):
        firewall.load(text_of(backend, policy))

    assert firewall.listing() == first
    firewall.delete()
    assert firewall.listing() == ""


def test_a_rehearsal_agrees_whichever_interface_its_packets_take(monkeypatch):
    monkeypatch.setattr(prober, "SECONDS_PER_TRY", 0.2)
    policy = policy_of("strict")
    sides = {"private": ("eth0",), "public": ("eth1", "eth2")}
    addresses = {
        side: [_plain(LEGS[leg][family][0]) for leg in names for family in (4, 6)] for side, names in sides.items()
    }
    asked = rehearsal(policy, addresses, 24, "1")

    def load():
        Nft(run_here, "nft").load(nftables.render(policy))

    seen = stage.rehearse(run_here, load, legs(policy, addresses), as_data(asked), 20)

    assert disagreements(asked, [passed(answer) for answer in seen]) == []
    assert {question.allowed for question in asked} == {passed(answer) for answer in seen} == {True, False}


def run_here(words, text):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_iptables_can_not_tell_by_which_other_interface_a_source_is_routed():
    with pytest.raises(ModelError, match="gatehouse_antispoof: got 'sides', expected strict or off: iptables"):
        iptables.render(policy_of("sides"))
