"""Harden a hundred hosts that are as they should be, against the same play with one bare script task.

A host is a namespace with the lab's file system, which it changes for itself alone, and an sshd. It has no systemd, so
that a hundred of them cost little more than their sshds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from controller import Controller, attempt, run
from measure import Figure, Missing, Options, Outcome, Samples, take_turns
from namespaces import Namespace, namespace

ROUNDS = 3
HOSTS, FORKS = 100, 20
TWO_HOSTS = Path(__file__).parent / "two_hosts/inventory"
BUILD = Path(__file__).parent.parent / "molecule/shared/image/build.sh"
IMAGE = "localhost/gatehouse-lab:12"
CONTROLLER = "198.51.100.129"  # as the model of the two hosts has it
ADDRESSES = [f"203.0.113.{number}" for number in range(1, HOSTS + 1)]
TITLE = f"harden {HOSTS} hosts, nothing to change"
# A host: mounts of its own over the lab's files, and sshd. It ends with its standard input.
HOST = """
set -e
mount -t tmpfs none "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mount -t tmpfs none "$2/root/run"
mkdir -p "$2/root/run/sshd" "$2/root/root/.ssh"
cp "$3" "$2/root/root/.ssh/authorized_keys"
chroot "$2/root" ssh-keygen -A >&2
ip link set lo up
chroot "$2/root" /usr/sbin/sshd -D -e &
echo inside
exec cat
"""


def measure(options: Options) -> list[Outcome]:
    """Measure a run that has nothing to change."""
    missing = [command for command in ("podman", "ssh", "ssh-keygen") if not shutil.which(command)]
    if missing:
        return [Missing(TITLE, f"needs {', '.join(missing)}")]
    run(str(BUILD), IMAGE.rpartition(":")[2])
    with tempfile.TemporaryDirectory(prefix="gatehouse-") as folder, namespace() as here, _lab_files() as files:
        inventory = _inventory(Path(folder) / "inventory")
        controller = Controller(here, Path(folder), inventory, HOSTS, FORKS)
        with _hosts(here, files, controller.make_key(), Path(folder)), controller.disconnected_in_the_end():
            controller.warm_up()
            variants = {"again": controller.run_again, "script": controller.script}
            samples = take_turns(options.rounds_or(ROUNDS), variants)
    bound = Samples("one bare `script` task", samples["script"])
    return [Figure(TITLE, Samples("again", samples["again"]), bound, "at most", 1.3)]


def _inventory(folder: Path) -> Path:
    """Write the inventory of the two hosts with more of them."""
    shutil.copytree(TWO_HOSTS / "group_vars", folder / "group_vars")
    names = {f"bench{number}": {"ansible_host": address} for number, address in enumerate(ADDRESSES, start=1)}
    half = HOSTS // 2
    groups = {"web": dict(list(names.items())[:half]), "database": dict(list(names.items())[half:])}
    (folder / "more.json").write_text(
        json.dumps({"all": {"children": {name: {"hosts": hosts} for name, hosts in groups.items()}}})
    )
    return folder


@contextmanager
def _lab_files() -> Iterator[Path]:
    """Mount the file system of the lab's image."""
    try:
        yield Path(run("podman", "image", "mount", IMAGE).strip())
    finally:
        attempt("podman", "image", "unmount", IMAGE)


@contextmanager
def _hosts(here: Namespace, files: Path, key: Path, folder: Path) -> Iterator[None]:
    """Start the hosts on a bridge in a namespace."""
    here.run("ip", "link", "add", "bridge", "type", "bridge")
    here.run("ip", "address", "add", f"{CONTROLLER}/32", "dev", "bridge")
    here.run("ip", "link", "set", "bridge", "up")
    here.run("ip", "route", "add", "203.0.113.0/24", "dev", "bridge", "src", CONTROLLER)
    with ExitStack() as stack:
        for number, address in enumerate(ADDRESSES):
            place = folder / f"host{number}"
            place.mkdir()
            stack.enter_context(_host(here, address, f"host{number}", [str(files), str(place), str(key)]))
        yield
    time.sleep(1)  # until their mounts are gone


@contextmanager
def _host(here: Namespace, address: str, port: str, places: list[str]) -> Iterator[None]:
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", HOST, "host", *places]
    holder = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert holder.stdin
    assert holder.stdout
    try:
        if holder.stdout.readline() != "inside\n":
            raise RuntimeError("a host can't be made: is this root?")
        child = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0]
        here.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", child)
        here.run("ip", "link", "set", port, "master", "bridge", "up")
        inside = ["nsenter", f"--net=/proc/{child}/ns/net", "ip"]
        run(*inside, "address", "add", f"{address}/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", CONTROLLER, "dev", "eth0")
        yield
    finally:
        holder.stdin.close()
        holder.wait()
