"""Each flow's rules count what asks for a connection, in both backends and families, and nothing else that passes."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_interface

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend, Run
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import read
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.usage import usage_of
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules import iptables, nftables
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_rules.logged import FLOW_BURST
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.deny import SILENT
from ansible_collections.gatehouse.firewall.tests.unit.plugins.plugin_utils.models import build
from lab import Host, Lab, running
from prober import in_namespace

SENDER, RECEIVER = "sender", "receiver"
ADDRESSES = {
    SENDER: ("198.51.100.161/28", "2001:db8:71::161/64"),
    RECEIVER: ("198.51.100.162/28", "2001:db8:71::162/64"),
}
TCP, UDP, IDLE, CLOSED, NODE_PORT = 9000, 9100, 9200, 9300, 30000
FLEET = build(
    {
        "groups": {"senders": [SENDER], "receivers": [RECEIVER]},
        "hosts": {
            name: {"gatehouse_addresses": {"private": [text.partition("/")[0] for text in texts]}}
            for name, texts in ADDRESSES.items()
        },
        "gatehouse_classes": [
            {"name": "sender", "groups": ["senders"]},
            {"name": "receiver", "groups": ["receivers"], "pre_dnat": {"ports": [f"{NODE_PORT}/tcp"]}},
        ],
        "gatehouse_flows": [
            {"name": "api", "from": ["sender"], "to": ["receiver"], "ports": [f"{TCP}/tcp", f"{UDP}/udp"], "log": True},
            {"name": "idle", "from": ["sender"], "to": ["receiver"], "ports": [f"{IDLE}/tcp"]},
            {"name": "node", "from": ["sender"], "to": ["receiver"], "ports": [f"{NODE_PORT}/tcp"]},
        ],
    }
)
BACKENDS = ("nft", "iptables-nft", "iptables-legacy")
Counts = dict[tuple[str, str], int]


@pytest.fixture
def pair() -> Iterator[Lab]:
    hosts = {name: Host(name, {"private": tuple(map(ip_interface, texts))}) for name, texts in ADDRESSES.items()}
    with running(hosts) as pair:
        yield pair


def runner(lab: Lab, host: str) -> Run:
    def run(words: list[str], text: str | None) -> tuple[int, str, str]:
        command = ["ip", "netns", "exec", lab.names[host], *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


def backend_of(lab: Lab, host: str, name: str) -> Backend:
    run = runner(lab, host)
    if name == "nft":
        return Nft(run, shutil.which("nft"))
    variant = name.partition("-")[2]
    commands = [f"iptables-{variant}", f"ip6tables-{variant}", "ipset"]
    missing = [command for command in commands if not shutil.which(command)]
    assert not missing, f"this test needs the programs {missing}"
    return Iptables(run, *map(shutil.which, commands))


def ruleset_of(host: str, name: str) -> str:
    # A sender that hears of its own denial would take that for the receiver's answer.
    policy = replace(FLEET.policy_of(host), deny=SILENT)
    return nftables.render(policy) if name == "nft" else joined(iptables.render(policy))


def counts(backend: Backend) -> Counts:
    return {(one["flow"], one["direction"]): one["packets"] for one in usage_of(backend.counted())}


def connect(lab: Lab, family: int, port: int, times: int) -> list[str]:
    """Ask for connections where nobody listens: who is let in is refused by the host itself. Return how each went."""
    target = lab.hosts[RECEIVER].address("private", family)

    def ask() -> str:
        with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6) as client:
            client.settimeout(0.2)
            try:
                client.connect((target, port))
            except ConnectionRefusedError:
                return "let in"
            except OSError:
                return "dropped"
            return "accepted"

    return [in_namespace(lab.namespaces[SENDER], ask) for _time in range(times)]


def send(lab: Lab, family: int, port: int, times: int) -> None:
    """Send datagrams, each of a conversation of its own."""
    target = lab.hosts[RECEIVER].address("private", family)

    def tell() -> None:
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        with socket.socket(kind, socket.SOCK_DGRAM) as client, suppress(OSError):
            client.sendto(b"x", (target, port))

    for _time in range(times):
        in_namespace(lab.namespaces[SENDER], tell)


def talk(lab: Lab, family: int, words: int) -> None:
    """Open one connection that is accepted, and say so many words over it, in both directions."""
    target = lab.hosts[RECEIVER].address("private", family)
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    server = in_namespace(lab.namespaces[RECEIVER], lambda: socket.create_server(("", TCP), family=kind))
    client = in_namespace(lab.namespaces[SENDER], lambda: socket.socket(kind))
    with server, client:
        client.settimeout(5)
        client.connect((target, TCP))
        there, _address = server.accept()
        with there:
            for _word in range(words):
                client.sendall(b"ping")
                assert there.recv(4) == b"ping"
                there.sendall(b"pong")
                assert client.recv(4) == b"pong"


@pytest.mark.parametrize("name", BACKENDS)
def test_a_flow_counts_what_asks_for_a_connection_at_both_ends_and_in_both_families(pair: Lab, name: str) -> None:
    sender, receiver = (backend_of(pair, host, name) for host in ADDRESSES)
    for host, backend in ((SENDER, sender), (RECEIVER, receiver)):
        backend.load(ruleset_of(host, name))
    pair.forget()
    before = sender.listing(), receiver.listing()
    assert counts(sender) == dict.fromkeys([("api", "egress"), ("idle", "egress"), ("node", "egress")], 0)
    assert counts(receiver) == dict.fromkeys([("api", "ingress"), ("idle", "ingress"), ("node", "ingress")], 0)

    assert connect(pair, 4, TCP, 3) == ["let in"] * 3
    assert connect(pair, 6, TCP, 2) == ["let in"] * 2
    send(pair, 4, UDP, 4)
    send(pair, 6, UDP, 1)
    talk(pair, 4, words=20)
    talk(pair, 6, words=20)
    assert connect(pair, 4, CLOSED, 2) == ["dropped"] * 2

    assert counts(sender) == {("api", "egress"): 12, ("idle", "egress"): 0, ("node", "egress"): 0}
    assert counts(receiver) == {("api", "ingress"): 12, ("idle", "ingress"): 0, ("node", "ingress"): 0}
    assert all(one["bytes"] > 28 * one["packets"] for one in usage_of(receiver.counted()) if one["packets"])
    assert (sender.listing(), receiver.listing()) == before


@pytest.mark.parametrize("name", BACKENDS)
def test_a_logged_flow_lets_in_more_than_it_may_log(pair: Lab, name: str) -> None:
    receiver = backend_of(pair, RECEIVER, name)
    receiver.load(ruleset_of(RECEIVER, name))
    pair.forget()
    more = FLOW_BURST + 20

    assert connect(pair, 4, TCP, more) == ["let in"] * more
    assert connect(pair, 6, TCP, more) == ["let in"] * more
    assert counts(receiver)["api", "ingress"] == 2 * more
    logged = [int(found) for found in re.findall(r"^\[(\d+):\d+\] .* -j LOG ", receiver.counted(), re.MULTILINE)]
    assert all(found < more for found in logged), logged
    assert [found for found in logged if found] or name == "nft"  # nft counts in the rule that lets in alone


@pytest.mark.parametrize("name", BACKENDS)
def test_counts_survive_a_change_of_addresses_and_begin_anew_with_a_load(pair: Lab, name: str) -> None:
    receiver, ruleset = backend_of(pair, RECEIVER, name), ruleset_of(RECEIVER, name)
    receiver.load(ruleset)
    pair.forget()
    assert connect(pair, 4, TCP, 3) == ["let in"] * 3
    assert counts(receiver)["api", "ingress"] == 3

    elements = read(ruleset).elements
    wider = {
        one: [*addresses, "198.51.100.163"] for one, addresses in elements.items() if "198.51.100.161" in addresses
    }
    assert wider
    receiver.refill({one: elements[one] for one in wider}, wider)
    assert counts(receiver)["api", "ingress"] == 3

    receiver.load(ruleset)
    assert set(counts(receiver).values()) == {0}
    assert connect(pair, 6, TCP, 2) == ["let in"] * 2
    assert counts(receiver)["api", "ingress"] == 2


@pytest.mark.parametrize("name", BACKENDS)
def test_what_is_judged_before_dnat_and_ends_on_the_host_counts_at_both_stages(pair: Lab, name: str) -> None:
    receiver = backend_of(pair, RECEIVER, name)
    receiver.load(ruleset_of(RECEIVER, name))
    pair.forget()
    assert connect(pair, 4, NODE_PORT, 3) == ["let in"] * 3
    assert connect(pair, 6, NODE_PORT, 1) == ["let in"]

    assert counts(receiver) == {("api", "ingress"): 0, ("idle", "ingress"): 0, ("node", "ingress"): 2 * (3 + 1)}


@pytest.mark.parametrize("name", BACKENDS)
def test_what_somebody_changes_by_hand_is_still_seen_among_rules_that_count(pair: Lab, name: str) -> None:
    receiver = backend_of(pair, RECEIVER, name)
    receiver.load(ruleset_of(RECEIVER, name))
    before = receiver.listing()
    pair.forget()
    assert connect(pair, 4, TCP, 1) == ["let in"]
    assert receiver.listing() == before

    if name == "nft":
        pair.run(RECEIVER, "nft", "add rule inet gatehouse input_tcp_9200 counter accept")
    else:
        pair.run(RECEIVER, name, "-A", "GATEHOUSE-INPUT-TCP-9200", "-j", "RETURN")
    assert receiver.listing() != before
