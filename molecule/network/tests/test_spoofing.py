"""Spoofed sources, as packets: a neighbour on one link of a client claims to be a machine that it routes by another.

A flow lets that machine in, so that nothing but what judges sources can drop what claims to be of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fleet import Fleet
from prober import Probe, disagreements, listening

PORT = 7000
pytestmark = pytest.mark.usefixtures("hardened")


@pytest.fixture(scope="module", autouse=True)
def _listening(fleet: Fleet) -> Iterator[None]:
    clients = {name: path for name, path in fleet.namespaces.items() if name in fleet.links}
    with listening(clients, [], [PORT]):
        yield


def harden(fleet: Fleet, antispoof: str) -> None:
    """Harden the clients, which have an interface of each side then, with sources judged or not."""
    sides = {"private": ["eth0"], "public": ["lan0"]}
    fleet.harden(f"--extra-vars={json.dumps({'gatehouse_interfaces': sides, 'gatehouse_antispoof': antispoof})}")


def wrong(fleet: Fleet, passes: bool) -> list[str]:
    """Return which clients that machine reaches, or does not, other than expected, by IPv4 and IPv6."""

    def probe(name: str, family: int) -> Probe:
        claimed, own = (fleet.hosts[host].address("private", family) for host in ("servers", name))
        return Probe("servers", claimed, name, own, "udp", PORT)

    probes = [probe(name, family) for name in fleet.links for family in (4, 6)]
    return [*map(str, disagreements(dict.fromkeys(probes, passes), fleet.namespaces, closed_passes=False))]


def test_where_nobody_judges_sources_a_spoofed_one_is_let_in_by_its_address(fleet: Fleet) -> None:
    harden(fleet, "off")

    assert wrong(fleet, passes=True) == []
    with fleet.asked_by_their_links():
        assert wrong(fleet, passes=True) == []


def test_where_sources_are_judged_it_is_dropped_and_kept_as_spoofed_and_the_machine_itself_is_let_in(
    fleet: Fleet,
) -> None:
    harden(fleet, "strict")

    assert wrong(fleet, passes=True) == []
    with fleet.asked_by_their_links():
        assert wrong(fleet, passes=False) == []
    claimed = {(fleet.hosts["servers"].address("private", family), PORT) for family in (4, 6)}
    assert [name for name in fleet.links if not claimed <= fleet.spoofed(name)] == []
