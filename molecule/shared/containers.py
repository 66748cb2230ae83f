"""The lab of containers as its tests and its table of reachability see it; probes are those of tests/packets."""

from __future__ import annotations

import atexit
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

sys.path[:0] = [str(ROOT / "tests" / "packets"), str(ROOT / "tests" / "playbooks"), str(ROOT / "tests")]
from ansible_runs import Prestarted  # noqa: E402
from lab import INVENTORY as SHARED_INVENTORY  # noqa: E402
from lab import Host, read_hosts  # noqa: E402
from patience import wait_until  # noqa: E402
from prober import Probe  # noqa: E402

SCENARIO = Path(os.environ.get("MOLECULE_SCENARIO_DIRECTORY", "")) / "inventory"
INVENTORY = SCENARIO if SCENARIO.is_dir() else SHARED_INVENTORY
RULE_ADDED_BY_HAND = {
    "nftables": "nft add rule inet gatehouse input_tcp_22 tcp dport 22 accept",
    "iptables": "iptables -I GATEHOUSE-INPUT-TCP-22 -p tcp --dport 22 -j RETURN",
}
BOOT_FILES = {"nftables": "/etc/gatehouse/ruleset.nft", "iptables": "/etc/gatehouse/ruleset.iptables"}
# Without what is another each time: what the kernel puts into sets, how it lays out those of ipset, and the endings
# that the loader gives to the names of sets in turn.
SHOW_NFTABLES = r"""nft --stateless list table inet gatehouse |
    awk '/^\tset (observed|denied)\.[a-z]+\./ { filled = 1 } /^\t}/ { filled = 0 } !filled || !/^\t\t(elements|\t)/'"""
SHOW_IPTABLES = r"""{ iptables-save; ip6tables-save; ipset save | sort; } | grep -i gatehouse- |
    grep -v '^add gatehouse-\(in\|out\|pre\|src\)[46]\.' |
    sed 's/ \(hashsize\|bucketsize\|initval\) [^ ]*//g; s/\(gatehouse-[^ ]*-[0-9a-f]\{8\}\)\.[a-e]/\1/g'"""
# Of both backends, so that nothing of the one is left unseen beside the other.
SHOW = f"{{ {SHOW_NFTABLES}; {SHOW_IPTABLES}; }} 2>/dev/null || true"
# What stands for a change that waits to be confirmed, and judges nothing.
MARKER = re.compile(r"(?<=\n)\n\tchain armed\.\w+ \{\n\t\}\n|^(?::|-A )GATEHOUSE-ARMED .*\n", re.MULTILINE)
# A first change, and one that mends a failed boot, leave our unit to load once more what is in force.
SETTLED = "while systemctl list-jobs --no-legend 2>/dev/null | grep -q gatehouse-firewall; do sleep 0.1; done"
UNLOAD = """nft delete table inet gatehouse 2>/dev/null
for command in iptables ip6tables; do
    $command -D INPUT -j GATEHOUSE-INPUT
    $command -D OUTPUT -j GATEHOUSE-OUTPUT
    $command -t mangle -D PREROUTING -j GATEHOUSE-PRE-DNAT
done 2>/dev/null
true"""

# For nsenter: tests look at hosts hundreds of times, and `podman exec` takes twenty times its CPU.
WHOLE_HOST = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
ON_A_HOST = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "container": "podman",
}

# A login of its own, by the cheapest key exchange that every Debian's sshd has: tests log in again and again.
_LOGIN = {
    "ControlPath": "none",
    "KexAlgorithms": "curve25519-sha256",
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
}

# What a user has, where Molecule has settings of its own.
PLAIN = {**os.environ, "ANSIBLE_DISPLAY_FAILED_STDERR": "false", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}

Completed = subprocess.CompletedProcess[str]
Port = tuple[str, int]


class Lab:
    """The hosts that molecule/shared/create.yml started, each by its name in the inventory.

    ``prefix`` is what stands before a host's name in its container's; nobody but us changes the ``outside`` ones.
    """

    prefix = "gatehouse-"
    outside: tuple[str, ...] = ("outside",)

    def __init__(self, inventory: Path = INVENTORY) -> None:
        self.inventory = inventory
        self.hosts = read_hosts(inventory)
        self.managed = [name for name in self.hosts if name not in members(inventory / "hosts.yml", *self.outside)]
        self.shared = members(inventory / "lab.yml", "lab_shared")
        by_iptables = members(inventory / "lab_backends.yml", "by_iptables")
        self.backends = {name: "iptables" if name in by_iptables else "nftables" for name in self.managed}

    @property
    def namespaces(self) -> dict[str, str]:
        """Return where each host's network namespace is."""
        found = {name: Path(f"/proc/{pid}/ns/net") for name, pid in self._pids.items()}
        if Path("/proc/self/ns/net").readlink() in {path.readlink() for path in found.values()}:
            raise RuntimeError("a host of the lab shares this machine's own network: nothing may be probed from it")
        return {name: str(path) for name, path in found.items()}

    @cached_property
    def _pids(self) -> dict[str, str]:
        return dict(zip(self.hosts, self._first_processes(*self.hosts), strict=True))

    def _first_processes(self, *names: str) -> list[str]:
        containers = [f"{self.prefix}{name}" for name in names]
        return _output("podman", "inspect", "--format={{.State.Pid}}", *containers).split()

    def inside(self, name: str, *command: str) -> list[str]:
        """Return the command that runs another as root of a host."""
        return ["nsenter", f"--target={self._pids[name]}", *WHOLE_HOST, *command]

    def run(self, name: str, *command: str) -> str:
        """Return what a command prints on a host; fail if it fails."""
        return _output(*self.inside(name, *command), env=ON_A_HOST)

    def everywhere(self, script: str) -> dict[str, str]:
        """Return what a line of shell prints on each managed host; fail if it fails on one."""
        return self._on(self.managed, script)

    def foreign_changes(self) -> dict[str, str]:
        """Return how the rules that prepare.yml planted differ from then, on each host that has some."""
        return self._on(self.shared, "foreign show | diff /root/foreign.before - || true")

    def _on(self, names: list[str], script: str) -> dict[str, str]:
        with ThreadPoolExecutor(len(names)) as pool:
            answers = pool.map(lambda name: self.run(name, "sh", "-c", script), names)
            return dict(zip(names, answers, strict=True))

    def rulesets(self) -> dict[str, str]:
        """Return our rules as each managed host's kernel has them, of both backends and without counters."""
        return self.settled(SHOW)

    def states(self) -> dict[str, str]:
        """Return all that a change would change on each managed host: our rules, and what the next boot loads."""
        return self.settled(f"{SHOW}; cat /etc/gatehouse/ruleset.*")

    def settled(self, script: str) -> dict[str, str]:
        """Return what a script prints on each managed host once our unit has loaded what it had to."""
        return {name: MARKER.sub("", text) for name, text in self.everywhere(f"{SETTLED}; {script}").items()}

    def ruleset(self, name: str) -> str:
        """Return our rules as a host's kernel has them now, while a change may be under way."""
        return MARKER.sub("", self.run(name, "sh", "-c", SHOW))

    def unload(self) -> None:
        """Take our rules out of every kernel's way; boot files and units stay."""
        self.everywhere(UNLOAD)

    def restart(self, name: str) -> None:
        """Restart a host, as a reboot does: in a new network namespace, with nothing in it; return when it is up."""
        _output("podman", "restart", "--time=30", f"{self.prefix}{name}")
        # Of this host alone: others that restart at the same time may not have their new process yet.
        self._pids[name], *_none = self._first_processes(name)
        wait_until(lambda: self._state(name) in ("running", "degraded"), 30)

    def _state(self, name: str) -> str:
        command = self.inside(name, "systemctl", "is-system-running", "--wait")
        return subprocess.run(command, capture_output=True, text=True, check=False, env=ON_A_HOST).stdout.strip()


def probes(source: Host, target: Host, ports: Iterable[Port]) -> Iterator[Probe]:
    """Yield the questions whether source reaches these ports of target, on every network of both, IPv4 and IPv6."""
    legs = source.legs.keys() & target.legs.keys()
    roads = [(source.address(leg, family), target.address(leg, family)) for leg in legs for family in (4, 6)]
    for port in ports:
        yield from (Probe(source.name, ours, target.name, theirs, *port) for ours, theirs in roads)


def playbook_command(name: str, *arguments: str, inventory: Path = INVENTORY) -> list[str]:
    """Return the command that runs one of our playbooks over the lab, as a user would, with more arguments."""
    return ["ansible-playbook", f"--inventory={inventory}", *arguments, f"gatehouse.firewall.{name}"]


def playbook(name: str, *arguments: str, inventory: Path = INVENTORY) -> Completed:
    """Run one of our playbooks over the lab with more arguments; return how it went."""
    return run_plainly(playbook_command(name, *arguments, inventory=inventory))


def run_plainly(command: list[str], cwd: Path | None = None) -> Completed:
    """Run a command of Ansible's as a user does; return how it went."""
    if command[0] == "ansible-playbook":
        return _ansible().run(command, cwd or Path.cwd(), PLAIN)
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=PLAIN)


@cache
def _ansible() -> Prestarted:
    """Return what has imported Ansible once for all runs."""
    folder = tempfile.TemporaryDirectory()
    found = Prestarted(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(found.stop)
    return found


def ssh(key: Path, address: str, timeout: int) -> list[str]:
    """Return the command that logs in as root over a connection of its own; what to do there follows."""
    options = {**_LOGIN, "ConnectTimeout": str(timeout)}
    return ["ssh", "-q", "-i", str(key), *(f"-o{name}={value}" for name, value in options.items()), f"root@{address}"]


def login_works(key: Path, address: str, timeout: int) -> bool:
    """Return whether a login over a connection of its own works."""
    # Without standard input: ssh would make it non-blocking, which a playbook that has it, too, refuses to work with.
    command = [*ssh(key, address, timeout), "true"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def kill(process: subprocess.Popen[Any]) -> None:
    """Kill a playbook and its workers, each of which has a session of its own."""
    family = [process.pid]
    for pid in family:  # it grows meanwhile
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
        family += map(int, found.stdout.split())
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()


def harden(*arguments: str) -> Completed:
    """Run the main playbook over the lab with more arguments; return how it went."""
    return playbook("harden", *arguments)


def members(file: Path, *groups: str) -> list[str]:
    """Return the hosts of those of the groups that a file of an inventory has."""
    children = yaml.safe_load(file.read_text())["all"]["children"] if file.exists() else {}
    return [name for group in groups if group in children for name in children[group]["hosts"]]


def _output(*command: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
