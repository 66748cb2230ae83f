"""The systems that are data alone, a folder each: its inventory, and what packets must do in each variant of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import expectations
from lab import Host, Lab, read_hosts, running
from plans import Planner
from prober import listening

FOLDER = Path(__file__).parent / "systems"


@dataclass(frozen=True)
class System:
    """One documented system: who plays it, and each of its variants by name."""

    name: str

    @property
    def inventory(self) -> Path:
        """Return the inventory as a user writes it."""
        return FOLDER / self.name / "inventory"

    @cached_property
    def hosts(self) -> dict[str, Host]:
        """Return the hosts of the inventory."""
        return read_hosts(self.inventory)

    @cached_property
    def variants(self) -> dict[str, expectations.Expectation]:
        """Return what is expected in each variant."""
        folder = FOLDER / self.name / "expected"
        return {path.stem: expectations.read(path.stem, folder) for path in sorted(folder.glob("*.yml"))}

    def managed(self, variant: str) -> list[str]:
        """Return the hosts that are hardened."""
        expected = self.variants[variant]
        return [host for kind in expected.managed for host in expected.hosts[kind]]

    def start_plans(self, planner: Planner) -> dict[str, Future[Path]]:
        """Start a plan of every variant; each result is a folder of rulesets."""
        return {
            name: planner.start(f"{self.name}-{name}", variant.variables(self.hosts), inventory=self.inventory)
            for name, variant in self.variants.items()
        }

    @contextmanager
    def running(self) -> Iterator[Lab]:
        """Run the hosts as namespaces, all of which listen on every port that a variant asks for."""
        ports = {port for variant in self.variants.values() for _protocol, port in variant.probed}
        with running(self.hosts) as lab, listening(lab.namespaces, ports, ports):
            yield lab


SYSTEMS: Mapping[str, System] = {path.name: System(path.name) for path in sorted(FOLDER.iterdir())}
VARIANTS = [(system, variant) for system in SYSTEMS for variant in SYSTEMS[system].variants]
