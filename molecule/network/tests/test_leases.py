"""Leased addresses: real clients get, keep and renew them under our rules, and lose them without the rules for it.

The servers answer DHCPv6 from a port that is none of theirs. In IPv4 both clients rebind, and begin anew, by sockets
that send and hear below all rules: there it is the renewals that need ours.
"""

from __future__ import annotations

import time

import pytest
from fleet import ROUTER_LIFETIME, Fleet
from patience import wait_until
from servers import LEASE, Server

Leasing = dict[str, list[Server]]
pytestmark = pytest.mark.usefixtures("hardened")


def counted(servers: Leasing, which: int, what: str) -> dict[str, int]:
    """Return how often one of the servers of each client was asked something."""
    return {name: own[which].seen[what] for name, own in servers.items()}


def await_more(servers: Leasing, which: int, what: str, times: int = 1) -> None:
    """Wait until every client has asked one of its servers something so many times more."""
    wanted = {name: seen + times for name, seen in counted(servers, which, what).items()}

    def asked() -> bool:
        return all(seen >= wanted[name] for name, seen in counted(servers, which, what).items())

    wait_until(asked, 2 * LEASE)


def change_over(servers: Leasing, to: int) -> None:
    """Have another server of each client answer, and no other."""
    for own in servers.values():
        for number, server in enumerate(own):
            server.alive = number == to


def without(fleet: Fleet, family: int) -> list[str]:
    """Return the clients that don't have their leased address of a family."""
    return [name for name, link in fleet.links.items() if link.client[family == 6] not in fleet.addresses(name)]


def test_every_client_gets_its_addresses_and_renews_them(fleet: Fleet, servers: Leasing) -> None:
    wait_until(lambda: not without(fleet, 4) + without(fleet, 6), 2 * LEASE)
    for what in ("renew 4", "renew 6"):
        await_more(servers, 0, what, 2)


def test_when_its_server_is_gone_every_client_rebinds_to_another_and_renews_there(servers: Leasing) -> None:
    change_over(servers, 1)
    for what in ("rebind 4", "rebind 6"):
        wait_until(lambda what=what: all(counted(servers, 1, what).values()), 2 * LEASE)
    for what in ("renew 4", "renew 6"):
        await_more(servers, 1, what)
    assert not any(counted(servers, 1, "begin 4").values()), "its answer was heard"


def test_addresses_and_routers_outlive_their_first_lease_and_lifetime(fleet: Fleet, hardened: float) -> None:
    time.sleep(max(0.0, hardened + ROUTER_LIFETIME + 2 - time.monotonic()))

    wait_until(lambda: not without(fleet, 4) + without(fleet, 6), LEASE)
    # NetworkManager takes the kernel's own route away and puts another in its place.
    wait_until(lambda: all("via fe80:" in fleet.routers(name) for name in fleet.links), LEASE)


def test_without_the_rules_for_answers_what_was_leased_is_lost(fleet: Fleet, servers: Leasing) -> None:
    fleet.take_out_what_hears_answers()
    change_over(servers, 2)  # to connection tracking, no client has ever asked this one

    wait_until(lambda: without(fleet, 6) == list(fleet.links), 3 * LEASE)
    assert all(counted(servers, 2, "rebind 6").values()), "they had been answered"


def test_where_the_model_wants_no_dhcp_no_client_is_heard(fleet: Fleet, servers: Leasing) -> None:
    fleet.harden("--extra-vars=gatehouse_dhcp=false")
    asked = [counted(servers, 2, what) for what in ("renew 4", "anything 6")]
    time.sleep(LEASE / 2)

    assert [counted(servers, 2, what) for what in ("renew 4", "anything 6")] == asked
    assert without(fleet, 6) == list(fleet.links)
