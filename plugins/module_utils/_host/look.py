# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What there is on a host and, where something is wanted, how far it is from that."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Iterator, Sequence

from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.concerns import finding
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.findings import Finding, metrics
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.host_firewall import HostFirewall
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.management import management_connection
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.metrics import metrics as state_metrics
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.programs import with_programs
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.this_host import ThisHost
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.usage import metrics as usage_metrics
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.managers import Manager
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.restorers import restoring_scripts
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.surroundings import (
    Surroundings,
    read_file,
)


def look_at(host: ThisHost, diff: bool, count: bool = False) -> dict[str, Any]:
    """Return what there is on a host, and in which backend; with ``count``, what was counted by its rules, too."""
    firewall, managers = host.firewall(), host.managers().found()
    around = host.surroundings() if host.wanted else None
    concerns = [*concerns_of(host, firewall, managers, around)] if host.wanted else []
    found = look(firewall, managers, host.wanted, diff, count, concerns)
    if around and found["management"]:
        found["management"].update(around.ways_of(found["management"]))
    here = {"backend": host.backend.name, "backend_reason": host.reason, "ebpf": host.ebpf(), "answers": host.answers}
    return {**here, **found}


def concerns_of(
    host: ThisHost, firewall: HostFirewall, managers: Sequence[Manager], surroundings: Surroundings | None
) -> Iterator[Finding]:
    """Yield what the host alone knows, and its owner should, too."""
    if not firewall.starts_at_boot:
        yield finding("not_at_boot", f"nothing loads our rules at boot: {host.boot_command}")
    yield from (finding("restored_at_boot", f"{path} puts whole tables back") for path in restoring_scripts(Path("/")))
    if surroundings:
        yield from surroundings.findings(managers)
        yield from surroundings.filling() if not firewall.tracks_connections else ()


def look(
    firewall: HostFirewall,
    managers: Sequence[Manager],
    wanted: str | None,
    diff: bool,
    count: bool = False,
    concerns: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Return what there is or, where something is wanted, how far it is from that."""
    if wanted != "":  # what a later version has left can still be taken away
        firewall.refuse_newer()
    counts = {**firewall.usage(), **_denied(firewall)} if count else {"usage": []}
    result: dict[str, Any] = {
        "changed": False,
        "packages": firewall.missing_packages,
        "tracks_connections": firewall.tracks_connections,
        "drift": firewall.drift(),
        "in_force": firewall.in_force,
        "rollback": firewall.rollback_state,
        "host_names": firewall.host_names(),
        "managers": [asdict(manager) for manager in managers],
        "concerns": [asdict(concern) for concern in concerns],
        "management": management_connection(Path("/proc"), os.getpid()),
        **(counts if count else {}),
        **firewall.observed(),
    }
    if wanted is None:
        return dict(result, live=firewall.live, applied=firewall.applied)
    firewall.check(wanted)
    if diff:
        result["diff"] = firewall.difference(wanted)
    if wanted:
        findings = [*firewall.findings(wanted), *map(another, managers), *concerns]
        result["cautions"] = firewall.cautions(wanted)
        result["findings"] = [asdict(finding) for finding in findings]
        result["metrics"] = (
            metrics(findings, result["host_names"], time.time())
            + usage_metrics(counts["usage"])
            + state_metrics(result, firewall.modes, read_file)
        )
    return {**result, **_distance(firewall, wanted)}


def _denied(firewall: HostFirewall) -> dict[str, Any]:
    found = firewall.denied()
    return {**found, "denied": with_programs(found["denied"])} if found else {}


def _distance(firewall: HostFirewall, wanted: str) -> dict[str, Any]:
    """Return how far it is to a ruleset, or to none of ours where it is empty."""
    is_there = firewall.is_at(wanted)
    addresses_alone = bool(wanted) and (is_there or firewall.differs_in_addresses_alone(wanted))
    return {
        "differs": not is_there,
        "differs_in_addresses_alone": addresses_alone,
        **({"lost": [] if is_there else firewall.lost(wanted)} if wanted else {}),
        **({"moved": firewall.moved(wanted)} if addresses_alone and not is_there else {}),
    }


def another(manager: Manager) -> Finding:
    """Return what an audit says of another manager."""
    return Finding("another_manager", f"{manager.name} manages this host's firewall, too ({manager.unit})")
