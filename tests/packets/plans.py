"""Rulesets as a user gets them: from the plan playbook, offline, over the shared inventory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import INVENTORY

_ROOT = Path(__file__).resolve().parents[2]
_COLLECTIONS = "collections"


@dataclass(frozen=True)
class Planner:
    """Runs plans in the background, two at a time, so that packets can fly meanwhile."""

    folder: Path
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))

    def __post_init__(self) -> None:
        """Let the collection's name mean this checkout, whatever else is installed."""
        link = self.folder / _COLLECTIONS / "ansible_collections" / "gatehouse" / "firewall"
        link.parent.mkdir(parents=True)
        link.symlink_to(_ROOT)

    def start(
        self, name: str, variables: Mapping[str, Any], *arguments: str, inventory: Path = INVENTORY
    ) -> Future[Path]:
        """Start a plan; its result is the folder with the ruleset files of each host."""
        return self.pool.submit(self._plan, self.folder / name, variables, (f"--inventory={inventory}", *arguments))

    def _plan(self, target: Path, variables: Mapping[str, Any], arguments: tuple[str, ...]) -> Path:
        extra = {**variables, "gatehouse_plan_offline": True, "gatehouse_plan_dir": str(target)}
        command = [_executable(), "gatehouse.firewall.plan", "-e", json.dumps(extra), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment(), check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return target

    def _environment(self) -> dict[str, str]:
        paths = [str(self.folder / _COLLECTIONS), os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")]
        return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": ":".join(filter(None, paths)), "ANSIBLE_NOCOLOR": "1"}


def _executable() -> str:
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not found:
        raise RuntimeError("ansible-playbook is neither beside this Python nor on PATH: make setup installs it")
    return found
