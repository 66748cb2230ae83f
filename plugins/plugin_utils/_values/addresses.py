# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Sets of addresses, IPv4 and IPv6 side by side."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)
from operator import sub
from typing import TypeVar

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_Kind = TypeVar("_Kind", IPv4Network, IPv6Network)

EXPECTED_NETWORK = 'an address or a network such as "192.0.2.10", "192.0.2.0/24" or "2001:db8::/32"'
_LAST_LABEL_OF_AN_ADDRESS = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?$", re.ASCII)
_ADDRESS_TEXT = re.compile(r"[0-9A-Fa-f:.]+(/\d{1,3})?", re.ASCII)


class AddressError(ValueError):
    """A text that is no address; ``expected`` and ``hint`` say what would be one."""

    def __init__(self, expected: str, hint: str = "") -> None:
        """Keep both parts of the message."""
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


@dataclass(frozen=True)
class AddressSet:
    """Networks of both families, sorted, none inside another; single addresses are networks of full length."""

    v4: tuple[IPv4Network, ...] = ()
    v6: tuple[IPv6Network, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[Network]) -> AddressSet:
        """Return the union of networks. Neighbouring single addresses stay apart, so that one can come and go alone."""
        unique = set(networks)
        v4 = [network for network in unique if isinstance(network, IPv4Network)]
        v6 = [network for network in unique if isinstance(network, IPv6Network)]
        return cls(tuple(_disjoint(v4)), tuple(_disjoint(v6)))

    @classmethod
    def union(cls, sets: Iterable[AddressSet]) -> AddressSet:
        """Return the addresses of any of these sets."""
        found = [addresses for addresses in sets if addresses]
        if len(found) == 1:
            return found[0]
        return cls.of(network for addresses in found for network in addresses.networks)

    def __or__(self, other: AddressSet) -> AddressSet:
        """Return the addresses of either set."""
        if not other or self == other:
            return self
        return AddressSet.of([*self.networks, *other.networks]) if self else other

    def __and__(self, other: AddressSet) -> AddressSet:
        """Return the addresses of both sets, in networks as small as either set has them."""
        few, many = sorted((self, other), key=len)
        v4 = _common(few.v4, many.v4, many._starts_v4)
        return AddressSet(tuple(v4), tuple(_common(few.v6, many.v6, many._starts_v6)))

    def __sub__(self, other: AddressSet) -> AddressSet:
        """Return the addresses of this set that are not in the other one."""
        if not other:
            return self
        v4 = _without(self.v4, other.v4, other._starts_v4)
        return AddressSet(tuple(v4), tuple(_without(self.v6, other.v6, other._starts_v6)))

    def exceeds(self, *others: AddressSet) -> bool:
        """Return whether any address of this set is in none of the others; the first one that is found will do."""
        return any(reduce(sub, others, AddressSet.of([network])) for network in self.networks)

    def __hash__(self) -> int:
        """Return what tells sets apart in a dictionary."""
        return self._hash

    @property
    def networks(self) -> tuple[Network, ...]:
        """Return the networks of both families."""
        return (*self.v4, *self.v6)

    def of_family(self, version: int) -> tuple[Network, ...]:
        """Return the networks of IPv4 or IPv6."""
        return self.v4 if version == 4 else self.v6

    def texts(self) -> list[str]:
        """Return the set as a model would list it."""
        return [*self._texts_v4, *self._texts_v6]

    def texts_of_family(self, version: int) -> tuple[str, ...]:
        """Return the networks of IPv4 or IPv6 as a model would list them."""
        return self._texts_v4 if version == 4 else self._texts_v6

    def is_of_addresses(self, version: int) -> bool:
        """Return whether no network of IPv4 or IPv6 is more than one address."""
        return self._is_single_v4 if version == 4 else self._is_single_v6

    @property
    def is_for_all(self) -> bool:
        """Return whether it has at least half of all addresses of a family, in however many networks."""
        return any(
            sum(network.num_addresses for network in self.of_family(version)) >= half
            for version, half in ((4, 1 << 31), (6, 1 << 127))
        )

    def __bool__(self) -> bool:
        """Return whether the set has any address; an empty set has none."""
        return bool(self.v4 or self.v6)

    def __len__(self) -> int:
        """Return the number of networks, not of addresses."""
        return len(self.v4) + len(self.v6)

    def __contains__(self, address: object) -> bool:
        """Return whether an address lies in one of the networks."""
        if isinstance(address, IPv4Address):
            return _holds(self.v4, self._starts_v4, address)
        if isinstance(address, IPv6Address):
            return _holds(self.v6, self._starts_v6, address)
        return False

    @cached_property
    def parts(self) -> tuple[AddressSet, AddressSet]:
        """Return the single addresses of the set, and the networks that are more."""
        if self._is_single_v4 and self._is_single_v6:
            return self, AddressSet()
        single, wide = (
            AddressSet(
                tuple(network for network in self.v4 if is_single(network) is one),
                tuple(network for network in self.v6 if is_single(network) is one),
            )
            for one in (True, False)
        )
        return single, wide

    # Sets of thousands are asked for it each time that they are a key.
    @cached_property
    def _hash(self) -> int:
        return hash((self.v4, self.v6))

    # Written once, in however many rulesets a set is.
    @cached_property
    def _texts_v4(self) -> tuple[str, ...]:
        return tuple(map(network_text, self.v4))

    @cached_property
    def _texts_v6(self) -> tuple[str, ...]:
        return tuple(map(network_text, self.v6))

    @cached_property
    def _is_single_v4(self) -> bool:
        return all(map(is_single, self.v4))

    @cached_property
    def _is_single_v6(self) -> bool:
        return all(map(is_single, self.v6))

    @cached_property
    def _starts_v4(self) -> list[int]:
        return [int(network.network_address) for network in self.v4]

    @cached_property
    def _starts_v6(self) -> list[int]:
        return [int(network.network_address) for network in self.v6]


EVERYBODY_V4 = (IPv4Network("0.0.0.0/0"),)
EVERYBODY_V6 = (IPv6Network("::/0"),)
EVERYBODY = AddressSet(EVERYBODY_V4, EVERYBODY_V6)


def is_mistyped(text: str) -> bool:
    """Return whether a text is almost an IPv4 address.

    Resolvers take ``203.0.113`` for 203.0.0.113, and ``010.1.2.3`` for 8.1.2.3 (inet_aton(3)).
    """
    try:
        ip_address(text)
    except ValueError:
        return bool(_LAST_LABEL_OF_AN_ADDRESS.search(text))
    return False


def parse_network(text: object) -> Network:
    """Read an address or a network; raise AddressError for anything else, host bits and IPv4 inside IPv6 among it."""
    if not isinstance(text, str) or not _ADDRESS_TEXT.fullmatch(text):
        raise AddressError(EXPECTED_NETWORK)
    try:
        network = ip_network(str(text), strict=False)
    except ValueError:
        raise AddressError(EXPECTED_NETWORK) from None
    if not is_single(network) and ip_address(str(text).partition("/")[0]) != network.network_address:
        raise AddressError("a network without host bits", f"did you mean {network}?")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        raise AddressError("an IPv4 address written as one", f"did you mean {mapped}/{network.prefixlen - 96}?")
    return network


def parse_host_address(text: object) -> Network:
    """Read one address by which other hosts reach a host; raise AddressError for anything else."""
    address, slash, _prefix = text.partition("/") if isinstance(text, str) else (text, "", "")
    try:
        network = parse_network(address)
    except AddressError as error:
        raise AddressError("an address of the host", error.hint) from None
    found = network.network_address
    if found.is_loopback or found.is_unspecified or found.is_multicast:
        raise AddressError("an address by which other hosts reach this one")
    if slash:
        raise AddressError("one address of the host, not a network", f"did you mean {address}?")
    return network


def is_single(network: Network) -> bool:
    """Return whether a network is one address."""
    return network.prefixlen == network.max_prefixlen


def network_text(network: Network) -> str:
    """Return a network as nft and people write it: without a prefix where it is one address."""
    return str(network.network_address) if is_single(network) else str(network)


def _common(few: Sequence[_Kind], many: Sequence[_Kind], starts: Sequence[int]) -> Iterator[_Kind]:
    """Yield what sorted disjoint networks share with others: of two that meet, one lies inside the other."""
    for network in few:
        met = _meeting(network, many, starts)
        yield from [network] if met and met[0].prefixlen <= network.prefixlen else met


def _without(networks: Sequence[_Kind], others: Sequence[_Kind], starts: Sequence[int]) -> Iterator[_Kind]:
    """Yield what of sorted disjoint networks is in none of the others."""
    for network in networks:
        met = _meeting(network, others, starts)
        yield from _cut(network, met) if met else [network]


def _meeting(network: _Kind, others: Sequence[_Kind], starts: Sequence[int]) -> Sequence[_Kind]:
    """Return which of sorted disjoint networks have addresses of this one."""
    first, last = int(network.network_address), int(network.broadcast_address)
    index = bisect_right(starts, first) - 1
    if index < 0 or int(others[index].broadcast_address) < first:
        index += 1
    return others[index : bisect_right(starts, last)]


def _cut(network: _Kind, others: Sequence[_Kind]) -> Iterator[_Kind]:
    """Yield what of a network is in none of these that meet it."""
    first, last = int(network.network_address), int(network.broadcast_address)
    for other in others:
        yield from _between(network, first, int(other.network_address) - 1)
        first = int(other.broadcast_address) + 1
    yield from _between(network, first, last)


def _between(network: _Kind, first: int, last: int) -> Iterable[_Kind]:
    kind = type(network.network_address)
    return summarize_address_range(kind(first), kind(last)) if first <= last else []


def _disjoint(networks: list) -> list:  # type: ignore[type-arg]  # of one family; mypy can't say "either, not both"
    if all(is_single(network) for network in networks):
        return sorted(networks)
    wide = list(collapse_addresses(network for network in networks if not is_single(network)))
    starts = [int(network.network_address) for network in wide]
    single = [
        network for network in networks if is_single(network) and not _holds(wide, starts, network.network_address)
    ]
    return sorted([*wide, *single])


def _holds(networks: Sequence[Network], starts: Sequence[int], address: Address) -> bool:
    index = bisect_right(starts, int(address)) - 1
    return index >= 0 and int(address) <= int(networks[index].broadcast_address)
