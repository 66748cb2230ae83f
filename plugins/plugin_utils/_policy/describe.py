# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""A policy in one line per flow and peer, for people: the comments of a ruleset, and the lines of a diff."""

from __future__ import annotations

from ...module_utils._contract.constants import DESCRIPTION_MARK, OBSERVES, OBSERVES_ONE
from ...module_utils._contract.kinds import FORWARD_OUT
from .._model.antispoof import BY_SIDES, OFF
from .._values.addresses import EVERYBODY
from .._values.direction import DIRECTIONS
from .compile import Policy, Rule


def title(policy: Policy) -> str:
    """Return the comment that every rendered file begins with."""
    words = f"node class{'es' if len(policy.classes) > 1 else ''} {', '.join(policy.classes)}"
    return f"# gatehouse.firewall, {words}. Generated: edits are lost at the next run."


def head(policy: Policy) -> list[str]:
    """Return the comments that tell people what rules let through and why, below the title."""
    return [title(policy), *(f"{DESCRIPTION_MARK}{line}" for line in described(policy))]


def described(policy: Policy) -> list[str]:
    """Return what rules let through and why."""
    return [*describe(policy), *reasons(policy)]


def describe(policy: Policy) -> list[str]:
    """Return ``ingress 4647/tcp from k8s_node, flow nomad_rpc`` for each rule, in the policy's order."""
    rules = [describe_rule(direction, rule) for direction in DIRECTIONS for rule in policy.rules(direction)]
    return describe_class(policy) + rules


def describe_class(policy: Policy) -> list[str]:
    """Return what counts for every rule of a policy: mode, isolation, echo, DHCP, interfaces, spoofing, pre-DNAT."""
    isolation = [f"nothing between hosts of {name}: they are isolated" for name in policy.isolated]
    echo = [] if policy.echo_request else ["no echo requests (ping), but where a flow has all ports"]
    dhcp = [] if policy.dhcp else ["no DHCP, but where a flow has its ports"]
    sides = [f"the {side} side is {', '.join(names)}" for side, names in sorted(policy.interfaces.items()) if names]
    heal = ["loaded again within two minutes where all of it was flushed (self_heal)"] if policy.self_heal else []
    own = _mode(policy) + _deny(policy) + heal
    return own + isolation + echo + dhcp + sides + _antispoof(policy) + _pre_dnat(policy) + describe_carried(policy)


def _deny(policy: Policy) -> list[str]:
    """Return how the policy denies, where that isn't the default."""
    ingress = ["what is denied to come in is refused, and not dropped (deny: ingress: reject)"]
    egress = ["what is denied to go out is dropped, and not refused (deny: egress: drop)"]
    forward = ["what is denied to be carried out is dropped, and not refused (deny: forward: drop)"]
    return [
        *(ingress if policy.deny.rejects("ingress") else []),
        *([] if policy.deny.rejects("egress") else egress),
        *(forward if policy.carries and not policy.deny.rejects(FORWARD_OUT) else []),
    ]


def _mode(policy: Policy) -> list[str]:
    if policy.only_observes:
        return [OBSERVES]
    return [OBSERVES_ONE.format(one) for one in policy.observe]


def _antispoof(policy: Policy) -> list[str]:
    if policy.antispoof == OFF:
        return []
    back = "the other side's" if policy.antispoof == BY_SIDES else "any other than that"
    return [f"nothing by an interface of a side whose source is routed by {back} (antispoof: {policy.antispoof})"]


def _pre_dnat(policy: Policy) -> list[str]:
    found = []
    for stage in policy.pre_dnat:
        addresses = ", ".join(stage.addresses.texts())
        service = f" and to {addresses}" if addresses else ""
        side = f" on the {stage.side} side" if stage.side else ""
        found.append(f"judged before DNAT: {stage.ports} to the host{service}{side}")
    return found


def describe_carried(policy: Policy) -> list[str]:
    """Return what counts for those behind the hosts, if any are."""
    if not policy.carries:
        return []
    by = f"by {', '.join(policy.carries.interfaces)}" if policy.carries.interfaces else ""
    networks = ", ".join(policy.carries.networks.texts())
    behind = " and ".join(filter(None, [by, f"in {networks}" if networks else ""]))
    never = [*(["each other"] if policy.isolates_carried else []), *policy.carries.excepted.texts()]
    but = f", but nothing to {', '.join(never)}" if never else ""
    return [f"carried: what is behind the host {behind} may receive and send what the host itself may{but}"]


def reasons(policy: Policy) -> list[str]:
    """Return each flow of the policy with its reason and the source of it, by name."""
    rules = {rule.flow: rule for direction in DIRECTIONS for rule in policy.rules(direction)}
    return [_reason(rule) for _name, rule in sorted(rules.items()) if rule.why or rule.source]


def _reason(rule: Rule) -> str:
    source = f" [{rule.source}]" if rule.source else ""
    return f"flow {rule.flow}: {rule.why}{source}"


def describe_rule(direction: str, rule: Rule) -> str:
    """Return one rule in words."""
    preposition = "from" if direction == "ingress" else "to"
    side = f" on the {rule.side} side" if rule.side else ""
    log = ", logged" if rule.log else ""
    return f"{direction} {describe_ports(rule)} {preposition} {rule.peer}{_who(rule)}{side}, flow {rule.flow}{log}"


def describe_ports(rule: Rule) -> str:
    """Return the ports that a rule is for, and the host's addresses where it isn't for all."""
    return f"{rule.ports} at {', '.join(rule.at.texts())}" if rule.is_narrowed else str(rule.ports)


def _who(rule: Rule) -> str:
    if rule.names:
        return f" by name ({', '.join(one.name for one in rule.names)})"
    if not rule.addresses:
        return " (nobody)"
    if rule.addresses == EVERYBODY:
        return " (everybody)"
    return ""
