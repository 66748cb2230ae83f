"""Harden two hosts with thirty flows, against one bare script task on the same hosts.

The hosts are containers, and Ansible and they share a network of namespaces that leads nowhere else. Every run begins
without an open ssh connection, as it does when nobody has run Ansible for a minute. A first run meets hosts that have
nothing of ours, and are taken back to that between rounds.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller import Controller, attempt, run
from measure import Figure, Missing, Options, Outcome, Samples, take_turns
from namespaces import Namespace, namespace

ROUNDS = 9
HERE = Path(__file__).parent / "two_hosts"
INVENTORY = HERE / "inventory"
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
        controller = Controller(here, Path(folder), INVENTORY, len(ADDRESSES))
        with _hosts(here, controller.make_key()), controller.disconnected_in_the_end():
            controller.warm_up()
            samples = take_turns(
                options.rounds_or(ROUNDS),
                {"first": controller.first_run, "again": controller.run_again, "script": controller.script},
            )
    bound = Samples("one bare `script` task", samples["script"])
    return [
        Figure(TITLES[0], Samples("first", samples["first"]), bound, "at most", 2.4),
        Figure(TITLES[1], Samples("again", samples["again"]), bound, "at most", 1.5),
    ]


@contextmanager
def _hosts(here: Namespace, key: Path) -> Iterator[None]:
    """Start the containers on a bridge in a namespace; remove them in the end."""
    run(str(BUILD), RELEASE)
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
    run(
        *("podman", "run", "--detach", f"--name={name}", f"--hostname={name}", "--systemd=always"),
        *("--network=none", "--cap-add=NET_ADMIN,NET_RAW", f"--volume={key}:/root/.ssh/authorized_keys:ro"),
        *(f"localhost/gatehouse-lab:{RELEASE}", "/sbin/init"),
    )


def _plug_in(here: Namespace, name: str, port: str) -> None:
    """Connect a container, whose network has nothing in it yet, to the bridge."""
    pid = run("podman", "inspect", "--format={{.State.Pid}}", name).strip()
    here.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid)
    here.run("ip", "link", "set", port, "master", "bridge", "up")
    run("podman", "exec", name, "ip", "address", "add", ADDRESSES[name], "dev", "eth0")
    run("podman", "exec", name, "ip", "link", "set", "eth0", "up")


def _wait_until_booted(name: str) -> None:
    deadline = time.monotonic() + 30
    # Right after the start, there is no bus to ask yet.
    while attempt("podman", "exec", name, "systemctl", "is-system-running", "--wait").strip() != "running":
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} does not boot")
        time.sleep(0.2)


def _remove() -> None:
    run("podman", "rm", "--force", "--ignore", "--time=0", *ADDRESSES)
