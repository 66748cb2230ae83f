# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What ``iptables-save`` prints, read for what rules of others do to packets."""

from __future__ import annotations

import shlex
from typing import Iterator, Mapping, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.other_rules import (
    DENY,
    HELPER,
    NOTRACK,
    REDIRECT,
    TRANSLATE,
    Chain,
    Match,
    Ranges,
    Rule,
    Table,
)

_OURS = "GATEHOUSE-"
_ACTIONS = {
    "NOTRACK": NOTRACK,
    "DNAT": REDIRECT,
    "REDIRECT": REDIRECT,
    "TPROXY": REDIRECT,
    "SNAT": TRANSLATE,
    "MASQUERADE": TRANSLATE,
    "DROP": DENY,
    "REJECT": DENY,
}
_PORTS = ("--dport", "--dports", "--destination-port", "--destination-ports", "--ports")
_SOURCE_PORTS = ("--sport", "--sports", "--source-port", "--source-ports")
# What kube-proxy says of addresses that only the cluster knows.
_CLUSTER_ADDRESS = "cluster IP"


def read_saved(name: str, saved: str) -> list[Table]:
    """Return each table in what was saved, without what is ours; ``name`` says of which command."""
    tables: list[Table] = []
    chains: dict[str, Chain] = {}
    for line in saved.splitlines():
        if line.startswith("*"):
            chains = {}
            tables.append(Table(f"{name} {line[1:]}", chains))
        elif line.startswith(":") and not line.startswith(f":{_OURS}"):
            chain, policy = line[1:].split()[:2]
            hook = chain.lower() if policy != "-" else ""
            chains[chain] = Chain(chain, hook, denies=policy == "DROP")
        elif line.startswith("-A ") and not line.startswith(f"-A {_OURS}"):
            chain = line.split(" ", 2)[1]
            chains.setdefault(chain, Chain(chain)).rules.extend(_rule(line))
    return tables


def _rule(line: str) -> Iterator[Rule]:
    """Yield what a line says; nothing of one about loopback alone, or about what only a cluster knows."""
    words = _words(line)
    options = _options(words)
    if options.get("-i") == "lo" or _CLUSTER_ADDRESS in options.get("--comment", ""):
        return
    target = options.get("-j", options.get("-g", ""))
    action = _ACTIONS.get(target, "")
    if target == "CT":
        action = NOTRACK if "--notrack" in words else HELPER if "--helper" in words else ""
    yield Rule(line, _match(options), action, ((Match(), target),) if target and not target.startswith(_OURS) else ())


def _words(line: str) -> list[str]:
    if '"' not in line:
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:  # a quote in a comment that wasn't quoted
        return line.split()


def _options(words: Sequence[str]) -> dict[str, str]:
    """Return each option with its value; one that is negated asks nothing that is told here."""
    return {
        word: value
        for before, word, value in zip(["", *words], words, [*words[1:], ""])
        if word.startswith("-") and before != "!"
    }


def _match(options: Mapping[str, str]) -> Match:
    protocol = options.get("-p")
    return Match(
        protocols=_protocols(protocol) if protocol else None,
        source_ports=_ports(options, _SOURCE_PORTS),
        ports=_ports(options, _PORTS),
        destinations=(options["-d"],) if "-d" in options else None,
    )


def _protocols(name: str) -> frozenset[str]:
    return frozenset([name])


def _ports(options: Mapping[str, str], names: Sequence[str]) -> Ranges | None:
    text = next((options[name] for name in names if name in options), "")
    pairs = [part.partition(":") for part in text.split(",")]
    if not all(low.isdigit() and (not colon or high.isdigit()) for low, colon, high in pairs):
        return None
    return tuple((int(low), int(high) if colon else int(low)) for low, colon, high in pairs)
