"""A host changes its ruleset under the most packets that one sender can send: none of the allowed ones is lost."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from ipaddress import ip_interface
from time import sleep

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import NO_TABLE, Nft
from lab import Host, Lab, running
from prober import SO_RCVBUFFORCE, in_namespace

CHANGES = 200
ALLOWED, DENIED = 9000, 9100
SETTLE = 0.3  # seconds that the last packet may be on its way


def ruleset(ports: str) -> str:
    """Return rules that accept some ports, each packet on its own: an established connection would hide a loss."""
    text = f"""\
{NO_TABLE}
table inet gatehouse {{
    set office.v4 {{
        type ipv4_addr
        flags interval
        elements = {{ 198.51.100.128/28, }}
    }}
    chain input {{
        type filter hook input priority filter - 10; policy drop;
        jump input_flows
        counter drop
    }}
    chain input_udp {{
        ip saddr @office.v4 accept
    }}
    chain input_flows {{
        udp dport vmap {{ {ports} }}
    }}
}}
"""
    return text.replace("    ", "\t")


RULESETS = [ruleset("9000-9010 : goto input_udp"), ruleset("9000 : goto input_udp, 9005 : accept")]


@pytest.fixture(scope="module")
def pair() -> Iterator[Lab]:
    addresses = {
        "sender": ("198.51.100.130/28", "2001:db8:41::130/64"),
        "receiver": ("198.51.100.131/28", "2001:db8:41::131/64"),
    }
    hosts = {name: Host(name, {"private": tuple(map(ip_interface, texts))}) for name, texts in addresses.items()}
    with running(hosts) as pair:
        yield pair


def nft_of(lab: Lab, host: str) -> Nft:
    def run(words: list[str], text: str | None) -> tuple[int, str, str]:
        command = ["ip", "netns", "exec", lab.names[host], *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return Nft(run, "nft")


def flood(lab: Lab, during: Callable[[], object]) -> tuple[int, int, int]:
    """Send to both ports while something is done; return how many were sent to each, and how many came to each."""
    source, target = (lab.hosts[name].address("private", 4) for name in ("sender", "receiver"))
    with ExitStack() as stack:

        def bound(host: str, address: str, port: int) -> socket.socket:
            found = in_namespace(lab.namespaces[host], lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            found.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
            found.bind((address, port))
            found.setblocking(False)
            return stack.enter_context(found)

        sender = bound("sender", source, 0)
        receivers = {port: bound("receiver", target, port) for port in (ALLOWED, DENIED)}
        came = dict.fromkeys(receivers, 0)
        sent = 0
        task = stack.enter_context(ThreadPoolExecutor(1)).submit(during)
        while not task.done():
            for port in receivers:
                sender.sendto(b"x", (target, port))
            sent += 1
            if sent % 64 == 0:
                _drain(receivers, came)
        sleep(SETTLE)
        _drain(receivers, came)
        task.result()
    return sent, came[ALLOWED], came[DENIED]


def _drain(receivers: dict[int, socket.socket], came: dict[int, int]) -> None:
    for port, receiver in receivers.items():
        try:
            while receiver.recv(1):
                came[port] += 1
        except BlockingIOError:
            pass


def test_no_allowed_packet_is_lost_and_no_denied_one_passes_while_a_table_changes(pair: Lab) -> None:
    nft = nft_of(pair, "receiver")
    nft.load(RULESETS[0])

    def change() -> None:
        for number in range(CHANGES):
            nft.load(RULESETS[number % 2])

    sent, allowed, denied = flood(pair, change)
    print(f"{CHANGES} changes, {sent} packets to each port: {sent - allowed} allowed lost, {denied} denied through")
    assert sent > 100 * CHANGES
    assert (sent - allowed, denied) == (0, 0)


def test_no_packet_is_lost_while_a_table_goes_and_then_every_denied_one_passes(pair: Lab) -> None:
    nft = nft_of(pair, "receiver")
    nft.load(RULESETS[0])
    sent, allowed, denied = flood(pair, nft.delete)
    assert sent == allowed
    assert denied < sent

    sent, allowed, denied = flood(pair, lambda: sleep(SETTLE))
    assert sent == allowed == denied
