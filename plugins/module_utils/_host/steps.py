# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What the modules ruleset_info and ruleset_step do, with Ansible's part of a module or without it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, Mapping

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.checks import first_failure
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.host_firewall import HostFirewall, TooLateError
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.look import look_at
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.management import peer
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.this_host import Module, ThisHost
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.conntrack import TABLE_FULL
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.managers import Managers

Result = Dict[str, Any]
_WITH_RULESET = ("load", "confirm", "take_over")


def answer_of(what: Callable[[Module], Result], module: Module) -> Result:
    """Return what a module answers; a failure where the host refuses."""
    try:
        return what(module)
    except (FirewallError, OSError) as error:
        return {"failed": True, "msg": str(error)}


def info(module: Module) -> Result:
    """Look at this host, and count."""
    return look_at(ThisHost(module), module._diff, count=True)


def step(module: Module) -> Result:
    """Take the step of a change that the arguments name."""
    host, name = ThisHost(module), module.params["step"]
    if name == "look":
        return prepare(host, module._diff)
    if name in _WITH_RULESET and not host.wanted:
        raise FirewallError(f"ruleset: got nothing, expected what to {name}")
    return take(name, host.firewall(), host.managers(), host.wanted or "", module.params)


def take(step: str, firewall: HostFirewall, managers: Managers, wanted: str, params: Mapping[str, Any]) -> Result:
    """Take one step of a change, and return the module's result."""
    if step == "load":
        return {"changed": True, "change": firewall.load(wanted, params["rollback_timeout"]), "connection": here()}
    if step == "confirm":
        return confirm(firewall, wanted, params)
    if step == "remove":
        failures = managers.put_back()
        firewall.remove()
        return {"changed": True, **({"warnings": failures} if failures else {})}
    if step == "take_over":
        managers.take_over()
        firewall.reapply(wanted)
    elif step == "start_tracking":
        firewall.start_tracking()
    else:
        firewall.stop_tracking()
    return {"changed": True}


def confirm(firewall: HostFirewall, wanted: str, params: Mapping[str, Any]) -> Result:
    """Confirm a change, unless this is the very connection over which it was loaded, a check fails, or it is too late.

    A check that fails has the host go back at once.
    """
    over, now = params["connection"], here()
    if over and over == now:
        return {"changed": False, "same_connection": now}
    failure = first_failure(params["checks"])
    if failure:
        after = firewall.go_back(params["change"])
        return {"changed": False, "failed_check": failure, "after": after, "gone_back": not firewall.rollback_state}
    try:
        firewall.confirm(wanted, params["fallback"], params["change"], params["allows"])
    except TooLateError as error:
        return {"changed": False, "too_late": str(error), "gone_back": not firewall.rollback_state}
    is_new = bool(over and now)
    return {"changed": True, "confirmed": True, "new_connection": is_new, "persisted": firewall.starts_at_boot}


def here() -> str:
    """Return the other end of the ssh connection in which this runs; an empty text where it is in none."""
    return peer(Path("/proc"), os.getpid())


def prepare(host: ThisHost, diff: bool) -> Result:
    """Look at a host, and start connection tracking where a first ruleset will follow; return the module's result.

    What the connection exchanges until the next step makes it known to the kernel.
    """
    found = look_at(host, diff)
    may_track = not found["packages"] and all(one["kind"] != TABLE_FULL for one in found["concerns"])
    if found["differs"] and not found["tracks_connections"] and may_track:
        host.firewall().start_tracking()
        found["tracking_started"] = True
    return found
