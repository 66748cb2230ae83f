"""The cluster of the scenario as its tests see it, and expected.yml as probes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from containers import Completed, Lab, playbook
from lab import Host
from prober import Probe

HERE = Path(__file__).parent
INVENTORY = HERE / "inventory"
BACKENDS = ("nftables", "iptables")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


EXPECTED = _read(HERE / "tests" / "expected.yml")
SERVICE_ADDRESSES = _read(INVENTORY / "lab.yml")["all"]["vars"]["lab_service_addresses"]


class Cluster(Lab):
    """The nodes, their pods and whoever asks for node ports, each by its name in the inventory."""

    prefix = "gatehouse-np-"

    outside = ("outside", "pods")

    def __init__(self) -> None:
        super().__init__(INVENTORY)
        self.shared = self.managed

    def harden(self, backend: str, *arguments: str) -> Completed:
        """Run the main playbook over the cluster; return how it went."""
        return playbook("harden", f"--extra-vars=gatehouse_backend={backend}", *arguments, inventory=INVENTORY)

    def remove(self) -> Completed:
        """Take everything of ours away again; return how it went."""
        return playbook("remove", "--limit=k8s_nodes", inventory=INVENTORY)


def expected(cluster: Cluster) -> dict[Probe, bool]:
    """Return every probe that expected.yml speaks of, and whether it passes."""
    found = {probe: True for row in EXPECTED["direct"] for probe in _direct(cluster, **row)}
    for leg, rows in EXPECTED["passes"].items():
        for source, passes in rows.items():
            for place, ports in passes.items():
                asked = _asked(cluster, source, leg, place)
                found.update((probe, f"{probe.port}/{probe.protocol}" in ports) for probe in asked)
    return found


def probes(cluster: Cluster, source: str, target: str, leg: str, ports: Iterable[str]) -> Iterator[Probe]:
    """Yield the questions whether one host reaches these ports of another over a network, IPv4 and IPv6."""
    addresses = [cluster.hosts[target].address(leg, family) for family in (4, 6)]
    return _probes(cluster.hosts[source], leg, target, addresses, ports)


def _direct(cluster: Cluster, ends: Sequence[str], over: str, port: str, source_port: int = 0) -> Iterator[Probe]:
    for probe in probes(cluster, *ends, over, [port]):
        yield replace(probe, source_port=source_port)


def _asked(cluster: Cluster, source: str, leg: str, place: str) -> Iterator[Probe]:
    ports = EXPECTED["asked"][place]
    for node in cluster.managed:
        if place == "nodes":
            yield from probes(cluster, source, node, leg, ports)
        else:
            yield from _probes(cluster.hosts[source], leg, node, SERVICE_ADDRESSES[node][place], ports)


def _probes(source: Host, leg: str, target: str, addresses: Sequence[str], ports: Iterable[str]) -> Iterator[Probe]:
    for port, protocol in (text.split("/") for text in ports):
        for family, address in zip((4, 6), addresses, strict=True):
            yield Probe(source.name, source.address(leg, family), target, address, protocol, int(port))
