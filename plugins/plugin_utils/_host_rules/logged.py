# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How much is logged and answered, and where: strangers decide how often they knock, and a disk is finite."""

from __future__ import annotations

from .._model.denied import Log
from .._policy.compile import Policy, Rule

FLOW_RATE, FLOW_BURST = "100/minute", 100
"""Lines for each rule of a flow: so many in a unit of time, and so many at once."""
REFUSALS, REFUSALS_BURST = "100/second", 50
"""Refusals that strangers are sent: beyond these, what is denied is dropped."""
BURST = 5
"""Lines at once for all that is denied in a direction, or would be."""


def log_of(policy: Policy) -> Log:
    """Return how a policy logs what it does."""
    return policy.denied.log or Log()


def flow_prefix(rule: Rule, longest: int | None = None) -> str:
    """Return what the lines in a log begin with; of a flow's name, as much as fits."""
    return f"gatehouse {rule.flow[:longest]}: "


def nft_log(policy: Policy, rate: str, burst: int, prefix: str) -> str:
    """Return the statements of nftables that log a part of what comes to them."""
    group = log_of(policy).group
    to = "" if group is None else f" group {group}"
    return f'limit rate {rate} burst {burst} packets log prefix "{prefix}"{to}'


def iptables_log(policy: Policy, rate: str, burst: int, prefix: str) -> str:
    """Return the match and the target of iptables that do."""
    group = log_of(policy).group
    target = f'LOG --log-prefix "{prefix}"'
    if group is not None:
        target = f'NFLOG --nflog-group {group} --nflog-prefix "{prefix}"'
    # As iptables prints it.
    printed = rate.replace("second", "sec").replace("minute", "min")
    return f"-m limit --limit {printed} --limit-burst {burst} -j {target}"
