# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What speaks against changing a host: what a look at it has found, held to what the owner has allowed."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._host_facts.observed import read_observed, remarks, would_cut
from .._host_facts.reader import AnswerError
from .._policy.compile import Policy
from .._values.problems import GatehouseError
from .lockout import lockout
from .shrinking import shrinkage
from .surroundings import weighed

NOT_CHECKED = "not installed yet, so that the host can't check the ruleset: {}"
NOT_INSTALLED = (
    "This host lacks {0}, and its package manager can't install them: {1}\nInstall them yourself, or give the host a "
    "package index (apt-get update, on Debian), and harden it again. Nothing was changed"
)
EBPF_REDIRECTS = (
    "{0} redirects packets before netfilter sees them, so that this host firewall can't judge {1}. Let what redirects "
    "them enforce it (Calico's preDNAT policies do), and say pre_dnat: {{ports: []}} of the class {2}"
)
EBPF_MAY_REDIRECT = (
    "An eBPF program sees the packets on {0} before netfilter does. If it redirects node ports in kube-proxy's place, "
    "this host firewall can't judge {1}"
)
COMPETING_SERVICES = (
    "This host's firewall has another manager: {0}. Two managers undo each other's work. Set gatehouse_takeover: true "
    "to have it stopped and disabled once our rules are confirmed, and put back by remove; or do it yourself, but stop "
    "only ufw, firewalld, netfilter-persistent and lfd: to stop any other may flush everybody's rules, and it is "
    "enough to disable it"
)
UNREADABLE = (
    "What this host has observed can't be read: {0}. Look at what it runs, or set gatehouse_accept_observed: true to "
    "have all denied that no flow allows"
)
NOTHING_CHANGED = "{}. Nothing was changed"
_STATES = {(True, True): "active and enabled", (True, False): "active", (False, True): "enabled"}


class UnreadableError(GatehouseError):
    """An answer of a host that does not tell whether it may change."""


@dataclass(frozen=True)
class Objection:
    """One thing to say before a change.

    ``refuses`` says that the host must be left alone; ``always``, in a dry run, too, which else only says so.
    """

    text: str
    refuses: bool = False
    always: bool = False


def objections(
    policy: Policy | None, found: Mapping[str, Any], allowed: Mapping[str, Any], refused: Mapping[str, str], host: str
) -> Iterator[Objection]:
    """Yield what speaks against bringing a host to a policy, and what else its owner should know.

    ``found`` is the result of a look at it, ``allowed`` has the task's arguments by which an owner allows more, and
    ``refused`` when a concern is a reason to refuse. Raises UnreadableError where the host's answer is nonsense.
    """
    managers, differs = found["managers"], found["differs"]
    if managers and not allowed["takeover"]:
        yield Objection(COMPETING_SERVICES.format(", ".join(map(_service, managers))), refuses=True)
    try:
        refusals, warnings = weighed(found, refused, allowed["takeover"] and bool(managers), host)
    except AnswerError as error:
        raise UnreadableError(f"What the host has found can't be read: {error}") from error
    if refusals:
        yield Objection(NOTHING_CHANGED.format(". ".join(refusals)), refuses=True)
    yield from map(Objection, warnings)
    if policy and policy.pre_dnat:
        yield from _redirects(policy, found["ebpf"])
    if policy and differs:
        yield from _shrinkage(policy, found, allowed["accept_shrink"])
        yield from _lockout(policy, found["management"], allowed["allow_self_lockout"])
        yield from _cuts(policy, found, allowed["accept_observed"])


def _service(manager: Mapping[str, Any]) -> str:
    return f"{manager['name']} ({manager['unit']} is {_STATES[manager['active'], manager['enabled']]})"


def _redirects(policy: Policy, ebpf: Mapping[str, Any]) -> Iterator[Objection]:
    """Yield what eBPF programs do with node ports before netfilter can judge them."""
    ports = policy.pre_dnat_ports
    if ebpf["kube_proxy"]:
        text = EBPF_REDIRECTS.format(ebpf["kube_proxy"], ports, " or ".join(policy.classes))
        yield Objection(text, refuses=True, always=True)
    elif ebpf["interfaces"]:
        yield Objection(EBPF_MAY_REDIRECT.format(", ".join(ebpf["interfaces"]), ports))


def _shrinkage(policy: Policy, found: Mapping[str, Any], accepted: Collection[str]) -> Iterator[Objection]:
    try:
        refusal = shrinkage(policy, found, accepted)
    except AnswerError as error:
        raise UnreadableError(f"What the host has lost can't be read: {error}") from error
    if refusal:
        yield Objection(NOTHING_CHANGED.format(refusal), refuses=True)


def _lockout(policy: Policy, management: Mapping[str, Any] | None, allowed: bool) -> Iterator[Objection]:
    if not management or allowed:
        return
    try:
        refusal = lockout(policy, management)
    except ValueError as error:
        raise UnreadableError(f"the host's ssh connection: {error}") from error
    if refusal:
        yield Objection(refusal, refuses=True)


def _cuts(policy: Policy, found: Mapping[str, Any], accepted: bool) -> Iterator[Objection]:
    """Yield what a host that has only observed has let through, and would deny now."""
    if policy.only_observes:
        return
    try:
        observed = read_observed(found)
    except AnswerError as error:
        yield _question(UNREADABLE.format(error), accepted)
        return
    if observed is None or all(map(policy.observes, observed.directions)):
        return
    yield from map(Objection, remarks(observed, datetime.datetime.now(datetime.timezone.utc)))
    refusal = would_cut(policy, observed)
    if refusal:
        yield _question(refusal, accepted)


def _question(text: str, accepted: bool) -> Objection:
    return Objection(text) if accepted else Objection(NOTHING_CHANGED.format(text), refuses=True)
