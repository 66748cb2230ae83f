# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What only a host knows, and what to do about it: each kind of finding with its remedy, and whether harden refuses.

docs/audit.md shows this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Iterator, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding

ALWAYS, TAKING_OVER, NEVER = "always", "taking over", "never"
_SHOWN = 10


@dataclass(frozen=True)
class Concern:
    """A kind of finding: its remedy, and when harden refuses a host with one (else it warns)."""

    remedy: str
    refused: str = NEVER


CONCERNS: Mapping[str, Concern] = MappingProxyType(
    {
        "address_undeclared": Concern(
            "Peers don't know the host by it, and isolation doesn't count for it: say it in gatehouse_addresses, or "
            "take it from the host"
        ),
        "interface_missing": Concern("Say the interface's own name in gatehouse_interfaces, as /sys/class/net has it"),
        "side_missing": Concern(
            "No rule for that side would ever match: say the interface's own name in gatehouse_interfaces", ALWAYS
        ),
        "untracked": Concern(
            "What isn't tracked has no replies: they are denied. Take that rule away, or open the replies by a flow"
        ),
        "helper": Concern(
            "Our rules let nothing in because a helper expects it: open the ports of the data connections by a flow, "
            "or take that rule away"
        ),
        "redirected": Concern(
            "Our rules see the packet after that, and what is asked for there isn't judged as the model says: name the "
            "port in pre_dnat of the host's class (and in its addresses, an address that is none of the host's own)"
        ),
        "rules_unreadable": Concern("What others' rules do is not known: look at them by hand"),
        "restored_at_boot": Concern(
            "It puts whole tables back at boot, over ours or over others': take that line away, or the file", ALWAYS
        ),
        "forwarding_lost": Concern(
            "The model doesn't say what this host forwards, and with that manager gone this would go, too: put it into "
            "a table of your own that something else loads, and stop and disable the manager yourself",
            TAKING_OVER,
        ),
        "not_at_boot": Concern(
            "This host has no systemd, so that nothing of ours runs at boot: have whatever starts its network run it"
        ),
        "conntrack_full": Concern(
            "Once our rules are loaded, the kernel tracks them all, and drops new ones when its table is full: load "
            "nf_conntrack (/etc/modules-load.d), and raise net.netfilter.nf_conntrack_max (/etc/sysctl.d) first",
            ALWAYS,
        ),
        "routed_elsewhere": Concern(
            "gatehouse_antispoof drops what comes from there by that side: have this host route it by that side, or "
            "set gatehouse_antispoof: off for this host"
        ),
        "forwarding_unjudged": Concern(
            "Say in carries of the class by which interfaces others are behind the host, to have them judged as the "
            "host itself, or carries: {} where what it forwards is not the model's"
        ),
        "uplink_carried": Concern("Name in carries.interfaces those of containers and virtual machines alone"),
        "bridge_unjudged": Concern(
            "Load br_netfilter (/etc/modules-load.d), and set what is missing to 1 (/etc/sysctl.d), or isolate the "
            "ports of the bridge (bridge link set dev PORT isolated on)"
        ),
    }
)


def finding(kind: str, what: str) -> Finding:
    """Return a finding of this kind, with its remedy."""
    return Finding(kind, f"{what}. {CONCERNS[kind].remedy}")


def some(kind: str, whats: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for each, and where there are too many to read, one for all the rest."""
    different = list(dict.fromkeys(whats))
    yield from (finding(kind, what) for what in different[:_SHOWN])
    if len(different) > _SHOWN:
        yield finding(kind, f"and {len(different) - _SHOWN} more of this kind, such as {different[_SHOWN]}")
