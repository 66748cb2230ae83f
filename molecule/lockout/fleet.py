"""The small fleet of the scenario as its tests see it: over real ssh, and in the kernel."""

from __future__ import annotations

import json
import select
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from containers import PLAIN, ROOT, SHOW, Completed, Lab, login_works, playbook, playbook_command, run_plainly, ssh
from patience import Patience, wait_until

HERE = Path(__file__).parent
INVENTORY = HERE / "inventory"
KEY = ROOT / ".cache" / "lockout" / "id_ed25519"
ON_DISK = "cat /etc/gatehouse/ruleset.* 2>/dev/null || true"

Result = TypeVar("Result")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


MODEL = _read(INVENTORY / "group_vars" / "all.yml")


def with_flow(name: str) -> dict[str, Any]:
    """Return the model with one more flow."""
    flow = {"name": name, "from": ["office"], "to": ["app", "store"], "ports": ["8100/tcp"], "why": "a change"}
    return {"gatehouse_flows": [*MODEL["gatehouse_flows"], flow]}


ANOTHER_MODEL, A_THIRD_MODEL = with_flow("another"), with_flow("third")
CUTS_US_OFF = {  # in the family that each class is managed over, and in no other
    "gatehouse_zones": [
        {"name": "app_admins", "networks": ["2001:db8:31::1"]},
        {"name": "store_admins", "networks": ["203.0.113.65"]},
        MODEL["gatehouse_zones"][2],
    ],
    "gatehouse_allow_self_lockout": True,
    "gatehouse_accept_shrink": ["app_admins", "store_admins"],
}
ALL_AT_ONCE = {"gatehouse_serial": "100%"}
THE_OTHER_BACKEND = {"gatehouse_backend": "{{ lab_other_backend }}"}
OVER_THE_OTHER_FAMILY = {"ansible_host": "{{ lab_other_host }}"}


class State(NamedTuple):
    """Our rules as the kernel has them, and what the next boot loads."""

    rules: str
    boot_file: str


class Fleet(Lab):
    """The hosts, each by its name in the inventory."""

    prefix = "gatehouse-lo-"

    def __init__(self) -> None:
        super().__init__(INVENTORY)
        groups = _read(INVENTORY / "hosts.yml")["all"]["children"]
        rows = {name: row for group in groups.values() for name, row in group["hosts"].items()}
        self._ansible_host = {name: rows[name]["ansible_host"] for name in self.managed}
        self.backends = {name: rows[name].get("gatehouse_backend", "nftables") for name in self.managed}

    def states(self) -> dict[str, State]:
        """Return all that a change would change on each host."""
        texts = self.settled(f"{SHOW}; echo '# boot'; {ON_DISK}")
        return {name: State(*text.split("# boot\n", 1)) for name, text in texts.items()}

    def differences(self, expected: dict[str, State]) -> list[str]:
        """Return each line that some host has and should not have, or the other way round; none if all is as it was."""
        found = []
        for name, state in self.states().items():
            for part, ours, theirs in zip(State._fields, expected[name], state, strict=True):
                names = f"{name}: {part} as expected", f"{name}: {part}"
                found += unified_diff(ours.splitlines(), theirs.splitlines(), *names, n=0, lineterm="")
        return found

    def await_change(self, name: str, seconds: float = 40) -> float:
        """Wait until a host's rules change; return the last moment (of time.monotonic) when they hadn't yet."""
        before, unchanged = self.ruleset(name), time.monotonic()
        patience = Patience(seconds)
        while True:
            asked = time.monotonic()
            if self.ruleset(name) != before:
                return unchanged
            unchanged = asked
            assert not patience.is_over, f"the rules of {name} did not change: {patience}"
            time.sleep(0.5)  # to ask more often would keep the machine from what is waited for

    def copy(self, folder: Path, name: str, target: str) -> None:
        """Copy what is in a folder to a host."""
        subprocess.run(["podman", "cp", f"{folder}/.", f"{self.prefix}{name}:{target}"], check=True)

    def each(self, function: Callable[[str], Result]) -> dict[str, Result]:
        """Return what a function returns for each managed host, all of them at once."""
        with ThreadPoolExecutor(len(self.managed)) as pool:
            return dict(zip(self.managed, pool.map(function, self.managed), strict=True))

    def make_bare(self) -> None:
        """Take everything of ours away, and connection tracking with it."""
        done = playbook("remove", "--limit=apps:stores", inventory=INVENTORY)
        assert done.returncode == 0, done.stdout + done.stderr
        self.restart_all()

    def make_bare_unless_they_are(self) -> None:
        """Do so where there is something of ours on a host."""
        if any(any(state) for state in self.states().values()):
            self.make_bare()

    def restart_all(self) -> None:
        """Restart every managed host, and wait until it can be asked for a login."""
        self.each(self.restart)
        self.await_logins(10)

    def reached_at(self, name: str) -> str:
        """Return the address that a host is managed at."""
        return self._ansible_host[name]

    def await_logins(self, seconds: float, since: float | None = None) -> None:
        """Wait until a new login to each managed host works; one that has let us in is not asked again."""
        self.each(lambda name: wait_until(lambda: self.new_login(name), seconds, since))

    def new_login(self, name: str) -> bool:
        """Return whether a login works over a connection of its own."""
        return self._login(self._ansible_host[name])

    def new_login_over_other_family(self, name: str) -> bool:
        """Return the same for the family that the host is not managed over."""
        return self._login(next(other for other in self.hosts[name].addresses if other != self._ansible_host[name]))

    def session(self, name: str) -> Session:
        """Return an open ssh session on a host."""
        words = [*ssh(KEY, self._ansible_host[name], timeout=1), "cat"]
        # ssh makes what it is given non-blocking, which Ansible refuses to work with.
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return Session(subprocess.Popen(words, **pipes))

    @staticmethod
    def _login(address: str) -> bool:
        return login_works(KEY, address, timeout=1)


@dataclass(frozen=True)
class Session:
    """One ssh session that stays open."""

    process: subprocess.Popen[bytes]

    def answers(self) -> bool:
        """Return whether the other end still echoes what is said."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(b"there?\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return False
        ready, _writable, _failed = select.select([self.process.stdout], [], [], 3)
        return bool(ready) and self.process.stdout.readline() == b"there?\n"

    def close(self) -> None:
        """Hang up."""
        self.process.kill()
        self.process.communicate()


def harden(*models: dict[str, Any]) -> Completed:
    """Run the main playbook with the model, or with what replaces parts of it."""
    return playbook("harden", *_extra(*models), inventory=INVENTORY)


def begin_to_harden(*models: dict[str, Any]) -> subprocess.Popen[str]:
    """Return the main playbook on its way."""
    command = playbook_command("harden", *_extra(*models), inventory=INVENTORY)
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=PLAIN)


def harden_and_die(faults: dict[str, str], *models: dict[str, Any]) -> Completed:
    """Run the role with a module that dies, or stalls, at a step of its own on each host."""
    words = ["ansible-playbook", f"--inventory={INVENTORY}", *_extra({"faults": faults}, *models), "fault.yml"]
    return run_plainly(words, cwd=HERE)


def _extra(*models: dict[str, Any]) -> Iterable[str]:
    for model in models:
        yield from ("--extra-vars", json.dumps(model))
