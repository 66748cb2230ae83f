"""Where the tutorial's reader sits: in a folder of their own, beside the collection as it is released."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from page import Desk, desk

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
README = ROOT / "README.md"
INVENTORY = Path(__file__).parent / "inventory"
CACHE = ROOT / ".cache" / "tutorial"


def sit_down(*, anew: bool = True) -> Desk:
    """Return the tutorial's folder, with the collection as a file in it, and the key to the hosts at hand."""
    folder = _folder("desk", anew=anew)
    return desk(folder, ANSIBLE_HOME=str(CACHE / "ansible"), ANSIBLE_REMOTE_USER="root", **_ssh())


def sit_down_bare() -> Desk:
    """Return the folder of a reader who has nothing but what Debian brings: no Ansible, no tools of this checkout."""
    folder = _folder("bare")
    return desk(folder, HOME=str(folder), PATH="/usr/sbin:/usr/bin:/sbin:/bin", **_ssh())


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
