# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The sets of a ruleset for iptables, as ``ipset restore`` makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ...module_utils._contract.constants import ANY, ANY_PEER, OBSERVED_MOST, OBSERVED_SECONDS
from ...module_utils._contract.kinds import SET_WORDS
from .._values.addresses import AddressSet
from .denied_sets import DeniedSet

_SET_FAMILY = {4: "inet", 6: "inet6"}


@dataclass(frozen=True)
class IpSet:
    """A set: the peer that it stands for, its name in the ruleset, its type and options, and what it holds."""

    peer: str
    name: str
    kind: str
    elements: tuple[str, ...]
    is_filled: bool = False
    """Whether the kernel fills it."""


def observed_set(peer: str, short: str, family: int) -> IpSet:
    """Return a set that the kernel fills with what it would have denied."""
    return _filled_set(peer, short, "ip,port", family, OBSERVED_SECONDS)


def denied_set(one: DeniedSet) -> IpSet:
    """Return a set that the kernel fills with what it has denied."""
    short = f"{SET_WORDS[one.kind]}{one.family}.{one.peers[0]}{one.kept[0]}"
    if one.peers != ANY:
        return _filled_set(one.name, short, "ip,port", one.family, one.seconds)
    # The kernel adds an address to a set of networks with the longest prefix that is there: with this one alone, each
    # port has two keys at most, whatever the peers.
    return _filled_set(one.name, short, "net,port", one.family, one.seconds, (ANY_PEER[one.family],))


def _filled_set(peer: str, short: str, what: str, family: int, seconds: int, elements: tuple[str, ...] = ()) -> IpSet:
    kind = f"hash:{what} family {_SET_FAMILY[family]} maxelem {OBSERVED_MOST} timeout {seconds} counters"
    return IpSet(peer, f"gatehouse-{short}-{_digest(peer, kind)}", kind, elements, is_filled=True)


def _digest(peer: str, kind: str) -> str:
    return hashlib.sha256("\n".join([peer, kind]).encode()).hexdigest()[:8]


def address_set(peer: str, family: int, addresses: AddressSet) -> IpSet:
    """Return the set of a peer's addresses in a family."""
    elements = addresses.texts_of_family(family)
    what = "ip" if addresses.is_of_addresses(family) else "net"
    # ipset's default, or more: a set never grows past its maxelem. It is part of the digest, since `create -exist`
    # refuses a set that is there with other options.
    kind = f"hash:{what} family {_SET_FAMILY[family]} maxelem {max(65536, len(elements))}"
    # ipset's limit is 31 characters, and the loader needs two of them.
    return IpSet(peer, f"gatehouse-{peer.partition('.')[0][:10]}-{_digest(peer, kind)}", kind, elements)


def filling(item: IpSet) -> Iterator[str]:
    """Yield what makes a set complete in one moment, even where an earlier try left a part of it."""
    yield f"#set: {item.peer}"
    yield f"create gatehouse-new {item.kind}"
    yield from (f"add gatehouse-new {element}" for element in item.elements)
    yield f"create {item.name} {item.kind} -exist"
    yield f"swap gatehouse-new {item.name}"
    yield "destroy gatehouse-new"
