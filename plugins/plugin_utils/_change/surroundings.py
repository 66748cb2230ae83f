# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a host is told of the model so that it can look for what the model can't know, and what comes of its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from .._host_facts.reader import Answer
from .._model.antispoof import OFF
from .._policy.compile import Policy, Rule
from .._values.ports import ALL_PORTS, PortSet

MOST_PEERS = 1000
"""So many peers a host is told to look up its routes to."""
_PAIR = 2


def declared_of(policy: Policy) -> dict[str, Any]:
    """Return what the model says of a host with this policy, as data for the host: ports, addresses and interfaces."""
    at = {text: None for rule in policy.ingress if rule.is_narrowed for text in rule.at.texts()}
    return {
        "ingress": _ports(policy.ingress),
        "egress": _ports(policy.egress),
        "pre_dnat": [{"ports": stage.ports.texts(), "addresses": stage.addresses.texts()} for stage in policy.pre_dnat],
        "at": list(at),
        "interfaces": {side: list(names) for side, names in policy.interfaces.items()},
        **({} if policy.antispoof == OFF else _of_sources(policy)),
        **({"carries": _of_those_behind(policy)} if policy.carries.is_said else {}),
    }


def _of_those_behind(policy: Policy) -> dict[str, Any]:
    carries = policy.carries
    return {
        "interfaces": list(carries.interfaces),
        "networks": carries.networks.texts(),
        "isolated": policy.isolates_carried,
    }


def _of_sources(policy: Policy) -> dict[str, Any]:
    peers = islice(dict.fromkeys(_sided_peers(policy)), MOST_PEERS)
    return {"antispoof": policy.antispoof, "sided_peers": [list(peer) for peer in peers]}


def _sided_peers(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Yield the peers that flows let in by one side: of a network, an address stands for all."""
    if not policy.interfaces:
        return
    for rule in policy.ingress:
        for network in rule.addresses.networks:
            if rule.side and network.prefixlen:
                address = network[0] if network.num_addresses < _PAIR else network[1]
                yield rule.side, rule.peer, str(address)


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
