"""What a host forwards for those behind it, as packets: guests on two bridges, a host, and all others behind a router.

The host masquerades its guests in IPv4, publishes two ports of theirs, and routes them in IPv6, with rules of others.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import NamedTuple

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import (
    filled_by_ipset,
    filled_by_nft,
    merged,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.usage import usage_of
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._verdict.packet import Packet, lets_through
from ansible_collections.gatehouse.firewall.tests.parity.backends import BACKENDS, Backend, unload
from ansible_collections.gatehouse.firewall.tests.parity.namespaces import Namespace, new_namespace
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build

TOOLS = ("nft", "ip", "ipset", "iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, TOOLS)), reason=f"needs root, for namespaces, and {', '.join(TOOLS)}"
)

MODEL = {
    "gatehouse_classes": [
        {
            "name": "client",
            "groups": ["clients"],
            "isolated": True,
            "pre_dnat": {"ports": ["64000-64999/tcp"]},
            "carries": {
                "interfaces": ["docker0", "br-*"],
                "networks": ["192.0.2.0/24", "2001:db8:2::/63"],
                "except": ["169.254.169.254"],
            },
        },
        {"name": "node", "networks": ["198.51.100.11"]},
    ],
    "gatehouse_zones": [
        {"name": "external", "networks": ["0.0.0.0/0", "::/0"]},
        {"name": "git", "networks": ["203.0.113.9", "2001:db8:9::9"]},
        {"name": "office", "networks": ["203.0.113.7", "2001:db8:9::7"]},
    ],
    "gatehouse_flows": [
        {"name": "web", "from": ["client"], "to": ["external"], "ports": ["80/tcp", "443/tcp"]},
        {"name": "checkout", "from": ["client"], "to": ["git"], "ports": ["22/tcp"]},
        {"name": "rerun", "from": ["office"], "to": ["client"], "ports": ["64000-64999/tcp"]},
    ],
    "groups": {"clients": ["client1", "client2"]},
    "hosts": {
        "client1": {"gatehouse_addresses": {"private": ["198.51.100.21", "2001:db8:1::21"]}},
        "client2": {"gatehouse_addresses": {"private": ["198.51.100.22", "2001:db8:1::22"]}},
    },
}
Ends = dict[int, str]
"""An address in each family."""


class Link(NamedTuple):
    """A link between the host and a guest."""

    host: Ends
    guest: Ends


LENGTH = {4: 25, 6: 64}
UPLINK = {
    "host": {4: "198.51.100.21", 6: "2001:db8:1::21"},
    "others": {4: "198.51.100.62", 6: "2001:db8:1::62"},
}
HOST = UPLINK["host"]
GUESTS = {
    "docker0": Link({4: "192.0.2.1", 6: "2001:db8:2::1"}, {4: "192.0.2.10", 6: "2001:db8:2::10"}),
    "br-4f1c": Link({4: "192.0.2.129", 6: "2001:db8:3::1"}, {4: "192.0.2.130", 6: "2001:db8:3::10"}),
    "lxc0": Link({4: "198.51.100.129", 6: "2001:db8:4::1"}, {4: "198.51.100.130", 6: "2001:db8:4::10"}),
}
"""By interface of the host; what is behind the last one, no class says."""
OTHERS = (
    *("203.0.113.200", "203.0.113.9", "203.0.113.7", "198.51.100.22", "198.51.100.11", "169.254.169.254"),
    *("2001:db8:9::200", "2001:db8:9::9", "2001:db8:9::7", "2001:db8:1::22"),
)
OF_OTHERS = """table ip others {
    chain pre {
        type nat hook prerouting priority dstnat;
        tcp dport 64600 dnat to 192.0.2.10:22
        tcp dport 8080 dnat to 192.0.2.10:64600
    }
    chain post {
        type nat hook postrouting priority srcnat;
        oifname "eth0" ip saddr 192.0.2.0/24 masquerade
    }
}
"""
DNAT = {64600: ("192.0.2.10", 22), 8080: ("192.0.2.10", 64600)}

# From where, to whom, on which port, and whether it passes.
ASKED = {
    "a guest's, allowed": ("docker0", "203.0.113.200", "443/tcp", True),
    "a guest's, allowed, IPv6": ("docker0", "2001:db8:9::200", "443/tcp", True),
    "by another bridge": ("br-4f1c", "203.0.113.200", "80/tcp", True),
    "to git": ("docker0", "203.0.113.9", "22/tcp", True),
    "to git, IPv6": ("br-4f1c", "2001:db8:9::9", "22/tcp", True),
    "mail": ("docker0", "203.0.113.200", "25/tcp", False),
    "mail, IPv6": ("docker0", "2001:db8:9::200", "25/tcp", False),
    "chat": ("br-4f1c", "203.0.113.200", "6667/tcp", False),
    "ssh to anybody": ("docker0", "203.0.113.200", "22/tcp", False),
    "no tcp": ("docker0", "203.0.113.200", "443/udp", False),
    "no tcp, IPv6": ("br-4f1c", "2001:db8:9::200", "443/udp", False),
    "ssh to a node": ("docker0", "198.51.100.11", "22/tcp", False),
    "to another client, on an open port": ("docker0", "198.51.100.22", "443/tcp", False),
    "to another client, on an open port, IPv6": ("docker0", "2001:db8:1::22", "443/tcp", False),
    "metadata": ("docker0", "169.254.169.254", "80/tcp", False),
    "between guests of an isolated host": ("docker0", "192.0.2.130", "443/tcp", False),
    "between guests of an isolated host, IPv6": ("br-4f1c", "2001:db8:2::10", "443/tcp", False),
    "published, and a flow says so": ("203.0.113.7", "198.51.100.21", "64600/tcp", True),
    "published, to a stranger": ("203.0.113.200", "198.51.100.21", "64600/tcp", False),
    "published on a port that no flow has, which becomes one that a flow has": (
        *("203.0.113.7", "198.51.100.21", "8080/tcp"),
        False,
    ),
    "routed, and a flow says so": ("2001:db8:9::7", "2001:db8:2::10", "64600/tcp", True),
    "routed, to a stranger": ("2001:db8:9::200", "2001:db8:2::10", "64600/tcp", False),
    "routed, on a port that no flow has": ("2001:db8:9::7", "2001:db8:2::10", "22/tcp", False),
    "carried by no class": ("lxc0", "203.0.113.200", "25/tcp", True),
    "carried by no class, IPv6": ("lxc0", "2001:db8:9::200", "25/tcp", True),
    "from there to a guest": ("lxc0", "192.0.2.10", "25/tcp", False),
}

BEFORE_DNAT = "published, to a stranger"
STRANGER = ("pre_dnat", "203.0.113.200", "tcp", 64600)

# Nothing listens, so that whatever passes is refused by its receiver.
ASK = """
import errno, json, socket, sys, time
asked = []
for source, target, port, kind in json.load(sys.stdin):
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    one.setblocking(False)
    one.bind((source, 0))
    one.connect_ex((target, port))
    if kind == "udp":
        one.send(b"x")
    asked.append(one)
time.sleep(0.5)
print(json.dumps([one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for one in asked]))
"""


@dataclass(frozen=True)
class Place:
    """The host, whoever is at each of its interfaces, and all others."""

    host: Namespace
    guests: dict[str, Namespace]
    others: Namespace

    def end(self, sender: str, target: str) -> tuple[Namespace, str]:
        """Return where a packet is sent from, and its source."""
        if sender in self.guests:
            return self.guests[sender], GUESTS[sender].guest[6 if ":" in target else 4]
        return self.others, sender

    def errors(self, names: Iterable[str] = tuple(ASKED)) -> dict[str, int]:
        """Return what became of each attempt: an error's number, and 0 where nothing came back."""
        found: dict[str, int] = {}
        by_namespace: dict[int, list[tuple[str, list[object]]]] = {}
        for name in names:
            sender, target, what, _passes = ASKED[name]
            namespace, source = self.end(sender, target)
            port, protocol = what.split("/")
            by_namespace.setdefault(namespace.pid, []).append((name, [source, target, int(port), protocol]))
        for pid, rows in by_namespace.items():
            told = Namespace(pid).run(sys.executable, "-c", ASK, text=json.dumps([row for _name, row in rows]))
            found |= dict(zip((name for name, _row in rows), json.loads(told)))
        return found

    def passed(self) -> dict[str, bool]:
        """Return which attempts have reached their receiver."""
        return {name: error == errno.ECONNREFUSED for name, error in self.errors().items()}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        host, others, *three = (stack.enter_context(new_namespace()) for _number in range(2 + len(GUESTS)))
        guests = dict(zip(GUESTS, three))
        for namespace in (host, others, *three):
            namespace.set({f"ipv6/conf/{which}/accept_dad": 0 for which in ("all", "default")})
            namespace.set({"ipv4/icmp_ratelimit": 0, "ipv6/icmp/ratelimit": 0})
            namespace.ip("link set lo up")
        host.set({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
        join(host, "eth0", UPLINK["host"], others, UPLINK["others"])
        host.ip(*routes(UPLINK["others"], "default", "::/0"))
        others.ip(*(f"address add {one} dev eth0 {'nodad' if ':' in one else ''}" for one in OTHERS))
        others.ip(*routes(UPLINK["host"], "192.0.2.0/24", "2001:db8:2::/47", "2001:db8:4::/64"))
        others.ip(*routes(UPLINK["host"], f"{GUESTS['lxc0'].guest[4]}/32"))
        for name, link in GUESTS.items():
            join(host, name, link.host, guests[name], link.guest)
            guests[name].ip(*routes(link.host, "default", "::/0"))
        host.run("nft", "-f", "-", text=OF_OTHERS)
        yield Place(host, guests, others)


def join(one: Namespace, name: str, its: Ends, other: Namespace, others: Ends) -> None:
    """Have a link between two namespaces, which the other one knows as eth0."""
    one.ip(f"link add {name} type veth peer name eth0 netns {other.pid}")
    for namespace, device, ends in ((one, name, its), (other, "eth0", others)):
        own4, own6 = (f"address add {ends[family]}/{LENGTH[family]} dev {device}" for family in LENGTH)
        namespace.ip(f"link set {device} up", own4, f"{own6} nodad")


def routes(via: Ends, *networks: str) -> Iterator[str]:
    return (f"route add {network} via {via[6 if ':' in network else 4]}" for network in networks)


def policy_of(**variables: object) -> Policy:
    hosts = {**MODEL["hosts"], "client1": {**MODEL["hosts"]["client1"], **variables}}
    return build({**MODEL, "hosts": hosts}).policy_of("client1")


ENFORCED = {"gatehouse_mode": {"forward": "enforce"}, "gatehouse_deny": {"forward": "drop"}}
CARRIES = policy_of().carries


@contextmanager
def rules(place: Place, backend: Backend, policy: Policy) -> Iterator[str]:
    """Have a backend's rules judge on the host, and none afterwards; return what was loaded."""
    text = backend.load(policy, place.host)
    try:
        yield text
    finally:
        unload(place.host)


each_backend = pytest.mark.parametrize("backend", BACKENDS, ids=lambda one: one.name)


def packet_of(place: Place, name: str) -> Packet:
    sender, target, what, _passes = ASKED[name]
    _namespace, source = place.end(sender, target)
    port, protocol = int(what.split("/")[0]), what.split("/")[1]
    to, becomes = DNAT.get(port, ("", None)) if target == HOST[4] else ("", None)
    final = to or target
    out = next((one for one, ends in GUESTS.items() if final in ends.guest.values()), "eth0")
    return Packet(
        *("ingress", ip_address(source), ip_address(target), protocol, port),
        interface=sender if sender in GUESTS else "eth0",
        to_host=target in HOST.values(),
        forwarded=True,
        forwarded_to=ip_address(to) if to else None,
        redirected_to=becomes,
        leaves_by=out,
    )


def test_without_our_rules_everything_passes(place):
    assert place.passed() == dict.fromkeys(ASKED, True)


@each_backend
def test_a_packet_of_a_guest_or_for_one_passes_if_a_flow_of_the_host_allows_it(place, backend):
    policy = policy_of(**ENFORCED)
    with rules(place, backend, policy):
        found = place.passed()

    assert found == {name: passes for name, (*_what, passes) in ASKED.items()}
    assert found == {name: lets_through(policy, packet_of(place, name)) for name in ASKED}


@each_backend
@pytest.mark.parametrize("not_apart", [{"isolated": {}}, {"carries": replace(CARRIES, isolated=False)}], ids=list)
def test_guests_of_one_host_talk_to_each_other_unless_they_are_isolated(place, backend, not_apart):
    names = ["between guests of an isolated host", "between guests of an isolated host, IPv6", "mail"]
    with rules(place, backend, replace(policy_of(**ENFORCED), **not_apart)):
        found = place.errors(names)

    assert found == dict(zip(names, [errno.ECONNREFUSED, errno.ECONNREFUSED, 0]))


@each_backend
def test_a_host_that_only_observes_what_it_carries_counts_it_and_lets_it_through(place, backend):
    policy = policy_of()
    with rules(place, backend, policy):
        passed, seen = place.passed(), keys(place, backend)

    # The host's own mode denies what it judges before DNAT.
    assert passed == {name: name != BEFORE_DNAT for name in ASKED}
    assert seen == {*keys_of_denials(place, backend), STRANGER}


@each_backend
def test_what_is_denied_is_kept_with_its_peer_and_its_port(place, backend):
    policy = policy_of(**ENFORCED)
    with rules(place, backend, policy):
        place.errors()
        seen = keys(place, backend)

    assert seen == {*keys_of_denials(place, backend), STRANGER}


@each_backend
def test_what_was_observed_before_dnat_is_not_counted_again_where_it_is_forwarded(place, backend):
    names = [BEFORE_DNAT, "mail"]
    with rules(place, backend, policy_of(gatehouse_mode="observe")):
        found, seen = place.errors(names), keys(place, backend)

    assert found == dict.fromkeys(names, errno.ECONNREFUSED)
    assert seen == {("ingress", *STRANGER[1:]), expected_key(place, "mail", backend)}


@each_backend
def test_what_a_flow_lets_through_is_counted_as_its(place, backend):
    with rules(place, backend, policy_of(**ENFORCED)):
        place.errors(["to git", "to git, IPv6", "published, and a flow says so", "routed, and a flow says so"])
        counted = usage_of(listed(place, backend))

    packets = {(one["flow"], one["direction"]): one["packets"] for one in counted}
    # What is published is judged before DNAT, and where it is forwarded.
    assert packets == {("checkout", "egress"): 2, ("rerun", "ingress"): 3, ("web", "egress"): 0}


def test_a_guest_is_refused_at_once_and_a_stranger_hears_nothing(place):
    nftables = BACKENDS[0]
    with rules(place, nftables, policy_of(gatehouse_mode={"forward": "enforce"})):
        names = ["mail", "mail, IPv6", "no tcp", "routed, to a stranger"]
        found = place.errors(names)

    # A reset by the host looks as one of the receiver; of a datagram, the sender hears that it is prohibited.
    assert found == dict(zip(names, [errno.ECONNREFUSED, errno.ECONNREFUSED, errno.EHOSTUNREACH, 0]))


def keys(place: Place, backend: Backend) -> set[tuple[str, str, str, int]]:
    """Return what the host's sets hold: kind, peer, protocol and port."""
    if backend.name == "nftables":
        elements = filled_by_nft(place.host.run("nft", "list", "table", "inet", "gatehouse"))
    else:
        saved = place.host.run("ipset", "save")
        names = {line.split(" ")[1] for line in saved.splitlines() if line.startswith("create ")}
        elements = filled_by_ipset(saved, names)
    rows = merged(elements or (), 0)
    # Multicast listener reports of the links come in at any time.
    found = {(row["direction"], row["address"], row["protocol"], row["port"]) for row in rows}
    return {key for key in found if not key[1].startswith("fe80:")}


def listed(place: Place, backend: Backend) -> str:
    if backend.name == "nftables":
        return place.host.run("nft", "list", "table", "inet", "gatehouse")
    variant = backend.name.partition("-")[2]
    commands = (f"{command}-{variant}-save" for command in ("iptables", "ip6tables"))
    return "".join(place.host.run(command, "-c") for command in commands)


def keys_of_denials(place: Place, backend: Backend) -> set[tuple[str, str, str, int]]:
    """Return what is to be kept of all that is denied where it is forwarded."""
    denied = {name for name, (*_what, passes) in ASKED.items() if not passes} - {BEFORE_DNAT}
    return {expected_key(place, name, backend) for name in denied}


def expected_key(place: Place, name: str, backend: Backend) -> tuple[str, str, str, int]:
    """Return what is to be kept of a denial: of what a host sends on, its receiver; of the rest, its sender."""
    packet = packet_of(place, name)
    goes_in = packet.leaves_by in ("docker0", "br-4f1c") and packet.interface not in ("docker0", "br-4f1c")
    if not goes_in:
        return "forward_out", str(packet.forwarded_to or packet.destination), packet.protocol, packet.port
    port = packet.port if backend.name == "nftables" else packet.redirected_to or packet.port
    return "forward_in", str(packet.source), packet.protocol, port
