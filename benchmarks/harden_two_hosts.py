"""Harden two hosts with thirty flows, against one bare script task on the same hosts.

The hosts are containers, and Ansible and they share a network of namespaces that leads nowhere else. Every run begins
without an open ssh connection, as it does when nobody has run Ansible for a minute. A first run meets hosts that have
nothing of ours, and are taken back to that between rounds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import Figure, Missing, Options, Outcome, Samples, seconds, take_turns
from namespaces import Namespace, namespace

ROUNDS = 9
HERE = Path(__file__).parent / "two_hosts"
INVENTORY = f"--inventory={HERE / 'inventory'}"
BUILD = Path(__file__).parent.parent / "molecule/shared/image/build.sh"
RELEASE = "12"
CONTROLLER = "198.51.100.129/28"
ADDRESSES = {"gatehouse-bench-1": "198.51.100.130/28", "gatehouse-bench-2": "198.51.100.131/28"}
TITLES = ("harden 2 hosts, first run", "harden 2 hosts, nothing to change")


def measure(options: Options) -> list[Outcome]:
    """Measure a first run, and a run that has nothing to change."""
    missing = [command for command in ("podman", "ssh", "ssh-keygen") if not shutil.which(command)]
    if missing:
        return [Missing(title, f"needs {', '.join(missing)}") for title in TITLES]
    with tempfile.TemporaryDirectory(prefix="gatehouse-") as folder, namespace() as here:
        controller = _Controller(here, Path(folder))
        with _hosts(here, controller.make_key()), controller.disconnected_in_the_end():
            controller.warm_up()
            samples = take_turns(
                options.rounds_or(ROUNDS),
                {"first": controller.first_run, "again": controller.run_again, "script": controller.script},
            )
    bound = Samples("one bare `script` task", samples["script"])
    return [
        Figure(TITLES[0], Samples("first", samples["first"]), bound, "at most", 3),
        Figure(TITLES[1], Samples("again", samples["again"]), bound, "at most", 2),
    ]


@dataclass(frozen=True)
class _Controller:
    """Ansible in a namespace, with keys and connections of its own; their folder's name is short, as sockets need."""

    here: Namespace
    folder: Path

    def make_key(self) -> Path:
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "id_ed25519"))
        return self.folder / "id_ed25519.pub"

    def warm_up(self) -> None:
        """Run each once, so that the first round finds caches as warm as the others do."""
        self.script()
        self.first_run()
        self.run_again()

    def first_run(self) -> float:
        self._ansible("ansible", INVENTORY, "all", "-m", "gatehouse.firewall.ruleset", "-a", "state=absent")
        return self._playbook("gatehouse.firewall.harden", changed=1)

    def run_again(self) -> float:
        return self._playbook("gatehouse.firewall.harden", changed=0)

    def script(self) -> float:
        return self._playbook(str(HERE / "script.yml"), changed=0)

    @contextmanager
    def disconnected_in_the_end(self) -> Iterator[None]:
        """Close the connections that ssh keeps in the end, or they outlive the namespace's other users."""
        try:
            yield
        finally:
            self._disconnect()

    def _playbook(self, playbook: str, changed: int) -> float:
        """Return how long a playbook takes; raise where it doesn't change as many things on each host."""
        self._disconnect()
        outputs: list[str] = []
        took = seconds(lambda: outputs.append(self._ansible("ansible-playbook", INVENTORY, playbook)))
        if outputs[0].count(f"changed={changed} ") != len(ADDRESSES):
            raise RuntimeError(f"{playbook} did not change {changed} on each host:\n{outputs[0]}")
        return took

    def _ansible(self, *words: str) -> str:
        variables = {"GATEHOUSE_BENCH_KEYS": self.folder, "ANSIBLE_SSH_CONTROL_PATH_DIR": self.folder / "cp"}
        return _run(*self.here.words(*words), **{name: str(path) for name, path in variables.items()})

    def _disconnect(self) -> None:
        for socket in (self.folder / "cp").glob("*"):
            _try("ssh", "-O", "exit", "-S", str(socket), "host")


@contextmanager
def _hosts(here: Namespace, key: Path) -> Iterator[None]:
    """Start the containers on a bridge in a namespace; remove them in the end."""
    _run(str(BUILD), RELEASE)
    here.run("ip", "link", "add", "bridge", "type", "bridge")
    here.run("ip", "address", "add", CONTROLLER, "dev", "bridge")
    here.run("ip", "link", "set", "bridge", "up")
    try:
        _remove()
        for number, name in enumerate(ADDRESSES):
            _start(name, key)
            _plug_in(here, name, f"host{number}")
        for name in ADDRESSES:
            _wait_until_booted(name)
        yield
    finally:
        _remove()


def _start(name: str, key: Path) -> None:
    _run(
        *("podman", "run", "--detach", f"--name={name}", f"--hostname={name}", "--systemd=always"),
        *("--network=none", "--cap-add=NET_ADMIN,NET_RAW", f"--volume={key}:/root/.ssh/authorized_keys:ro"),
        *(f"localhost/gatehouse-lab:{RELEASE}", "/sbin/init"),
    )


def _plug_in(here: Namespace, name: str, port: str) -> None:
    """Connect a container, whose network has nothing in it yet, to the bridge."""
    pid = _run("podman", "inspect", "--format={{.State.Pid}}", name).strip()
    here.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid)
    here.run("ip", "link", "set", port, "master", "bridge", "up")
    _run("podman", "exec", name, "ip", "address", "add", ADDRESSES[name], "dev", "eth0")
    _run("podman", "exec", name, "ip", "link", "set", "eth0", "up")


def _wait_until_booted(name: str) -> None:
    deadline = time.monotonic() + 30
    # Right after the start, there is no bus to ask yet.
    while _try("podman", "exec", name, "systemctl", "is-system-running", "--wait").strip() != "running":
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} does not boot")
        time.sleep(0.2)


def _remove() -> None:
    _run("podman", "rm", "--force", "--ignore", "--time=0", *ADDRESSES)


def _try(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def _run(*words: str, **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
