# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Whether the ruleset that a host had before the one in force let through what is denied now.

A host keeps what its rules allow, without addresses, and the addresses that their sets held (``_kept/before.py``). Here
that is a policy again, which is asked as the one of today is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...module_utils._contract.kinds import FORWARDED, PRE_DNAT, SPOOFED
from .._host_rules.peer_sets import CARRIED, NOT_FOR_CARRIED, at_name, is_everybody, peer_name
from .._model.antispoof import ANTISPOOF, OFF
from .._model.carries import Carries
from .._model.node_classes import PreDnat
from .._policy.compile import Policy, Rule
from .._values.addresses import EVERYBODY, EVERYBODY_V4, EVERYBODY_V6, AddressSet, Network
from .._values.direction import DIRECTIONS, MODE_DIRECTIONS
from .._values.readers import SIDES
from .._verdict.packet import is_judged_before_dnat, verdict_by_any_interface, verdict_by_every_interface
from .observed import Seen, is_never_carried, packet_of
from .reader import Answer

ALLOWED, OBSERVED, NOT_JUDGED, NO_RULES = "allowed", "observed", "not judged", "no rules"
DENIED, UNKNOWN = "denied", "unknown"

_EVERYBODY: dict[str, tuple[Network, ...]] = {"4": EVERYBODY_V4, "6": EVERYBODY_V6}
FAMILIES = tuple(_EVERYBODY)
_ICMP = ("icmp", "icmpv6")
_DHCP_PORTS = (67, 68, 546, 547)


@dataclass(frozen=True)
class Earlier:
    """What became of it under the ruleset before: a ``verdict``, the ``flow`` that allowed it, and ``until`` when."""

    verdict: str = UNKNOWN
    flow: str = ""
    until: str = ""

    @property
    def has_ended(self) -> bool:
        """Return whether that ruleset didn't deny it, and the one in force does."""
        return self.verdict not in (DENIED, UNKNOWN)

    def __str__(self) -> str:
        """Return it for people."""
        flow = f" ({self.flow})" if self.flow else ""
        return f"{self.verdict} until {self.until}{flow}" if self.has_ended else self.verdict


@dataclass(frozen=True)
class Before:
    """The ruleset before, which was in force ``until`` a time; without a policy, there were no rules of ours.

    It may have ``judged_carried`` traffic, whatever is left of the networks behind the host.
    """

    until: str
    policy: Policy | None = None
    judged_carried: bool = False

    def of(self, seen: Seen) -> Earlier:
        """Return what became of something under it, as far as what a host keeps of a denial tells that."""
        found = self._of(seen)
        return replace(found, until=self.until) if found.has_ended else found

    def _of(self, seen: Seen) -> Earlier:
        policy = self.policy
        if not policy:
            return Earlier(NO_RULES)
        if policy.observes(seen.direction):
            return Earlier(OBSERVED)
        if seen.direction == SPOOFED:
            return Earlier(NOT_JUDGED if policy.antispoof == OFF else DENIED)
        if seen.direction == PRE_DNAT and not is_judged_before_dnat(policy, packet_of(seen)):
            return Earlier(NOT_JUDGED)
        if seen.direction in FORWARDED and not self.judged_carried:
            return Earlier(NOT_JUDGED)
        return self._of_flows(policy, seen)

    def _of_flows(self, policy: Policy, seen: Seen) -> Earlier:
        packet = packet_of(seen)
        if seen.is_port_alone:
            return Earlier()
        if is_never_carried(policy, seen):
            return Earlier(DENIED)
        surely = verdict_by_every_interface(policy, packet)
        if surely.allowed:
            return Earlier(ALLOWED, surely.flow)
        # By which interface it came, and to which of the host's addresses, isn't kept.
        perhaps = verdict_by_any_interface(_at_any_address(policy), packet).allowed or _hinges_on_more(policy, seen)
        return Earlier(UNKNOWN if perhaps else DENIED)


def allows(policy: Policy) -> dict[str, Any]:
    """Return what a host keeps of what its rules allow, as data."""
    return {
        "rules": {way: [_rule_to_data(way, rule) for rule in policy.rules(way)] for way in DIRECTIONS},
        "isolated": sorted(policy.isolated),
        "pre_dnat": [{"ports": stage.ports.texts(), "side": stage.side} for stage in policy.pre_dnat],
        "carries": {"judged": bool(policy.carries), "isolated": policy.carries.isolated},
        "interfaces": {side: list(names) for side, names in policy.interfaces.items()},
        "observe": list(policy.observe),
        "antispoof": policy.antispoof,
        "echo_request": policy.echo_request,
        "dhcp": policy.dhcp,
    }


def read_before(result: Mapping[str, Any]) -> Before | None:
    """Return what a look at a host tells of the ruleset before; None where the host doesn't know it.

    Raises AnswerError where any of it is not as we write it.
    """
    if result.get("ruleset_before") is None:
        return None
    found = Answer(result).inside("ruleset_before")
    until = found.time("until")
    if found.values.get("allows") is None:
        return Before(until)
    allows_then = found.inside("allows")
    judged_carried = allows_then.inside("carries").flag("judged")
    return Before(until, _policy(allows_then, found.inside("sets")), judged_carried)


def _rule_to_data(direction: str, rule: Rule) -> dict[str, Any]:
    peer = peer_name(direction, rule)
    everybody = [family for family in FAMILIES if is_everybody(rule.addresses.of_family(int(family)))]
    return {
        "flow": rule.flow,
        "peer": peer,
        "ports": rule.ports.texts(),
        "side": rule.side,
        "everybody": everybody,
        # Of a rule whose peer is what it is narrowed to, the peer says it all.
        "narrowed": rule.is_narrowed and peer != at_name(rule),
    }


def _policy(found: Answer, sets: Answer) -> Policy:
    rules, interfaces = found.inside("rules"), found.inside("interfaces")
    policy = Policy(
        classes=(),
        isolated={name: AddressSet.of(sets.networks(name)) for name in found.texts("isolated")},
        pre_dnat=tuple(PreDnat(row.ports("ports"), side=_side(row)) for row in found.rows("pre_dnat")),
        interfaces={side: interfaces.texts(side) for side in SIDES},
        carries=_carries(found.inside("carries"), sets),
        observe=found.words("observe", MODE_DIRECTIONS),
        antispoof=found.word("antispoof", ANTISPOOF),
        echo_request=found.flag("echo_request"),
        dhcp=found.flag("dhcp"),
    )
    return _with_rules(policy, {way: tuple(_rule(row, sets) for row in rules.rows(way)) for way in DIRECTIONS})


def _carries(found: Answer, sets: Answer) -> Carries:
    behind, excepted = (AddressSet.of(sets.networks(name)) for name in (CARRIED, NOT_FOR_CARRIED))
    return Carries((), behind, excepted=excepted, isolated=found.flag("isolated"))


def _with_rules(policy: Policy, rules: Mapping[str, tuple[Rule, ...]]) -> Policy:
    fields: dict[str, Any] = dict(rules)  # a policy has the rules of each direction by its name
    return replace(policy, **fields)


def _rule(row: Answer, sets: Answer) -> Rule:
    peer = row.text("peer")
    everybody = (network for family in row.words("everybody", FAMILIES) for network in _EVERYBODY[family])
    return Rule(
        flow=row.name("flow"),
        peer=peer,
        addresses=AddressSet.of([*sets.networks(peer), *everybody]),
        ports=row.ports("ports"),
        side=_side(row),
        at=AddressSet() if row.flag("narrowed") else EVERYBODY,
    )


def _side(row: Answer) -> str:
    return row.word("side", ("", *SIDES))


def _at_any_address(policy: Policy) -> Policy:
    """Return a policy without what its rules are narrowed to."""
    rules = {way: tuple(replace(rule, at=EVERYBODY) for rule in policy.rules(way)) for way in DIRECTIONS}
    return _with_rules(policy, rules)


def _hinges_on_more(policy: Policy, seen: Seen) -> bool:
    """Return whether what is always allowed depends on what isn't kept: the type of ICMP, or the other port of DHCP."""
    is_ping = policy.echo_request and seen.protocol in _ICMP
    return is_ping or (policy.dhcp and seen.protocol == "udp" and seen.port in _DHCP_PORTS)
