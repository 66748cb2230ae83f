"""The lab fleet as bare network namespaces: the hosts of the shared inventory on two bridges, and no way out.

No leg touches the machine's own network: the bridges live in a namespace of their own. Every name carries this process'
id, so that runs do not meet, and what a killed run left behind is swept away by the next.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address, ip_interface, ip_network
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from prober import Probe, ask, in_namespace

INVENTORY = Path(__file__).resolve().parents[2] / "molecule" / "shared" / "inventory"
TABLE = ("inet", "gatehouse")
JUMPS = {"INPUT": "filter", "OUTPUT": "filter", "PREROUTING": "mangle"}

Interface = IPv4Interface | IPv6Interface

_PREFIX = "gatehouse-packets"
_NUMBERS = count()
_INTERFACES = {"private": "eth0", "public": "eth1"}
_SETTINGS = {
    "ipv4/ip_forward": "0",
    "ipv6/conf/all/forwarding": "0",
    # Duplicate address detection makes the first seconds of IPv6 fail.
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
}


@dataclass(frozen=True)
class Host:
    """A host of the inventory: its name and its interfaces on each of the two networks."""

    name: str
    legs: Mapping[str, tuple[Interface, ...]]

    def address(self, leg: str, family: int) -> str:
        """Return its address on a network, in one family."""
        return next(str(interface.ip) for interface in self.legs[leg] if interface.version == family)

    @property
    def addresses(self) -> list[str]:
        """Return all its addresses."""
        return [str(interface.ip) for interfaces in self.legs.values() for interface in interfaces]


@dataclass(frozen=True)
class Lab:
    """Running namespaces, one for each host."""

    hosts: Mapping[str, Host]
    names: Mapping[str, str]

    @property
    def namespaces(self) -> dict[str, str]:
        """Return the path of each host's namespace, as the prober wants it."""
        return {host: f"/run/netns/{name}" for host, name in self.names.items()}

    def run(self, host: str, *command: str, text: str | None = None) -> str:
        """Run a command inside a host's network and return what it prints."""
        return _run("ip", "netns", "exec", self.names[host], *command, text=text)

    def harden(self, hosts: Iterable[str], rulesets: Path) -> None:
        """Load the hosts' ruleset files, each with the real programs of its backend."""
        for host in hosts:
            if (rulesets / f"{host}.nft").exists():
                self.run(host, "nft", "-f", str(rulesets / f"{host}.nft"))
            else:
                self._load_iptables(host, rulesets)
        self.forget()

    def _load_iptables(self, host: str, rulesets: Path) -> None:
        self.run(host, "ipset", "restore", "-file", str(rulesets / f"{host}.ipset"))
        for command, family in (("iptables", "v4"), ("ip6tables", "v6")):
            self.run(host, f"{command}-restore", "--noflush", str(rulesets / f"{host}.rules.{family}"))

    def forget(self) -> None:
        """Forget neighbours, which new rules must let be found, and connections, which they would let pass."""
        for host, name in self.names.items():
            _ip(name, ["neigh flush all"])
            self.run(host, "conntrack", "--flush")

    def unload(self) -> None:
        """Take our rules out of the packets' way, and nothing else, wherever they are."""
        for host in self.hosts:
            if "table {} {}".format(*TABLE) in self.run(host, "nft", "list", "tables").splitlines():
                self.run(host, "nft", "delete", "table", *TABLE)
            for command in ("iptables", "ip6tables"):
                self._remove_jumps(host, command)

    def _remove_jumps(self, host: str, command: str) -> None:
        rules = self.run(host, f"{command}-save").splitlines()
        for chain, table in JUMPS.items():
            jump = next((rule.split()[1:] for rule in rules if rule.startswith(f"-A {chain} -j GATEHOUSE-")), None)
            if jump:
                self.run(host, command, "-t", table, "-D", *jump)


def read_hosts(inventory: Path = INVENTORY) -> dict[str, Host]:
    """Return the hosts of the shared inventory, or of another one; the networks are those that most of them share."""
    shared = _read(INVENTORY / "every_lab.yml")["vars"]["lab_networks"]
    networks = [ip_network(prefix) for network in shared for prefix in network["prefixes"]]
    groups = _read(inventory / "hosts.yml")["children"].values()
    rows = {name: row for group in groups for name, row in group["hosts"].items() if row}
    return {name: _host(name, row["gatehouse_addresses"], networks) for name, row in rows.items()}


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text())["all"]
    return content


def _host(name: str, legs: Mapping[str, list[str]], networks: list[IPv4Network | IPv6Network]) -> Host:
    def interface(text: str) -> Interface:
        prefixes = (network.prefixlen for network in networks if ip_address(text) in network)
        return ip_interface(f"{text}/{next(prefixes, ip_network(text).prefixlen)}")

    return Host(name, {leg: tuple(map(interface, texts)) for leg, texts in legs.items()})


@contextmanager
def running(hosts: Mapping[str, Host]) -> Iterator[Lab]:
    """Start the fleet's namespaces, wait until everybody hears everybody, and take them down in the end."""
    _sweep()
    number = next(_NUMBERS)
    names = {host: f"{_PREFIX}-{os.getpid()}-{number}-{host}" for host in (*hosts, "switch")}
    try:
        _ip("", [f"netns add {name}" for name in names.values()])
        for name in names.values():
            in_namespace(f"/run/netns/{name}", _settle)
        _wire(hosts, names)
        lab = Lab(hosts, {host: names[host] for host in hosts})
        _wait_until_up(lab)
        yield lab
    finally:
        for name in names.values():
            _delete(name)


def _wire(hosts: Mapping[str, Host], names: Mapping[str, str]) -> None:
    switch = ["link set lo up"]
    for leg in _INTERFACES:
        # A snooping bridge loses the first neighbour solicitations, which are multicast.
        switch += [f"link add {leg} type bridge mcast_snooping 0", f"link set {leg} up"]
    for number, host in enumerate(hosts.values()):
        for leg in host.legs:
            port = f"{leg}{number}"
            switch.append(f"link add {port} type veth peer name {_INTERFACES[leg]} netns {names[host.name]}")
            switch.append(f"link set {port} master {leg} up")
    _ip(names["switch"], switch)
    for host in hosts.values():
        _ip(names[host.name], ["link set lo up", *_legs(host)])


def _legs(host: Host) -> Iterator[str]:
    for leg, interfaces in host.legs.items():
        yield f"link set {_INTERFACES[leg]} up"
        for interface in interfaces:
            yield f"address add {interface} dev {_INTERFACES[leg]} {'nodad' if interface.version == 6 else ''}"


def _settle() -> None:
    for key, value in _SETTINGS.items():
        Path("/proc/sys/net", key).write_text(value)


def _wait_until_up(lab: Lab, seconds: float = 10.0) -> None:
    # A link's carrier is noticed late; until then neighbour solicitations are lost and asked again a second later.
    waiting = set(_greetings(lab.hosts))
    end = time.monotonic() + seconds
    while waiting:
        answers = ask(waiting, lab.namespaces, 0.1)
        waiting = {probe for probe, passed in answers.items() if not passed}
        if time.monotonic() > end:
            raise TimeoutError(f"the lab's network did not come up: {min(waiting)}")


def _greetings(hosts: Mapping[str, Host]) -> Iterator[Probe]:
    for leg in _INTERFACES:
        here = [host for host in hosts.values() if leg in host.legs]
        pairs = ((one, other) for one in here for other in here if one != other)
        for one, other in pairs:
            for family in (4, 6):
                yield Probe(one.name, one.address(leg, family), other.name, other.address(leg, family), "tcp", 9)


def _sweep() -> None:
    for path in Path("/run/netns").glob(f"{_PREFIX}-*"):
        if not Path("/proc", path.name.removeprefix(f"{_PREFIX}-").split("-")[0]).exists():
            _delete(path.name)


def _delete(name: str) -> None:
    subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)


def _ip(namespace: str, lines: list[str]) -> None:
    where = ["-n", namespace] if namespace else []
    _run("ip", *where, "-batch", "-", text="\n".join(lines) + "\n")


def _run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
