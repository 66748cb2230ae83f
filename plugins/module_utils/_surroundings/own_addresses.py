# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A host's own addresses and interfaces, against those that the model has of it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network, summarize_address_range
from typing import Callable, Iterable, Iterator, Mapping, Sequence, Union

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import finding, some
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding

Network = Union[IPv4Network, IPv6Network]
IsGuests = Callable[[str], bool]

# IPVS keeps the addresses of all Services there, those of the cluster among them: pre_dnat is about them.
_OF_SERVICES = "kube-ipvs0"


@dataclass(frozen=True)
class Address:
    """An address of the host, and the interface that has it, with the label that ``ip`` shows, if any."""

    text: str
    interface: str
    label: str = ""

    @property
    def family(self) -> int:
        """Return 4 or 6."""
        return ip_address(self.text).version


def read_addresses(listing: str) -> list[Address]:
    """Return the addresses that ``ip -o address`` lists."""
    found: list[Address] = []
    for line in listing.splitlines():
        words = line.replace("\\", " ").split()
        if len(words) > 3 and words[2] in ("inet", "inet6"):
            label = next((word for word in words if word.startswith(f"{words[1]}:")), "")
            found.append(Address(words[3].partition("/")[0], words[1], label))
    return found


def undeclared(addresses: Iterable[Address], declared: Iterable[str], is_guests: IsGuests) -> Iterator[Finding]:
    """Yield a finding for each address that others can reach the host by, and the model doesn't know.

    Not for those of a bridge that only guests are on: no peer is there.
    """
    known = networks(declared)
    whats = [
        f"{one.text} on {one.interface} is an address of this host that the model doesn't know"
        for one in addresses
        if _is_reachable(one) and not is_guests(one.interface) and not within(one.text, known)
    ]
    return some("address_undeclared", whats)


def networks(texts: Iterable[str]) -> list[Network]:
    """Return texts as networks; a range as those that it is made of, and nothing of what is neither."""
    return [network for text in texts for network in _networks(text)]


def _networks(text: str) -> list[Network]:
    try:
        first, dash, last = text.partition("-")
        if dash:
            return [*summarize_address_range(ip_address(first), ip_address(last))]
        return [ip_network(text, strict=False)]
    except (TypeError, ValueError):
        return []


def within(address: str, known: Sequence[Network]) -> bool:
    """Return whether an address is in one of some networks."""
    return any(ip_address(address) in network for network in known)


def _is_reachable(one: Address) -> bool:
    address = ip_address(one.text)
    return not (address.is_loopback or address.is_link_local or one.interface == _OF_SERVICES)


def missing(
    declared: Mapping[str, Sequence[str]], there: Iterable[str], addresses: Sequence[Address]
) -> Iterator[Finding]:
    """Yield a finding for each declared interface that isn't there, or one for a side that has none at all."""
    present = set(there)
    for side, names in declared.items():
        gone = [f"{name}{_hint(name, present, addresses)}" for name in names if name not in present]
        if names and len(gone) == len(names):
            yield finding("side_missing", f"{side}: of its interfaces, this host has none: {', '.join(gone)}")
        else:
            yield from (finding("interface_missing", f"{side}: this host has no interface {one}") for one in gone)


def _hint(name: str, present: Iterable[str], addresses: Sequence[Address]) -> str:
    parent = name.partition("@")[0]
    if parent != name and parent in present:
        return f" (ip prints that of {parent})"
    labelled = next((one.interface for one in addresses if one.label == name), "")
    return f" (that is a label of addresses on {labelled})" if labelled else ""
