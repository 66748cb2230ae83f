"""The fleet of the scenario as its tests see it: its name server, and what is in its kernels."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

import yaml
from containers import ON_A_HOST, SHOW_IPTABLES, SHOW_NFTABLES, Completed, Lab, playbook_command, run_plainly
from lab import Host
from patience import wait_until
from prober import Probe
from streams import Stream

INVENTORY = Path(__file__).parent / "inventory"
NAME = "git.example.org"
APPS = ("app1", "app2", "app3")
TTL = 2  # seconds; the model's bounds are 1 and 10
# The longest an answer counts, and what it had after it, the pause between two questions, and a busy machine.
PATIENCE = 10 + 10 + 1 + 4
BY_NAME = {
    "gatehouse_zones": [
        *(row for row in yaml.safe_load((INVENTORY / "group_vars" / "all.yml").read_text())["gatehouse_zones"][:2]),
        {"name": "vcs", "hostnames": [NAME]},
    ]
}
RULES = {
    "app1": "nft --handle --stateless list table inet gatehouse",
    "app2": "iptables-save | grep GATEHOUSE; ip6tables-save | grep GATEHOUSE",
    "app3": "nft --handle --stateless list table inet gatehouse",
}


class NameServer:
    """A real one, dnsmasq, on the host dns."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._process: subprocess.Popen[bytes] | None = None

    def answer(self, *records: str) -> None:
        """Answer with dnsmasq's records, as ``--host-record=…``, and with nothing else."""
        self.die()
        words = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=/run/dnsmasq.pid"]
        command = self._lab.inside("dns", "dnsmasq", *words, *records)
        self._process = subprocess.Popen(command, env=ON_A_HOST)
        wait_until(lambda: self._lab.run("dns", "ss", "-lnuH", "sport = 53") != "", 5)

    def die(self) -> None:
        """Answer nobody any more."""
        if self._process:
            self._lab.run("dns", "sh", "-c", "kill $(cat /run/dnsmasq.pid)")
            self._process.wait()
            self._process = None


class Fleet(Lab):
    """The hosts, each by its name in the inventory."""

    outside = ("outside", "newcomers")

    def __init__(self) -> None:
        super().__init__(INVENTORY)

    def record(self, host: str) -> str:
        """Return the record by which the name is a host of the lab."""
        return f"--host-record={NAME},{','.join(self.hosts[host].addresses)},{TTL}"

    def rules(self) -> dict[str, str]:
        """Return each app's rules with their handles, without what is in sets and the endings of their names."""
        texts = {name: self.run(name, "sh", "-c", command) for name, command in RULES.items()}
        return {
            name: re.sub(r"\s*elements = \{[^}]*\}|(?<=-[0-9a-f]{8})\.[a-e]\b", "", text)
            for name, text in texts.items()
        }

    def playbook(self, name: str, *arguments: str, knows: str = "git1") -> Completed:
        """Run one of our playbooks on a machine that knows the name as a host of the lab."""
        lines = [f"{address} {NAME}" for address in self.hosts[knows].addresses]
        with tempfile.NamedTemporaryFile("w") as hosts:
            hosts.write(Path("/etc/hosts").read_text() + "\n".join(lines) + "\n")
            hosts.flush()
            # In a mount namespace of its own, so that this machine's own names stay as they are.
            script = 'mount --bind "$0" /etc/hosts && exec "$@"'
            command = playbook_command(name, *arguments, inventory=INVENTORY)
            wrapped = ["unshare", "--mount", "sh", "-c", script, hosts.name, *command]
            return run_plainly(wrapped)

    @staticmethod
    def by_name() -> str:
        """Return the variables by which the zone is known by its name."""
        return json.dumps(BY_NAME)

    def run_prepare(self) -> None:
        """Show every app its name server again, after a boot."""
        script = "printf 'nameserver 198.51.100.53\\noptions timeout:1 attempts:1\\n' > /etc/resolv.conf"
        for app in APPS:
            self.run(app, "sh", "-c", script)

    def states(self) -> dict[str, str]:
        """Return all that a change would change on each managed host: our rules, and what the next boot loads."""
        ours = f"{SHOW_NFTABLES}; {SHOW_IPTABLES}; cat /etc/gatehouse/ruleset.*"
        return self.settled(f"{{ {ours}; }} 2>/dev/null || true")

    def harden(self, *arguments: str, knows: str = "git1") -> Completed:
        """Harden the fleet with the zone by its name."""
        return self.playbook("harden", f"--extra-vars={json.dumps(BY_NAME)}", *arguments, knows=knows)

    def stream(self, app: str) -> Stream:
        """Return new connections of a client's to an app, all of which should pass."""
        ends = [(self.namespaces[name], self.hosts[name].address("private", 4)) for name in ("client1", app)]
        return Stream(*ends[0], *ends[1], 8080)

    def talk(self, outside: str, passes: bool) -> dict[Probe, bool]:
        """Return the probes by which apps and another host reach each other on the zone's ports, or don't."""
        found = {}
        for app in APPS:
            found.update(dict.fromkeys(probes(self.hosts[app], self.hosts[outside], "tcp", 443), passes))
            found.update(dict.fromkeys(probes(self.hosts[outside], self.hosts[app], "tcp", 8443), passes))
        return found


def probes(source: Host, target: Host, protocol: str, port: int) -> list[Probe]:
    """Return the questions whether one host reaches a port of another, IPv4 and IPv6."""
    ends = [(source.address("private", family), target.address("private", family)) for family in (4, 6)]
    return [Probe(source.name, ours, target.name, theirs, protocol, port) for ours, theirs in ends]
