# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What to ask one host of its own rules before they are in force: each flow's edges, by each of its interfaces.

On its stage there is no other host, so that peers of zones are asked for as well, and strangers beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network
from itertools import islice
from typing import Any

from .._policy.compile import Policy, Rule
from .._values.addresses import Address, AddressSet, Network
from .._values.direction import DIRECTIONS
from .._verdict.packet import Packet, lets_through
from .._verdict.reach import Port
from .choose import any_ports, edges, outside, paced, taken_in_turn

ANY_INTERFACE = "gatehouse0"
"""The interface of a host whose rules are for none in particular."""

_TRIES = 8
_MOST_RECEIVED = 8


@dataclass(frozen=True)
class Rehearsed:
    """A packet that comes in or goes out by an interface, and whether the policy allows it."""

    direction: str
    interface: str
    source: str
    target: str
    protocol: str
    port: int
    allowed: bool

    def __str__(self) -> str:
        """Return the packet on one line."""
        way = f"{'in' if self.direction == 'ingress' else 'out'} by {self.interface}"
        return f"{self.source} -> {self.target}, {self.port}/{self.protocol}, {way}"


@dataclass(frozen=True)
class _Lane:
    """One direction on one interface, by one of the host's addresses."""

    policy: Policy
    direction: str
    interface: str
    own: Address
    everything_own: AddressSet

    def asked(self, peer: Address, port: Port) -> Rehearsed:
        """Return the probe about a packet from or to a peer, with the policy's answer."""
        ends = (peer, self.own) if self.direction == "ingress" else (self.own, peer)
        packet = Packet(self.direction, *ends, port.protocol, port=port.number, interface=self.interface)
        allowed = lets_through(self.policy, packet)
        source, target = map(str, ends)
        return Rehearsed(self.direction, self.interface, source, target, port.protocol, port.number or 0, allowed)

    def can_be_played(self, peer: Address) -> bool:
        """Return whether a host on a stage can have this address."""
        # Below 1 << 24 is 0.0.0.0/8, "this network" (RFC 1122 3.2.1.3), and of IPv6 what is no host's.
        odd = peer.is_multicast or peer.is_loopback or peer.is_unspecified or peer.is_link_local
        return not (odd or peer.is_reserved or int(peer) < 1 << 24 or peer in self.everything_own)


def rehearsal(policy: Policy, addresses: Mapping[str, Sequence[str]], limit: int, seed: str) -> tuple[Rehearsed, ...]:
    """Return at most ``limit`` probes, spread over the rules of a policy; ``addresses`` are the host's own, by side.

    The same policy and seed have the same probes.
    """
    received = [ip_address(text) for text in _received(policy)]
    own = AddressSet.of(ip_network(text) for texts in (*addresses.values(), received) for text in texts)
    parts: list[Iterator[Rehearsed]] = []
    for leg, texts in legs(policy, addresses).items():
        # One address of each family stands for all but those that flows are for alone.
        first = {one.version: one for one in map(ip_address, reversed(texts))}
        for address in dict.fromkeys([*first.values(), *received]):
            for direction in DIRECTIONS:
                parts += _of_lane(_Lane(policy, direction, leg, address, own), seed)
    return tuple(islice(paced(dict.fromkeys(taken_in_turn(parts))), limit))


def legs(policy: Policy, addresses: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the host's interfaces as far as its rules know them, each with the addresses of its side.

    Each has the addresses, too, that flows are for alone: packets that are sent there end at the host.
    """
    everything = list(dict.fromkeys(text for texts in addresses.values() for text in texts))
    found = {
        name: list(addresses.get(side) or everything) for side, names in policy.interfaces.items() for name in names
    }
    received = _received(policy)
    return {
        name: list(dict.fromkeys([*texts, *received])) for name, texts in (found or {ANY_INTERFACE: everything}).items()
    }


def _received(policy: Policy) -> list[str]:
    """Return the single addresses that flows are for alone (``at``), some of them; of networks, a host has none."""
    narrowed = (network for rule in policy.ingress if rule.is_narrowed for network in rule.at.networks)
    single = (str(network.network_address) for network in narrowed if network.prefixlen == network.max_prefixlen)
    return list(islice(dict.fromkeys(single), _MOST_RECEIVED))


def as_data(asked: Iterable[Rehearsed]) -> list[dict[str, Any]]:
    """Return probes as a module takes them."""
    return [asdict(probe) for probe in asked]


def disagreements(asked: Sequence[Rehearsed], passed: Sequence[bool | None]) -> list[str]:
    """Return a line for each probe on which kernel and policy disagree; None is an answer that says nothing."""
    pairs = zip(asked, passed, strict=True)
    words = {True: "let in, and the model denies it", False: "denied, and the model allows it"}
    return [f"{probe}: {words[bool(seen)]}" for probe, seen in pairs if seen is not None and seen != probe.allowed]


def _of_lane(lane: _Lane, seed: str) -> Iterator[Iterator[Rehearsed]]:
    """Yield the probes about each rule, and about who is in none."""
    rules = lane.policy.rules(lane.direction)
    yield from (_of_rule(lane, rule, seed) for rule in rules)
    everybody = AddressSet.union(rule.addresses for rule in rules)
    found = _candidates(_width(lane.own.version), f"{seed} stranger")
    strangers = [peer for peer in found if peer not in everybody and lane.can_be_played(peer)][:1]
    yield (lane.asked(peer, port) for peer in strangers for port in (*any_ports(seed), *edges(rules)))


def _of_rule(lane: _Lane, rule: Rule, seed: str) -> Iterator[Rehearsed]:
    """Yield the edges of a rule's ports, for peers of its and those next to them."""
    networks = [network for network in rule.addresses.networks if network.version == lane.own.version]
    peers = [peer for network in dict.fromkeys([*networks[:1], *networks[-1:]]) for peer in _around(network, seed)]
    playable = [peer for peer in peers if lane.can_be_played(peer)]
    for port in dict.fromkeys([*edges([rule]), *any_ports(seed), *outside([rule])]):
        yield from (lane.asked(peer, port) for peer in playable)


def _around(network: Network, seed: str) -> Iterator[Address]:
    """Yield an address of a network, and the ones just before and after it."""
    yield from islice(_candidates(network, seed), 1 if network.prefixlen >= 8 else _TRIES)
    width = _width(network.version)
    for number in (int(network.network_address) - 1, int(network.broadcast_address) + 1):
        if int(width[0]) <= number <= int(width[-1]):
            yield width[number]


def _width(version: int) -> Network:
    return ip_network("0.0.0.0/0" if version == 4 else "::/0")


def _candidates(network: Network, seed: str) -> Iterator[Address]:
    """Yield addresses of a network, a few that only it and the seed decide."""
    for turn in range(_TRIES):
        number = int(sha256(f"{seed} {network} {turn}".encode()).hexdigest(), 16)
        yield network[number % network.num_addresses]
