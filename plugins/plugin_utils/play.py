"""What a play asks of a compiled fleet: which hosts share a policy, who goes first, and what to warn of."""

from __future__ import annotations

from collections.abc import Iterator

from .calico.remarks import calico_remarks
from .compile import Fleet, Policy
from .pod_flows import pod_remarks
from .readers import SIDES
from .remarks import remarks
from .resolve import Host


def one_policy_each(fleet: Fleet) -> tuple[dict[str, Policy], dict[str, str]]:
    """Return the policies by key and each host's key: a class's name, with the interfaces and the mode that matter."""
    policies: dict[str, Policy] = {}
    hosts = {}
    for host, node_class in fleet.classes.items():
        policy = fleet.policy_of(host)
        sides = [f"{side}={','.join(names)}" for side, names in sorted(policy.interfaces.items())]
        mode = ["observe"] if policy.observe else []
        key = hosts[host] = " ".join([node_class, *sides, *mode])
        policies.setdefault(key, policy)
    return policies, hosts


def flows_of(policy: Policy) -> set[str]:
    """Return the names of the flows that a policy lets through."""
    return {rule.flow for rule in (*policy.ingress, *policy.egress)}


def canaries(fleet: Fleet, hosts: list[str]) -> list[str]:
    """Return the first of these hosts in each node class: those to change before the others."""
    first: dict[str, str] = {}
    for host in hosts:
        if host in fleet.classes:
            first.setdefault(fleet.classes[host], host)
    return list(first.values())


def own_addresses(host: Host) -> dict[str, list[str]]:
    """Return a host's addresses by side."""
    return {side: host.addresses(side).texts() for side in SIDES}


def warnings_about(fleet: Fleet, hosts: list[str]) -> Iterator[str]:
    """Yield what a user should know although nothing is wrong."""
    unmanaged = sorted(set(hosts) - set(fleet.classes))
    if unmanaged:
        yield f"In no node class, and left as they are: {', '.join(unmanaged)}"
    observing = sorted(host for host in hosts if host in fleet.classes and fleet.hosts[host].observe)
    if observing:
        yield f"Only observing (gatehouse_mode), nothing is blocked there: {', '.join(observing)}"
    if fleet.expired:
        yield f"Closed, because their last day is over: {', '.join(fleet.expired)}"
    yield from remarks(fleet)
    yield from calico_remarks(fleet)
    yield from pod_remarks(fleet)
