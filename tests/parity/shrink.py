"""Make a case that fails smaller: first its packets, then its policy, as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import islice

from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.carries import Carries
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.node_classes import PreDnat
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.compile import Policy, Rule
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.addresses import AddressSet
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.direction import DIRECTIONS
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.ports import PortSet
from ansible_collections.gatehouse.firewall.tests.parity.cases import Case

_TRIES = 400


def shrink(case: Case, fails: Callable[[Case], bool], tries: int = _TRIES) -> Case:
    """Return the smallest case found that fails, after at most so many tries."""
    while tries > 0:
        for smaller in islice(_smaller_cases(case), tries):
            tries -= 1
            if fails(smaller):
                case = smaller
                break
        else:
            break
    return case


def _smaller_cases(case: Case) -> Iterator[Case]:
    """Yield what is left when a part is taken away, of the largest parts first."""
    size = len(case.packets)
    while size := size // 2:
        for start in range(0, len(case.packets), size):
            part = case.packets[start : start + size]
            yield Case(case.policy, part)
            if len(part) < len(case.packets) // 2:
                yield Case(case.policy, [*case.packets[:start], *case.packets[start + size :]])
    yield from (Case(policy, case.packets) for policy in _smaller_policies(case.policy))


def _smaller_policies(policy: Policy) -> Iterator[Policy]:
    plain = Policy(policy.classes)
    for field in fields(Policy):
        value = getattr(plain, field.name)
        if value != getattr(policy, field.name):
            yield replace(policy, **{field.name: value})
    for direction in DIRECTIONS:
        rules = policy.rules(direction)
        if len(rules) > 1:
            yield from (_with_rules(policy, direction, (rule,)) for rule in rules)
            yield from (_with_rules(policy, direction, _without(rules, number)) for number in range(len(rules)))
        for number, rule in enumerate(rules):
            for smaller in _smaller_rules(rule):
                changed = (*rules[:number], smaller, *rules[number + 1 :])
                yield _with_rules(policy, direction, changed)
    yield from (replace(policy, pre_dnat=stages) for stages in _fewer_stages(policy.pre_dnat))
    yield from (replace(policy, carries=carries) for carries in _smaller_carries(policy.carries))
    yield from _fewer_addresses(policy)


def _with_rules(policy: Policy, direction: str, rules: tuple[Rule, ...]) -> Policy:
    return replace(policy, ingress=rules) if direction == "ingress" else replace(policy, egress=rules)


def _without(items: tuple[Rule, ...], number: int) -> tuple[Rule, ...]:
    return items[:number] + items[number + 1 :]


def _smaller_rules(rule: Rule) -> Iterator[Rule]:
    if rule.log:
        yield replace(rule, log=False)
    yield from (replace(rule, ports=ports) for ports in _fewer_ports(rule.ports))


def _fewer_stages(stages: tuple[PreDnat, ...]) -> Iterator[tuple[PreDnat, ...]]:
    for number, stage in enumerate(stages):
        before, after = stages[:number], stages[number + 1 :]
        yield (*before, *after)
        yield from ((*before, smaller, *after) for smaller in _smaller_stages(stage))


def _smaller_stages(stage: PreDnat) -> Iterator[PreDnat]:
    if stage.side:
        yield replace(stage, side="")
    yield from (replace(stage, addresses=addresses) for addresses in _fewer(stage.addresses))
    yield from (replace(stage, ports=ports) for ports in _fewer_ports(stage.ports))


def _smaller_carries(carries: Carries) -> Iterator[Carries]:
    if carries:
        plain = Carries()
        without = (replace(carries, **{field.name: getattr(plain, field.name)}) for field in fields(Carries))
        yield from (fewer for fewer in without if fewer != carries)
        yield from (replace(carries, interfaces=(name,)) for name in carries.interfaces[1:])
        for name in ("routed", "masqueraded", "excepted"):
            yield from (replace(carries, **{name: addresses}) for addresses in _fewer(getattr(carries, name)))


def _fewer_ports(ports: PortSet) -> Iterator[PortSet]:
    if len(ports.ranges) > 1:
        yield from (PortSet((item,)) for item in ports.ranges)


def _fewer(addresses: AddressSet) -> Iterator[AddressSet]:
    if len(addresses) > 1:
        yield from (AddressSet.of([network]) for network in addresses.networks)


def _fewer_addresses(policy: Policy) -> Iterator[Policy]:
    """Yield the policy with fewer addresses of a peer, everywhere: a peer's name stands for the same ones."""
    known = {(rule.peer, rule.side): rule.addresses for rule in (*policy.ingress, *policy.egress)}
    known |= {(name, ""): members for name, members in policy.isolated.items()}
    for peer, addresses in known.items():
        yield from (_readdressed(policy, peer, fewer) for fewer in _fewer(addresses))


def _readdressed(policy: Policy, peer: tuple[str, str], addresses: AddressSet) -> Policy:
    ingress, egress = (
        tuple(replace(rule, addresses=addresses) if (rule.peer, rule.side) == peer else rule for rule in rules)
        for rules in (policy.ingress, policy.egress)
    )
    isolated = {name: addresses if peer == (name, "") else members for name, members in policy.isolated.items()}
    return replace(policy, ingress=ingress, egress=egress, isolated=isolated)
