"""The fleet of the scenario as its tests see it: what nobody has declared, and who uses it."""

from __future__ import annotations

import json
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from containers import Completed, Lab, run_plainly
from prober import Probe, disagreements, in_namespace

INVENTORY = Path(__file__).parent / "inventory"
APPS = ("app1", "app2")
DECLARED, OVER_IPV4, OVER_IPV6, BY_UDP, NEVER = 443, 8080, 8443, 8053, 9999
ENFORCE = "--extra-vars=gatehouse_mode=enforce"
# Without what changes by itself, and the endings that the loader gives to the names of sets in turn.
RULES = {
    "app1": "nft --handle --stateless --terse list table inet gatehouse",
    "app2": r"{ iptables-save; ip6tables-save; } | grep '^-A.*GATEHOUSE'",
}

Counts = dict[tuple[str, str, int], int]


class Fleet(Lab):
    """The hosts, each by its name in the inventory."""

    prefix = "observe-"

    def __init__(self) -> None:
        super().__init__(INVENTORY)

    def playbook(self, name: str, *arguments: str) -> Completed:
        """Run one of our playbooks; it has the last word on what the inventory says."""
        return run_plainly(["ansible-playbook", f"--inventory={INVENTORY}", *arguments, f"gatehouse.firewall.{name}"])

    def rules(self) -> dict[str, str]:
        """Return each app's rules as its kernel has them, with their handles where there are any."""
        return {name: self.run(name, "sh", "-c", command) for name, command in RULES.items()}

    def observed(self) -> dict[str, dict[str, Any]]:
        """Return what each app tells by the module ruleset_info."""
        with tempfile.TemporaryDirectory() as folder:
            words = ["--module-name=gatehouse.firewall.ruleset_info", f"--tree={folder}"]
            done = run_plainly(
                [
                    "ansible",
                    f"--inventory={INVENTORY}",
                    *words,
                    "apps",
                    "--args=backend={{ gatehouse_backend | default('auto') }}",
                ]
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return {app: json.loads(Path(folder, app).read_text()) for app in APPS}

    def counts(self) -> dict[str, Counts]:
        """Return how often each peer was counted at each app, by protocol and port."""
        return {app: counts(told) for app, told in self.observed().items()}

    def probe(self, source: str, app: str, family: int, port: int, protocol: str = "tcp") -> Probe:
        """Return the question whether a machine reaches a port of an app."""
        ours, theirs = (self.hosts[name].address("private", family) for name in (source, app))
        return Probe(source, ours, app, theirs, protocol, port)

    def undeclared(self) -> list[Probe]:
        """Return what the clients of three services ask that no flow allows."""
        return [
            probe
            for app in APPS
            for probe in (
                self.probe("client1", app, 4, OVER_IPV4),
                self.probe("client1", app, 6, OVER_IPV6),
                self.probe("stranger", app, 4, BY_UDP, "udp"),
            )
        ]

    def never_used(self) -> list[Probe]:
        """Return what nobody has used while the hosts observed."""
        return [self.probe(*ends, NEVER) for ends in (("client1", app, family) for app in APPS for family in (4, 6))]

    def wrong(self, probes: list[Probe], passes: bool) -> list[str]:
        """Return what doesn't end as expected."""
        expected = dict.fromkeys(probes, passes)
        return list(map(str, disagreements(expected, self.namespaces, closed_passes=False)))

    def flood(self, app: str, ports: int) -> None:
        """Send a datagram to each of so many ports of an app, a few hundred at once."""
        target = self.hosts[app].address("private", 4)

        def send() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for port in range(20000, 20000 + ports):
                    sock.sendto(b"flood", (target, port))

        in_namespace(self.namespaces["stranger"], send)

    @contextmanager
    def conversation(self, app: str, port: int) -> Iterator[socket.socket]:
        """Yield the client's end of a connection that stays open, at whose other end an app sends back what it gets."""
        host = self.hosts[app].address("private", 4)
        listener = in_namespace(self.namespaces[app], lambda: socket.create_server((host, port)))
        client = in_namespace(self.namespaces["client1"], lambda: socket.create_connection((host, port), timeout=5))
        server, _address = listener.accept()
        echo = threading.Thread(target=_echo, args=[server])
        echo.start()
        try:
            yield client
        finally:
            client.close()
            echo.join()
            listener.close()


def _echo(server: socket.socket) -> None:
    server.settimeout(60)
    with server:
        while data := server.recv(64):
            server.sendall(data)


def counts(told: dict[str, Any]) -> Counts:
    """Return how often each peer was counted, by what an app tells."""
    return {(row["address"], row["protocol"], row["port"]): row["packets"] for row in told["observed"]}


def pasted(folder: Path, file: Path) -> str:
    """Return the argument by which the inventory has what a file of missing flows says, in a group's variables."""
    inventory = folder / "pasted"
    (inventory / "group_vars").mkdir(parents=True)
    (inventory / "nobody.yml").write_text("all: {}\n")
    (inventory / "group_vars" / "apps.yml").write_text(file.read_text())
    return f"--inventory={inventory}"


def rows(file: Path) -> dict[str, Any]:
    """Return what a file of missing flows has, and what comments say in it."""
    text = file.read_text()
    return {**yaml.safe_load(text), "comments": re.findall(r"(?m)^ *# .*$", text)}
