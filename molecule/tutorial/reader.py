"""Where the tutorial's reader sits: in a folder of their own, beside the collection as it is released."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from page import Desk, desk

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
README = ROOT / "README.md"
INVENTORY = Path(__file__).parent / "inventory"
CACHE = ROOT / ".cache" / "tutorial"
IMAGES = ROOT / "molecule" / "shared" / "image" / "build.sh"
BARE = "gatehouse-bare"
# What this machine trusts: its way to a package index may have certificates of its own. Apt writes the usual file.
CERTIFICATES, TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt"), "/srv/certificates.crt"


def sit_down(*, anew: bool = True) -> Desk:
    """Return the tutorial's folder, with the collection as a file in it, and the key to the hosts at hand."""
    folder = _folder("desk", anew=anew)
    return desk(folder, ANSIBLE_HOME=str(CACHE / "ansible"), ANSIBLE_REMOTE_USER="root", **_ssh())


@contextmanager
def sit_down_bare() -> Iterator[Desk]:
    """Lend the folder of a reader who has a bare Debian 12: root and Python, and the network of this machine."""
    folder = _folder("bare")
    subprocess.run([IMAGES, "bare"], check=True, capture_output=True)
    run = ["podman", "run", "--replace", "--detach", "--network=host", f"--name={BARE}", f"--volume={CACHE}:{CACHE}"]
    run += [f"--volume={CERTIFICATES}:{TRUSTED}:ro"] if CERTIFICATES.exists() else []
    subprocess.run([*run, "localhost/gatehouse-lab:bare", "sleep", "infinity"], check=True, capture_output=True)
    try:
        environment = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        trusted = {"PIP_CERT": TRUSTED} if CERTIFICATES.exists() else {}
        home = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR": "1"}
        yield Desk(folder, {**environment, **trusted, **home, **_ssh()}, BARE)
    finally:
        subprocess.run(["podman", "rm", "--force", "--time=0", BARE], check=True, capture_output=True)


def _folder(name: str, *, anew: bool = True) -> Path:
    folder = CACHE / name
    if anew:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        build = ["ansible-galaxy", "collection", "build", "--force", f"--output-path={folder}", str(ROOT)]
        subprocess.run(build, check=True, capture_output=True)
    return folder


def _ssh() -> dict[str, str]:
    """Return how Ansible gets into the hosts: what a reader's own key and ~/.ssh would be."""
    return {
        "ANSIBLE_PRIVATE_KEY_FILE": str(CACHE / "id_ed25519"),
        "ANSIBLE_SSH_COMMON_ARGS": f"-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={CACHE}/known_hosts",
    }
