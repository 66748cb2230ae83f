# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the ruleset before the one in force let through: the first question about anything that is denied.

The controller says with each change what the new rules allow, without addresses. When they are replaced, that stays,
with the addresses that their sets held last. A change of addresses alone replaces no rules.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence, Union

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.observed_sets import utc
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.constants import KNOWN_PEERS
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.header import FORMAT, Header, stamp
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.boot import LIVE_DIRECTORY
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.timed_unit import Write

FILE = f"{LIVE_DIRECTORY}/before.json"

Allows = Mapping[str, Any]
"""What the controller says that rules allow (plugin_utils/_host_facts/before.py); nothing here reads it."""
Address = Union[IPv4Address, IPv6Address]


class Before:
    """One host's file on it."""

    def __init__(self, write: Write, root: Path = Path("/")) -> None:
        """Take the way to replace a file; ``root`` is where the host's files lie."""
        self._write = write
        self._path = root / FILE

    def keep(self, replaced: Header | None, now: Header, allows: Allows | None) -> None:
        """Keep what rules allow that are in force from now on, and what those allowed that they have replaced, if any.

        Where that fails, it is lost, and nothing else.
        """
        known = self._read()
        if not replaced or not _is_about(known, replaced):
            known = {}
        was = known.get("allows")
        is_same = replaced and (_rules(replaced) == _rules(now) or (was and was == allows))
        before = known.get("before") if is_same else _before(replaced, was)
        content = {**stamp(), "rules": _rules(now), "allows": allows or (was if is_same else None), "before": before}
        try:
            self._write(self._path, json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n")
        except FirewallError:
            with suppress(OSError):  # what is there is of other rules, which it says
                self.forget()

    def result(self, now: Header, denied: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return what modules return of it, with as much of its sets as what was denied may be in.

        Nothing where that isn't known of the rules in force.
        """
        with suppress(AttributeError, KeyError, TypeError, ValueError):  # a file that was spoilt says nothing
            known = self._read()
            before = known["before"] if _is_about(known, now) else None
            return {"ruleset_before": {**before, "sets": _narrowed(before["sets"], denied)}} if before else {}
        return {}

    def forget(self) -> None:
        """Remove the file; there need not be any."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        """Return what the file has; one that isn't there, or is of a later version, says nothing."""
        with suppress(OSError, ValueError):
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(found, dict) and found.get("format") == FORMAT:
                return found
        return {}


def _before(replaced: Header | None, allows: Allows | None) -> dict[str, Any] | None:
    """Return what is known of rules that are replaced now; None where what they allow was never said."""
    until = {"until": utc(time.time())}
    if not replaced:
        return {**until, "allows": None, "sets": {}}
    if not allows:
        return None
    sets: dict[str, list[str]] = {}
    for one in replaced.sets:
        if one.peer not in KNOWN_PEERS:
            sets.setdefault(one.peer, []).extend(one.elements)
    return {**until, "allows": allows, "sets": sets}


def _is_about(known: Mapping[str, Any], header: Header) -> bool:
    """Return whether what is known is of the rules of a ruleset, and not of any before or after these."""
    return bool(known.get("rules") == _rules(header))


def _rules(header: Header) -> list[str]:
    """Return by what rules are told from others, whatever their sets hold."""
    return [header.mode, *header.observing, *header.describes]


def _narrowed(sets: Mapping[str, Sequence[str]], denied: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return what of sets any of the addresses is, or is in, to which something was denied."""
    addresses = {ip_address(row["address"]) for row in denied}
    texts, numbers = {*map(str, addresses)}, {family: _numbers(addresses, family) for family in (4, 6)}
    return {
        peer: [one for one in held if (_meets(one, numbers) if "/" in one else one in texts)]
        for peer, held in sets.items()
    }


def _numbers(addresses: Iterable[Address], family: int) -> list[int]:
    return sorted(int(one) for one in addresses if one.version == family)


def _meets(text: str, numbers: Mapping[int, Sequence[int]]) -> bool:
    """Return whether any of some numbers is in a network."""
    network = ip_network(text)
    own = numbers[network.version]
    index = bisect_left(own, int(network.network_address))
    return index < len(own) and own[index] <= int(network.broadcast_address)
