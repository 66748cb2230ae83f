# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A policy as an nftables ruleset: one table.

The text adds the table, deletes it and defines it again, which is one transaction and works on every nft since 0.9
(``destroy`` is newer); module_utils/nft_loader.py says how a host changes from one to another. Chains hang at
``filter - 10``: before iptables and Calico at ``filter``, and firewalld at ``filter + 10``. What is judged before DNAT
hangs at ``dstnat - 20``: after connection tracking (-200) and mangle (-150), before kube-proxy (``dstnat - 10`` and
``dstnat``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...module_utils._contract.constants import TABLE
from ...module_utils._contract.header import NamedSet
from ...module_utils._contract.kinds import SPOOFED
from .._model.antispoof import BY_SIDES, LINK_LOCAL, OFF, judged, routed_wrongly
from .._policy.compile import Policy
from .._policy.describe import head
from .._values.addresses import AddressSet
from .._values.always_allowed import IGMP_GROUPS, IGMP_TTL, dhcp
from .datagrams import nftables_match
from .denied_sets import known_sets
from .header import first_line
from .nft_carried import BASE, carried_chains
from .nft_denied import filled_sets, invalid, refusal, refusing_chains
from .nft_flows import HOOKS, dhcp_clients, flow_chains, quoted
from .nft_pre_dnat import observed_before, pre_dnat_chains
from .nft_text import chain, set_name
from .peer_sets import address_sets, narrowed_sets

_LOOPBACK_MATCH = {"ingress": "iif", "egress": "oif"}


def render(policy: Policy) -> str:
    """Return the ruleset of a policy, for ``nft -f``."""
    lines = [
        *head(policy),
        "",
        f"table {TABLE}",
        f"delete table {TABLE}",
        "",
        f"table {TABLE} {{",
        *_sets(policy),
        *_base_chains(policy),
        *flow_chains(policy, "ingress"),
        *flow_chains(policy, "egress"),
        *carried_chains(policy),
        *_antispoof(policy),
        *pre_dnat_chains(policy),
        *observed_before(policy),
        *refusing_chains(policy),
        "}",
        "",
    ]
    filled = (
        NamedSet(set_name(peer, family), peer, addresses.texts_of_family(family))
        for peer, family, addresses in _filled(policy)
    )
    return first_line(policy, filled, set_name) + "\n".join(lines)


def _base_chains(policy: Policy) -> Iterator[str]:
    """Yield what the kernel calls, first, so that the order of chains is the same after a change as after a boot.

    None of their rules looks anything up in a set, not even in one without a name: a change of the ruleset leaves these
    chains where they are, and a packet under way in one would find its set gone (module_utils/nft_loader.py).
    """
    yield from (line for direction in HOOKS for line in chain(HOOKS[direction], _base(policy, direction)))
    if policy.pre_dnat or policy.antispoof != OFF:
        yield from chain("pre_dnat", _pre_dnat_base(policy))
    if policy.carries:
        yield from chain("forward", BASE)


def _base(policy: Policy, direction: str) -> Iterator[str]:
    hook = HOOKS[direction]
    yield f"type filter hook {hook} priority filter - 10; policy {_denial(policy, direction)};"
    yield f'{_LOOPBACK_MATCH[direction]} "lo" accept'
    yield "ct state established accept"
    yield from (f"meta l4proto {protocol} jump {hook}_icmp" for protocol in ("icmp", "ipv6-icmp"))
    # Behind ICMP: an error about a connection that this kernel doesn't know is invalid, and IP needs some of these.
    yield invalid(policy, direction)
    if direction == "egress":
        # The reset that a reject rule sends (in a table of others, say) is related to what it refuses. Without this,
        # the peer would wait for its timeout.
        yield "ct state related tcp flags rst accept"
    # What flows allow is most of what comes, and is not to pass by what follows here: each of them only accepts.
    yield f"jump {hook}_flows"
    yield from dhcp_clients(policy, direction)
    # IGMP never leaves its link: with another TTL, it comes from farther away and is forged.
    yield f"ip ttl {IGMP_TTL} ip protocol igmp ip daddr {IGMP_GROUPS} accept"
    if policy.observes(direction):
        yield "jump observed_input" if direction == "ingress" else "jump observed_egress"
        return
    # The policy of a new base chain comes into force a moment after its rules do: what it denies, a rule has to drop.
    yield refusal(policy, direction)


def _denial(policy: Policy, direction: str) -> str:
    """Return what becomes of a packet that no flow could allow."""
    return "accept" if policy.observes(direction) else "drop"


def _pre_dnat_base(policy: Policy) -> Iterator[str]:
    yield "type filter hook prerouting priority dstnat - 20; policy accept;"
    yield 'iif "lo" accept'
    if policy.antispoof != OFF:
        yield "jump antispoof"
    if policy.pre_dnat:
        # Replies to what the host began from one of these ports, too.
        yield "ct state established accept"
        yield "jump pre_dnat_destinations"


def _antispoof(policy: Policy) -> Iterator[str]:
    """Yield what judges sources, of whatever comes in by the interfaces of sides: replies as well."""
    if policy.antispoof == OFF:
        return
    yield from chain("antispoof", (f"{match} goto spoofed" for match in _contradicted(policy)))
    yield from chain(
        "spoofed",
        [
            # DHCP clients and duplicate address detection (RFC 4862 5.4.2) send from no address; a link-local one has
            # no route of its own.
            "ip saddr 0.0.0.0 return",
            *(f"ip6 saddr {source} return" for source in ("::", LINK_LOCAL)),
            *(f"{nftables_match(one)} return" for one in dhcp("ingress", 4, policy.dhcp)),
            # Errors about a connection may come from any router on its way.
            *(f"meta l4proto {protocol} ct state related return" for protocol in ("icmp", "ipv6-icmp")),
            refusal(policy, SPOOFED),
        ],
    )


def _contradicted(policy: Policy) -> Iterator[str]:
    # Where a packet is marked, its reply may be as well, and is routed by that.
    if policy.antispoof == BY_SIDES:
        for name, others in routed_wrongly(policy.interfaces).items():
            yield from (f'iifname "{name}" fib saddr . mark oifname "{other}"' for other in others)
    else:
        yield f"iifname {quoted(judged(policy.interfaces))} fib saddr . mark . iif oif missing"


def _filled(policy: Policy) -> Iterator[tuple[str, int, AddressSet]]:
    found = (*address_sets(policy), *narrowed_sets(policy), *known_sets(policy))
    for (name, family), addresses in {(name, family): own for name, family, own in found}.items():
        yield name, family, addresses


def _sets(policy: Policy) -> Iterator[str]:
    for name, family, addresses in _filled(policy):
        is_of_networks = not addresses.is_of_addresses(family)
        yield from _set(set_name(name, family), family, addresses.texts_of_family(family), is_of_networks)
    yield from filled_sets(policy)


def _set(name: str, family: int, elements: Sequence[str], is_of_networks: bool) -> Iterator[str]:
    yield f"\tset {name} {{"
    yield f"\t\ttype ipv{family}_addr"
    if is_of_networks:
        yield "\t\tflags interval"
    if elements:
        yield "\t\telements = {"
        yield "\t\t\t" + ",\n\t\t\t".join(elements) + ","
        yield "\t\t}"
    yield "\t}"
