"""A policy in one line per flow and peer, for people: the comments of a ruleset, and the lines of a diff."""

from __future__ import annotations

from .addresses import EVERYBODY_V4, EVERYBODY_V6
from .compile import DIRECTIONS, Policy, Rule


def describe(policy: Policy) -> list[str]:
    """Return ``ingress 4647/tcp from k8s_node, flow nomad_rpc`` for each rule, in the policy's order."""
    isolation = [f"nothing between hosts of {policy.node_class}: they are isolated"] if policy.isolated else []
    return isolation + [describe_rule(direction, rule) for direction in DIRECTIONS for rule in policy.rules(direction)]


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
    return f"{direction} {rule.ports} {preposition} {rule.peer}{_who(rule)}{side}, flow {rule.flow}{log}"


def _who(rule: Rule) -> str:
    if not rule.addresses:
        return " (nobody)"
    if rule.addresses.v4 == EVERYBODY_V4 and rule.addresses.v6 == EVERYBODY_V6:
        return " (everybody)"
    return ""
