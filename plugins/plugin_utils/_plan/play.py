# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What a play asks of a compiled fleet: which hosts share a policy, who goes first, and what to warn of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._calico.remarks import calico_remarks
from .._change.surroundings import declared_of
from .._host_rules import iptables, nftables
from .._kubernetes.pod_flows import pod_remarks
from .._model.antispoof import OFF, can_iptables, note_beyond_iptables
from .._model.denied import Denied
from .._model.deny import Deny
from .._policy.as_data import to_data
from .._policy.compile import Fleet, Policy
from .._policy.resolve import Host
from .._values.addresses import AddressSet
from .._values.direction import FORWARD
from .._values.problems import Problems, Where
from .._values.readers import SIDES
from .._verdict.half_flows import half_flow_remarks
from .._verdict.useless_flows import remarks
from .manifests import manifests

IN_VAIN = (
    "gatehouse_antispoof does nothing on hosts that don't say in gatehouse_interfaces which interfaces are on which "
    "side, for sides on both"
)
UNJUDGED = (
    "What these hosts carry for those behind them is counted, and not blocked, until gatehouse_mode says forward: "
    "enforce"
)
LEFT_ALONE = (
    "What these classes' hosts forward for pods, containers or virtual machines is not judged, as carries: {} of the "
    "class says"
)
_OBSERVED = {"ingress": "comes in there", "egress": "goes out there", FORWARD: "is carried there for those behind"}


def as_result(
    fleet: Fleet,
    hosts: Sequence[str],
    with_facts: Mapping[str, Sequence[str]],
    with_iptables: Sequence[str],
    backend_of: Callable[[Host], str],
    problems: Problems,
) -> dict[str, Any]:
    """Return what the tasks of a play need of a fleet, as the result of the one that compiles it.

    ``hosts`` are those that the play is about, ``with_facts`` those of them that must be left alone, and
    ``with_iptables`` the keys of the policies that hosts may take from iptables. ``backend_of`` answers which backend a
    host is asked to have.
    """
    policies, keys = one_policy_each(fleet)
    return {
        "rulesets": {key: nftables.render(policy) for key, policy in policies.items()},
        "iptables_rulesets": {key: iptables.render(policies[key]) for key in with_iptables},
        # A host is judged by its rules: which peers it knows is in its ruleset alone.
        "policies": {key: json.dumps(to_data(replace(one, known=AddressSet()))) for key, one in policies.items()},
        "hosts": keys,
        "classes": {name: list(fleet.classes_of(name)) for name in fleet.hosts},
        "addresses": {name: own_addresses(host) for name, host in fleet.hosts.items()},
        "interfaces": {name: dict(host.interfaces) for name, host in fleet.hosts.items() if host.interfaces},
        "declared": {key: declared_of(policy) for key, policy in policies.items()},
        "same_as": dict(fleet.same_as),
        "flows": {name: len(flows_of(policy)) for name, policy in fleet.policies.items()},
        "canaries": canaries(fleet, [host for host in hosts if host not in with_facts], backend_of),
        "manifests": manifests(fleet, problems),
        "warnings": list(warnings_about(fleet, hosts)),
        "hosts_with_facts": dict(with_facts),
    }


def one_policy_each(fleet: Fleet) -> tuple[dict[str, Policy], dict[str, str]]:
    """Return the policies by key and each host's key: its classes, with the interfaces and the modes that matter."""
    policies: dict[str, Policy] = {}
    hosts = {}
    for host, name in fleet.sets.items():
        policy = fleet.policy_of(host)
        sides = [f"{side}={','.join(names)}" for side, names in sorted(policy.interfaces.items())]
        mode = ["observe", *(() if policy.only_observes else policy.observe)] if policy.observe else []
        antispoof = [f"antispoof={policy.antispoof}"] if policy.antispoof != OFF else []
        denied = [f"denied={policy.denied}"] if policy.denied != Denied() else []
        deny = [f"deny={policy.deny}"] if policy.deny != Deny() else []
        heal = ["self_heal"] if policy.self_heal else []
        key = hosts[host] = " ".join([name, *sides, *antispoof, *deny, *denied, *mode, *heal])
        policies.setdefault(key, policy)
    return policies, hosts


def for_iptables(fleet: Fleet, backend_of: Callable[[Host], str], problems: Problems) -> list[str]:
    """Return the keys of the policies that hosts may take from iptables; note hosts that have to, and can't."""
    policies, keys = one_policy_each(fleet)
    found = set()
    for host, key in keys.items():
        backend, antispoof = backend_of(fleet.hosts[host]), policies[key].antispoof
        if backend == "iptables":
            note_beyond_iptables(Where("gatehouse_antispoof", f"host {host}"), antispoof, problems)
        if backend != "nftables" and can_iptables(antispoof):
            found.add(key)
    return sorted(found)


def flows_of(policy: Policy) -> set[str]:
    """Return the names of the flows that a policy lets through."""
    return {rule.flow for rule in (*policy.ingress, *policy.egress)}


def canaries(fleet: Fleet, hosts: Sequence[str], backend_of: Callable[[Host], str]) -> list[str]:
    """Return few of these hosts that together have every class and every backend: those to change before the others.

    Of hosts that add as many, the first; and none at last whose all the others have.
    """
    kinds: dict[tuple[tuple[str, ...], str], str] = {}
    for host in hosts:
        if host in fleet.sets:
            kinds.setdefault((fleet.classes_of(host), backend_of(fleet.hosts[host])), host)
    added = {host: {*classes, ("backend", backend)} for (classes, backend), host in kinds.items()}
    missing = set().union(*added.values())
    found = []
    while missing:
        found.append(max(added, key=lambda host: len(added[host] & missing)))
        missing -= added[found[-1]]
    for host in list(found):
        others = [added[other] for other in found if other != host]
        if added[host] <= set().union(*others):
            found.remove(host)
    return [host for host in added if host in found]


def own_addresses(host: Host) -> dict[str, list[str]]:
    """Return a host's addresses by side."""
    return {side: host.addresses(side).texts() for side in SIDES}


def _observing(fleet: Fleet, hosts: Sequence[str]) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for host in sorted(host for host in hosts if host in fleet.sets):
        policy = fleet.policy_of(host)
        if policy.observe:
            found.setdefault(_not_blocked(policy), []).append(host)
    for words, some in sorted(found.items()):
        yield f"{words}: {', '.join(some)}"


def _not_blocked(policy: Policy) -> str:
    if policy.observe == (FORWARD,):
        return UNJUDGED
    if policy.only_observes:
        return "Only observing (gatehouse_mode), nothing is blocked there"
    what = " or ".join(_OBSERVED[one] for one in policy.observe)
    return f"Only observing (gatehouse_mode), nothing that {what} is blocked"


def _left_alone(fleet: Fleet, hosts: Sequence[str]) -> Iterator[str]:
    sets = dict.fromkeys(fleet.sets[host] for host in hosts if host in fleet.sets)
    carries = {name: fleet.policies[name].carries for name in sets}
    names = sorted(name for name, one in carries.items() if one.is_said and not one)
    if names:
        yield f"{LEFT_ALONE}: {', '.join(names)}"


def _asks_in_vain(fleet: Fleet, host: str) -> bool:
    return host in fleet.sets and fleet.hosts[host].antispoof != fleet.policy_of(host).antispoof


def warnings_about(fleet: Fleet, hosts: Sequence[str]) -> Iterator[str]:
    """Yield what a user should know although nothing is wrong."""
    unmanaged = sorted(set(hosts) - set(fleet.sets))
    if unmanaged:
        yield f"In no node class, and left as they are: {', '.join(unmanaged)}"
    yield from _observing(fleet, hosts)
    yield from _left_alone(fleet, hosts)
    unsided = [host for host in hosts if _asks_in_vain(fleet, host)]
    if unsided:
        yield f"{IN_VAIN}: {', '.join(sorted(unsided))}"
    if fleet.expired:
        yield f"Closed, because their last day is over: {', '.join(fleet.expired)}"
    if fleet.resolved.empty:
        yield f"Empty today, as may_be_empty allows: {'. '.join(fleet.resolved.empty)}"
    yield from remarks(fleet)
    yield from half_flow_remarks(fleet)
    yield from calico_remarks(fleet)
    yield from pod_remarks(fleet)
