"""What passes without a flow, and what doesn't, between two namespaces: a host with our rules, and a stranger."""

from __future__ import annotations

import os
import shutil
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_network

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.tests.parity.backends import (
    Backend,
    iptables_backend,
    nftables_backend,
    unload,
)
from ansible_collections.gatehouse.firewall.tests.parity.namespaces import CommandError, Namespace, new_namespace

TOOLS = ("nft", "ip", "ipset", "iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, TOOLS)), reason=f"needs root, for namespaces, and {', '.join(TOOLS)}"
)

HOST = {4: "198.51.100.1", 6: "2001:db8::1"}
ON_LINK = "fe80::1"  # the host's own, beside fe80::2
STRANGER = {4: "198.51.100.2", 6: "2001:db8::2"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
EVERYBODY = AddressSet.of(map(ip_network, ("0.0.0.0/0", "::/0")))
CONTROL, SECRET, REFUSED = 443, 22, 81
POLICY = Policy(("web",), ingress=(Rule("site", "world", EVERYBODY, PortSet.parse(f"{CONTROL}/tcp")),))
PASSIVE = {4: f"227 Entering Passive Mode (198,51,100,1,0,{SECRET})\r\n", 6: f"229 Extended (|||{SECRET}|)\r\n"}
QUICK = 0.4  # seconds, within which what may pass has passed

# What others do on the host: a port is refused, and a helper listens to the one that is open.
REFUSAL = f"""table inet refusal {{
    chain input {{ type filter hook input priority -20; tcp dport {REFUSED} reject with tcp reset; }}
}}
"""
HELPER = f"""table inet helper {{
    ct helper files {{ type "ftp" protocol tcp; }}
    chain before {{ type filter hook prerouting priority -150; tcp dport {CONTROL} ct helper set "files"; }}
}}
"""


@dataclass(frozen=True)
class Pair:
    """A host, and a stranger on its link."""

    host: Namespace
    stranger: Namespace

    def listen(self, family: int, port: int) -> socket.socket:
        """Return a socket of the host's that waits for connections."""
        make = partial(socket.create_server, (HOST[family], port), family=FAMILY[family])
        return self.host.call(make)

    def connect(self, family: int, port: int) -> socket.socket:
        """Return a connection of the stranger's to the host; raise OSError where there is none."""
        return self.stranger.call(partial(socket.create_connection, (HOST[family], port), QUICK))

    def reaches(self, family: int, port: int) -> bool:
        """Return whether a connection of the stranger's comes to be."""
        with suppress(TimeoutError), self.connect(family, port):
            return True
        return False


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with new_namespace() as host, new_namespace() as stranger:
        for one in (host, stranger):
            one.set({f"ipv6/conf/{which}/accept_dad": 0 for which in ("all", "default")})
        host.ip("link set lo up", f"link add eth0 type veth peer name eth0 netns {stranger.pid}")
        for one, addresses, link_local in ((host, HOST, "fe80::1/64"), (stranger, STRANGER, "fe80::2/64")):
            own = f"address add {addresses[4]}/24 dev eth0", f"address add {addresses[6]}/64 dev eth0 nodad"
            one.ip("link set eth0 up", *own)
            one.ip(f"address add {link_local} dev eth0 nodad")
        host.run("nft", "-f", "-", text=REFUSAL)
        yield Pair(host, stranger)


@pytest.fixture(scope="module")
def helped(pair: Pair) -> Pair:
    try:
        pair.host.run("nft", "-f", "-", text=HELPER)
    except CommandError as error:
        pytest.skip(f"needs a kernel with the connection tracking helper ftp: {error}")
    return pair


def changed_nftables(before: str, after: str) -> Callable[[Policy], str]:
    """Return the renderer with a piece of its text replaced."""
    return lambda policy: _replaced(nftables.render(policy), before, after)


def changed_iptables(before: str, after: str) -> Callable[[Policy], dict[str, str]]:
    """Return the renderer with a piece of its texts replaced."""
    return lambda policy: {name: text.replace(before, after) for name, text in iptables.render(policy).items()}


def _replaced(text: str, before: str, after: str) -> str:
    assert before in text
    return text.replace(before, after)


@dataclass(frozen=True)
class Kind:
    """A backend, and what its rules would be otherwise: the controls."""

    ours: Backend
    with_all_related: Backend
    without_resets: Backend
    without_igmp: Backend


def _iptables(variant: str) -> Kind:
    def changed(before: str, after: str) -> Backend:
        return iptables_backend(changed_iptables(before, after), variant)

    return Kind(
        iptables_backend(variant=variant),
        changed("--ctstate ESTABLISHED", "--ctstate RELATED,ESTABLISHED"),
        changed("--tcp-flags RST RST", "--tcp-flags RST NONE"),
        changed("--ttl-eq 1", "--ttl-eq 255"),
    )


def _changed(before: str, after: str) -> Backend:
    return nftables_backend(changed_nftables(before, after))


KINDS = {
    "nftables": Kind(
        nftables_backend(),
        _changed("ct state established accept", "ct state established,related accept"),
        _changed("ct state related tcp flags rst accept", ""),
        _changed("ip ttl 1 ip protocol igmp", "ip ttl 255 ip protocol igmp"),
    ),
    "iptables-nft": _iptables("nft"),
    "iptables-legacy": _iptables("legacy"),
}


@contextmanager
def rules(pair: Pair, backend: Backend, policy: Policy = POLICY) -> Iterator[None]:
    """Have a backend's rules judge, and nobody's afterwards."""
    backend.load(policy, pair.host)
    try:
        yield
    finally:
        unload(pair.host)


def opened_by_helper(pair: Pair, family: int) -> bool:
    """Return whether the stranger reaches a port that no flow names, by a word of a server on one that is open."""
    with pair.listen(family, CONTROL) as server, pair.listen(family, SECRET), pair.connect(family, CONTROL) as client:
        peer, _address = server.accept()
        with peer:
            for line in ("220 Hello\r\n", PASSIVE[family]):
                peer.sendall(line.encode())
                assert client.recv(512).decode() == line
            return pair.reaches(family, SECRET)


def refused(pair: Pair, family: int) -> bool:
    """Return whether the stranger hears that a port is refused."""
    try:
        return pair.reaches(family, REFUSED)
    except ConnectionRefusedError:
        return True


def reported(pair: Pair) -> bool:
    """Return whether a router on the link hears which group the host has joined."""
    listener = pair.stranger.call(partial(socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)))
    group = struct.pack("4s4s", socket.inet_aton("239.1.1.1"), socket.inet_aton(HOST[4]))
    with listener, pair.host.call(partial(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)) as member:
        listener.settimeout(QUICK)
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        with suppress(TimeoutError):
            while True:
                packet = listener.recv(512)
                if packet[9] == socket.IPPROTO_IGMP and group[:4] in packet[20:]:
                    return True
    return False


def heard(pair: Pair, to: str, source_port: int) -> bool:
    """Return whether a DHCP client of the host's hears what the stranger sends there from a port."""
    family = 6 if ":" in to else 4
    port, any_address = (546, "::") if family == 6 else (68, "0.0.0.0")
    scope = pair.stranger.call(partial(socket.if_nametoindex, "eth0")) if to == ON_LINK else 0
    source = ("fe80::2" if to == ON_LINK else STRANGER[family], source_port, *([0, scope] if family == 6 else []))
    with _datagrams(pair.host, family) as client, _datagrams(pair.stranger, family) as server:
        client.bind((any_address, port))
        client.settimeout(QUICK)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        server.bind(source)
        server.sendto(b"an answer", (to, port, *([0, scope] if family == 6 else [])))
        with suppress(TimeoutError):
            return client.recv(64) == b"an answer"
    return False


def _datagrams(namespace: Namespace, family: int) -> socket.socket:
    return namespace.call(partial(socket.socket, FAMILY[family], socket.SOCK_DGRAM))


ANSWERS = {
    ("255.255.255.255", 67): True,
    (HOST[4], 67): True,
    (HOST[4], 1067): False,
    ("198.51.100.255", 67): False,
    (ON_LINK, 547): True,
    (ON_LINK, 49152): True,
    (HOST[6], 547): False,
}


each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
each_family = pytest.mark.parametrize("family", [4, 6])


@each_kind
@each_family
def test_what_the_helper_of_others_expects_is_judged_by_flow(helped: Pair, kind: Kind, family: int) -> None:
    with rules(helped, kind.with_all_related):
        assert opened_by_helper(helped, family), "the control: the helper works"
    with rules(helped, kind.ours):
        assert not opened_by_helper(helped, family)


@each_kind
@each_family
def test_a_refusal_of_the_hosts_own_gets_out(pair: Pair, kind: Kind, family: int) -> None:
    with rules(pair, kind.without_resets):
        assert not refused(pair, family), "the control: our rules would hold it back"
    with rules(pair, kind.ours):
        assert refused(pair, family)


@each_kind
def test_a_host_that_joins_a_group_says_so_on_its_link(pair: Pair, kind: Kind) -> None:
    with rules(pair, kind.without_igmp):
        assert not reported(pair), "the control: our rules would hold it back"
    with rules(pair, kind.ours):
        assert reported(pair)


@each_kind
def test_a_dhcp_client_hears_who_may_answer_it_unless_the_model_wants_none(pair: Pair, kind: Kind) -> None:
    assert {answer: heard(pair, *answer) for answer in ANSWERS} == dict.fromkeys(ANSWERS, True), "the control"
    with rules(pair, kind.ours):
        assert {answer: heard(pair, *answer) for answer in ANSWERS} == ANSWERS
    with rules(pair, kind.ours, replace(POLICY, dhcp=False)):
        assert {answer: heard(pair, *answer) for answer in ANSWERS} == dict.fromkeys(ANSWERS, False)
