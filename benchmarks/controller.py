"""Ansible in a namespace, over ssh to the hosts of a benchmark: harden, and one bare script task to compare with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import seconds
from namespaces import Namespace

SCRIPT = Path(__file__).parent / "two_hosts/script.yml"


@dataclass(frozen=True)
class Controller:
    """Ansible with keys and connections of its own; their folder's name is short, as sockets need.

    Every run begins without an open ssh connection, as it does when nobody has run Ansible for a minute.
    """

    here: Namespace
    folder: Path
    inventory: Path
    hosts: int
    forks: int = 5

    def make_key(self) -> Path:
        """Return the public key that lets Ansible in."""
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "id_ed25519"))
        return self.folder / "id_ed25519.pub"

    def warm_up(self) -> None:
        """Run each once, so that the first round finds caches as warm as the others do."""
        self.script()
        self.first_run()
        self.run_again()

    def first_run(self) -> float:
        """Take hosts that have nothing of ours to the model; return how long that takes."""
        self._ansible("ansible", "all", "-m", "gatehouse.firewall.ruleset", "-a", "state=absent")
        return self._playbook("gatehouse.firewall.harden", changed=1)

    def run_again(self) -> float:
        """Return how long harden takes where nothing changes."""
        return self._playbook("gatehouse.firewall.harden", changed=0)

    def script(self) -> float:
        """Return how long a script takes that changes nothing."""
        return self._playbook(str(SCRIPT), changed=0)

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
        took = seconds(lambda: outputs.append(self._ansible("ansible-playbook", playbook)))
        if outputs[0].count(f"changed={changed} ") != self.hosts:
            raise RuntimeError(f"{playbook} did not change {changed} on each host:\n{outputs[0]}")
        return took

    def _ansible(self, command: str, *words: str) -> str:
        variables = {"GATEHOUSE_BENCH_KEYS": self.folder, "ANSIBLE_SSH_CONTROL_PATH_DIR": self.folder / "cp"}
        command_line = self.here.words(command, f"--inventory={self.inventory}", f"--forks={self.forks}", *words)
        return run(*command_line, **{name: str(path) for name, path in variables.items()})

    def _disconnect(self) -> None:
        for socket in (self.folder / "cp").glob("*"):
            attempt("ssh", "-O", "exit", "-S", str(socket), "host")


def attempt(*words: str) -> str:
    """Run a command, and return what it prints."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def run(*words: str, **variables: str) -> str:
    """Run a command with these variables beside the environment's, and return what it prints; fail if it fails."""
    environment = {**os.environ, **variables}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
