"""A host changes over from one backend to the other and back, while packets come and go."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

import pytest
from containers import Lab, harden
from streams import Stream

SHOW = {"nftables": "nft list table inet gatehouse", "iptables": "iptables-save | grep GATEHOUSE"}
OTHER = {"nftables": "iptables", "iptables": "nftables"}
HOSTS = ("k8s1", "k8s2")  # neighbours, of either variant of iptables


@dataclass(frozen=True)
class Change:
    """What came of a harden of both hosts, each with another backend than before, and of the same again."""

    to: dict[str, str]
    found: dict[str, list[str]]
    again: str


@dataclass(frozen=True)
class Changes:
    """There and back, and the packets meanwhile."""

    allowed: list[Stream]
    denied: dict[str, list[Stream]]
    made: list[Change]


def found(lab: Lab, host: str) -> list[str]:
    """Return the backends that have rules of ours."""
    return [name for name, show in SHOW.items() if lab.run(host, "sh", "-c", f"{show} 2>/dev/null || true")]


def streams(lab: Lab, host: str, other: str, leg: str, first_port: int) -> list[Stream]:
    """Return streams in and out, IPv4 and IPv6, between two hosts."""
    here, there = lab.hosts[host], lab.hosts[other]
    return [
        Stream(lab.namespaces[a.name], a.address(leg, family), lab.namespaces[b.name], b.address(leg, family), port)
        for port, (a, b, family) in enumerate(
            ((a, b, family) for a, b in ((here, there), (there, here)) for family in (4, 6)), first_port
        )
    ]


def change(lab: Lab, to: dict[str, str]) -> Change:
    backend = "{{ lab_to[inventory_hostname] | default('auto') }}"
    variables = {"lab_to": to, "gatehouse_backend": backend, "gatehouse_serial": "100%"}
    arguments = [f"--limit={','.join(HOSTS)}", "--extra-vars", json.dumps(variables)]
    done = harden(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return Change(to, {host: found(lab, host) for host in HOSTS}, harden(*arguments).stdout)


@pytest.fixture(scope="module")
def changes(lab: Lab) -> Changes:
    allowed = streams(lab, *HOSTS, "private", 5000)
    denied = {host: streams(lab, host, "stranger", "public", port) for host, port in zip(HOSTS, (5100, 5200))}
    here = {host: lab.backends[host] for host in HOSTS}
    with ExitStack() as running:
        for stream in chain(allowed, *denied.values()):
            running.enter_context(stream)
        made = [change(lab, to) for to in ({host: OTHER[backend] for host, backend in here.items()}, here)]
    return Changes(allowed, denied, made)


@pytest.mark.parametrize("host", HOSTS)
def test_no_allowed_packet_is_lost_and_no_denied_one_passes_while_the_backend_changes(
    changes: Changes, host: str
) -> None:
    for made in changes.made:
        assert made.found[host] == [made.to[host]]
        assert re.search(rf"(?m)^{host} .*changed=0 .*failed=0 ", made.again), made.again

    assert all(stream.sent > 1000 for stream in (*changes.allowed, *changes.denied[host]))
    assert [stream.lost for stream in changes.allowed] == [0] * len(changes.allowed)
    assert [len(stream.received) for stream in changes.denied[host]] == [0] * len(changes.denied[host])
