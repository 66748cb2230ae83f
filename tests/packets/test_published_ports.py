"""Rerun sessions end in containers: their published ports are redirected before a rule at input would see them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from expectations import Round, ask_round, one_end_probes, read
from lab import Host, Lab, read_hosts, running
from prober import Disagreement, listening

# What each host publishes of those ports that are probed, for a container whose sshd listens on another.
PUBLISHED = {"nomad1": (64535, 65000, 65535), "vm1": (54782,)}
SSHD = 2222

# As Docker publishes them: whoever asks for such a port of any address of the host.
DOCKER = """
table inet docker {
    chain prerouting {
        type nat hook prerouting priority dstnat
        fib daddr type local tcp dport { %s } jump published
    }
    chain published {
        meta nfproto ipv4 meta l4proto tcp dnat ip to 172.17.0.2:2222
        meta nfproto ipv6 meta l4proto tcp dnat ip6 to [fd00:17::2]:2222
    }
}
"""


def container_of(host: str) -> str:
    return f"{host}-job"


@pytest.fixture(scope="module")
def publishing() -> Iterator[Lab]:
    """The fleet, with a container behind each host that publishes ports. Nobody but the containers listens."""
    containers = {container_of(host): Host(container_of(host), {}) for host in PUBLISHED}
    with running({**read_hosts(), **containers}) as publishing:
        for host, ports in PUBLISHED.items():
            publish(publishing, host, ports)
        with listening({name: publishing.namespaces[name] for name in containers}, [SSHD], []):
            yield publishing


def publish(lab: Lab, host: str, ports: tuple[int, ...]) -> None:
    """Give a host a container behind a bridge of its own, and redirect these ports there."""
    container = container_of(host)
    lab.run(host, "ip", "link", "add", "docker0", "type", "veth", "peer", "name", "eth0", "netns", lab.names[container])
    for name, device, number in ((host, "docker0", 1), (container, "eth0", 2)):
        lab.run(name, "ip", "link", "set", device, "up")
        lab.run(name, "ip", "address", "add", f"172.17.0.{number}/16", "dev", device)
        lab.run(name, "ip", "address", "add", f"fd00:17::{number}/64", "dev", device, "nodad")
    lab.run(container, "ip", "route", "add", "default", "via", "172.17.0.1")
    lab.run(container, "ip", "route", "add", "default", "via", "fd00:17::1")
    lab.run(host, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    lab.run(host, "nft", "-f", "-", text=DOCKER % ", ".join(map(str, ports)))


@pytest.fixture(scope="module", params=["circleci_server_4", "narrowed_zones"])
def sessions(request: pytest.FixtureRequest, publishing: Lab, plans: dict[str, Future[Path]]) -> Round:
    """Everybody asks for the published ports of hosts that are hardened, and again once our table is deleted."""
    expectation = read(request.param)
    publishing.harden(PUBLISHED, plans[request.param].result())
    expected = {
        probe: passed
        for probe, passed in one_end_probes(publishing, expectation).items()
        if probe.protocol == "tcp" and probe.port in PUBLISHED.get(probe.target, ())
    }
    return ask_round(publishing, expectation, expected)


def lines(wrong: list[Disagreement]) -> list[str]:
    return [str(item) for item in wrong]


@pytest.mark.parametrize("host", PUBLISHED)
def test_a_session_reaches_the_container_from_whom_the_rows_say_and_from_nobody_else(
    sessions: Round, host: str
) -> None:
    part = sessions.received_by(host)
    assert set(part.expected.values()) == {True, False}
    assert lines(part.wrong) == []


@pytest.mark.parametrize("host", PUBLISHED)
def test_everybody_reaches_the_container_once_our_table_is_deleted(sessions: Round, host: str) -> None:
    part = sessions.received_by(host)
    assert {part.expectation.kinds[probe.source] for probe in part.expected} == set(part.expectation.hosts)
    assert lines(part.wrong_without_table) == []


def test_narrowed_sessions_are_the_allowed_clients_alone() -> None:
    narrowed = read("narrowed_zones")
    for managed, port in (("nomad_client", 65000), ("external_vm", 54782)):
        asked = {peer: ("tcp", port) in narrowed.passes("ingress", managed, peer, "public") for peer in narrowed.hosts}
        assert {peer for peer, passed in asked.items() if passed} == {"stranger"}
