# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What there is on a host that the model can't know, and that our rules depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import finding, some
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Run
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.interfaces import is_by
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.conntrack import filling
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.declared import Declared
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.forwarding import (
    too_wide,
    unfiltered,
    unjudged,
    uplinks,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.managers import Manager
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules_here import (
    Find,
    OtherRules,
    Read,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.others_effects import (
    helped,
    lost_with_forwarding,
    redirected,
    targets,
    untracked,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.own_addresses import (
    missing,
    networks,
    read_addresses,
    undeclared,
    within,
)
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.return_routes import (
    OFF,
    cut,
    return_routes,
)

FORWARDING = {4: "/proc/sys/net/ipv4/ip_forward", 6: "/proc/sys/net/ipv6/conf/all/forwarding"}
HELPERS = "/proc/sys/net/netfilter/nf_conntrack_helper"
_SHOWN = 5


def read_file(path: str) -> str:
    """Return what a file has; an empty text where it can't be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


class Surroundings:
    """One host around our rules, held to what the model says of it."""

    def __init__(self, run: Run, find: Find, declared: Declared, read: Read = read_file) -> None:
        """Look at the host; ``find`` returns a command's full path, and ``read`` what a file has."""
        self._run = run
        self._ip = find("ip") or ""
        self._read = read
        self._declared = declared
        self._rules = OtherRules(run, find, read)
        self._addresses = read_addresses(self._link("-o", "address"))

    def findings(self, managers: Sequence[Manager]) -> list[Finding]:
        """Return what its owner should know; ``managers`` are those that may be taken over."""
        tables, own = self._rules.tables, [one.text for one in self._addresses]
        return [
            *self._of_addresses(),
            *some("untracked", [*untracked(tables, self._declared, own)]),
            *some("helper", [*helped(tables), *self._automatic_helpers()]),
            *some("redirected", [*redirected(tables, self._declared, own, self._carried_targets())]),
            *some("rules_unreadable", self._rules.problems),
            *some("routed_elsewhere", self._cut()),
            *(self._forwarding(managers) if managers else ()),
            *self._carried(),
        ]

    def filling(self) -> list[Finding]:
        """Return whether to track what is open here would fill the kernel's table."""
        return filling(self._read)

    def ways_of(self, management: Mapping[str, object] | None) -> dict[str, str]:
        """Return by which interface the controller's connection comes, and by which packets to it leave.

        Nothing where the host judges no sources, or can't tell.
        """
        if self._declared.antispoof == OFF or not management or not self._ip:
            return {}
        source, own = (str(management[end]).replace("::ffff:", "") for end in ("source", "destination"))
        comes_by = next((one.interface for one in self._addresses if one.text == own), "")
        goes_back = return_routes(self._run, self._ip, [f"{source} from {own}"]).get(source, "")
        return {"comes_by": comes_by, "goes_back": goes_back}

    def _cut(self) -> list[str]:
        if self._declared.antispoof == OFF or not self._ip:
            return []
        addresses = dict.fromkeys(address for _side, _peer, address in self._declared.sided_peers)
        return [*cut(self._declared, return_routes(self._run, self._ip, addresses))]

    def _of_addresses(self) -> Iterator[Finding]:
        if self._declared.addresses:
            known = [*self._declared.addresses, *self._declared.elsewhere]
            yield from undeclared(self._addresses, known, self._is_of_guests)
        yield from missing(self._declared.interfaces, self._interfaces(), self._addresses)

    def _interfaces(self) -> list[str]:
        return [line.partition(":")[0].strip() for line in self._read("/proc/net/dev").splitlines() if ":" in line]

    def _is_of_guests(self, interface: str) -> bool:
        """Return whether an interface is a bridge to guests alone: nothing but their devices, if any, is on it."""
        if not self._is_bridge(interface):
            return False
        ports = self._link("-d", "-o", "link", "show", "master", interface).splitlines()
        return all(" veth " in port or " tun " in port for port in ports)

    def _is_bridge(self, interface: str) -> bool:
        return " bridge forward_delay " in self._link("-d", "-o", "link", "show", "dev", interface)

    def _link(self, *words: str) -> str:
        return self._run([self._ip, *words], None)[1] if self._ip else ""

    def _forwards(self, family: int) -> bool:
        """Return whether the host forwards, and has more than one network to forward between."""
        if self._read(FORWARDING[family]).strip() in ("", "0"):
            return False
        legs = {one.interface for one in self._addresses if one.family == family and one.interface != "lo"}
        return len(legs) > 1

    def _forwarded_families(self) -> list[str]:
        return [f"IPv{family}" for family in FORWARDING if self._forwards(family)]

    def _carried_targets(self) -> list[str]:
        """Return to which addresses others redirect that are behind the host, as a class says."""
        carried = self._declared.carried
        asked = targets(self._rules.tables) if carried and self._ip else []
        if not (carried and asked):
            return []
        ways, known = return_routes(self._run, self._ip, asked), networks(carried.networks)
        return [one for one in asked if is_by(carried.interfaces, ways.get(one, "")) or within(one, known)]

    def _carried(self) -> Iterator[Finding]:
        """Yield how what the host forwards differs from what the model says of those behind it."""
        carried, interfaces, ways_out = self._declared.carried, self._interfaces(), uplinks(self._read)
        families = self._forwarded_families()
        others = lost_with_forwarding(self._rules.tables) if families and not carried else []
        yield from unjudged(carried, families, interfaces, ways_out, others)
        if carried:
            yield from too_wide(carried, ways_out)
            bridges = [one for one in interfaces if is_by(carried.interfaces, one) and self._is_bridge(one)]
            yield from unfiltered(carried, bridges, self._read)

    def _automatic_helpers(self) -> list[str]:
        is_on = self._read(HELPERS).strip() == "1"
        return ["connections get a helper by the kernel (net.netfilter.nf_conntrack_helper is 1)"] if is_on else []

    def _forwarding(self, managers: Sequence[Manager]) -> Iterator[Finding]:
        """Yield what may be a manager's of what becomes of forwarded traffic."""
        families = self._forwarded_families()
        lost = lost_with_forwarding(self._rules.tables) if families else []
        if lost:
            names = " and ".join(dict.fromkeys(manager.name for manager in managers))
            more = f"; and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            what = "; ".join(lost[:_SHOWN])
            yield finding("forwarding_lost", f"{names}: this host forwards {' and '.join(families)} by: {what}{more}")
