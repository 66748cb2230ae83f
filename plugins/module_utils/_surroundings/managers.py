# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""Other managers of this host's firewall: found, and, where the owner wants it, stopped until ours is removed."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError, Run
from ansible_collections.gatehouse.firewall.plugins.module_utils._surroundings.restorers import restoring_units

RECORD = "var/lib/gatehouse/taken_over.json"
RESTORES = "a unit that puts whole tables back"

# All others flush everybody's rules when they are stopped (`nft flush ruleset`, `iptables -F` in each table), or may:
# they are disabled and never stopped, and once disabled they do no more harm.
_MAY_BE_STOPPED = ("ufw.service", "firewalld.service", "netfilter-persistent.service", "lfd.service")


@dataclass(frozen=True)
class Product:
    """A manager as packages bring it: it counts where its unit runs or will, and where its file says what it should."""

    name: str
    units: tuple[str, ...]
    files: tuple[str, ...] = ()
    pattern: str = ""


PRODUCTS = (
    Product("ufw", ("ufw.service",), ("etc/ufw/ufw.conf",), r"^ENABLED=[\"']?yes"),
    Product("firewalld", ("firewalld.service",)),
    Product(
        "the distribution's nftables.service",
        ("nftables.service",),
        ("etc/nftables.conf", "etc/sysconfig/nftables.conf"),
        r"^\s*flush\s+ruleset",
    ),
    Product("netfilter-persistent", ("netfilter-persistent.service",)),
    Product("iptables-services", ("iptables.service", "ip6tables.service")),
    Product("ferm", ("ferm.service",), ("etc/default/ferm",), r"^\s*ENABLED=[\"']?yes"),
    Product(
        "shorewall",
        ("shorewall.service", "shorewall6.service", "shorewall-lite.service", "shorewall6-lite.service"),
    ),
    Product("firehol", ("firehol.service",)),
    Product("foomuuri", ("foomuuri.service",)),
    Product("csf", ("csf.service", "lfd.service")),
)

KNOWN = ("gatehouse-firewall.service", *(unit for product in PRODUCTS for unit in product.units))


@dataclass(frozen=True)
class Manager:
    """A unit that was found to manage the firewall, and what was on when it was found."""

    name: str
    unit: str
    active: bool
    enabled: bool


class Managers:
    """The other managers of one host.

    ``ask`` runs a command; ``run`` does, and raises FirewallError where it fails; ``write`` replaces a file's content.
    """

    def __init__(
        self, ask: Run, run: Callable[[list[str]], None], write: Callable[[Path, str], None], root: Path = Path("/")
    ) -> None:
        """Keep the ways to run and to write; ``root`` is where the host's files lie."""
        self._ask = ask
        self._run = run
        self._write = write
        self._root = root
        self._record = root / RECORD

    def found(self) -> list[Manager]:
        """Return those that are active, or will be at the next boot."""
        if not (self._root / "run/systemd/system").is_dir():
            return []
        names = {
            **{unit: RESTORES for unit in restoring_units(self._root) if unit not in KNOWN},
            **{unit: product.name for product in PRODUCTS if self._says_so(product) for unit in product.units},
        }
        properties = "--property=Id,LoadState,ActiveState,UnitFileState"
        _code, output, _error = self._ask(["systemctl", "show", properties, *names], None)
        states = [
            dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in output.split("\n\n")
        ]
        managers = [
            Manager(
                names[state["Id"]],
                state["Id"],
                state.get("ActiveState") == "active",
                state.get("UnitFileState") == "enabled",
            )
            for state in states
            if state.get("Id") in names and state.get("LoadState") == "loaded"
        ]
        return [manager for manager in managers if manager.enabled or _does_harm_by_running(manager)]

    def take_over(self) -> None:
        """Stop and disable those that are found, and remember how they were."""
        found = self.found()
        if not found:
            return
        known = {manager.unit: manager for manager in (*found, *self._recorded())}
        self._write(self._record, json.dumps([asdict(manager) for manager in known.values()], indent=1))
        for manager in found:
            self._run(["systemctl", "disable", manager.unit])
            if manager.unit in _MAY_BE_STOPPED:
                self._run(["systemctl", "stop", manager.unit])

    def put_back(self) -> list[str]:
        """Enable and start again what was taken over; return what could not be."""
        failures = []
        for manager in self._recorded():
            wanted = [("enable", manager.enabled), ("start", manager.active)]
            for verb in (verb for verb, was_so in wanted if was_so):
                try:
                    self._run(["systemctl", verb, manager.unit])
                except FirewallError as error:
                    failures.append(f"{manager.name} was taken over and can't be put back: {error}")
        if self._record.exists():
            self._record.unlink()
        return failures

    def _recorded(self) -> list[Manager]:
        try:
            return [Manager(**fields) for fields in json.loads(self._record.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []

    def _says_so(self, product: Product) -> bool:
        texts = [path.read_text(errors="replace") for path in map(self._root.joinpath, product.files) if path.exists()]
        return not product.files or any(re.search(product.pattern, text, re.MULTILINE) for text in texts)


def _does_harm_by_running(manager: Manager) -> bool:
    return manager.active and manager.unit in _MAY_BE_STOPPED
