"""What a host is told of the model so that it can look for what the model can't know, and what comes of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compile import Policy, Rule
from .host_answer import Answer
from .ports import ALL_PORTS, PortSet


def declared_of(policy: Policy) -> dict[str, Any]:
    """Return what the model says of a host with this policy, as data for the host: ports, addresses and interfaces."""
    at = {text: None for rule in policy.ingress if rule.is_narrowed for text in rule.at.texts()}
    return {
        "ingress": _ports(policy.ingress),
        "egress": _ports(policy.egress),
        "pre_dnat": policy.pre_dnat.ports.texts(),
        "pre_dnat_addresses": policy.pre_dnat.addresses.texts(),
        "at": list(at),
        "interfaces": {side: list(names) for side, names in policy.interfaces.items()},
    }


def weighed(
    found: Mapping[str, Any], refused: Mapping[str, str], takeover: bool, host: str
) -> tuple[list[str], list[str]]:
    """Return why a host must not change, and what else its owner should know.

    ``refused`` says of each kind when harden refuses: always, or taking over another manager. A host that wouldn't
    change is only warned of. Raises AnswerError where the host's answer can't be read.
    """
    refusals, warnings = [], []
    for row in Answer(found).rows("concerns"):
        when = refused.get(row.text("kind"), "never")
        refuses = when == "always" or (when == "taking over" and takeover)
        if when == "taking over" and not takeover:
            continue  # the manager itself is refused
        if refuses and (found["differs"] or when == "taking over"):
            refusals.append(row.text("text"))
        else:
            warnings.append(f"{host}: {row.text('text')}" if host else row.text("text"))
    return refusals, warnings


def _ports(rules: tuple[Rule, ...]) -> list[str]:
    if any(rule.ports.everything for rule in rules):
        return ALL_PORTS.texts()
    return PortSet.of(item for rule in rules for item in rule.ports.ranges).texts()
