"""Runs of ansible-playbook by processes that have imported Ansible already, which takes longer than many a run."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

TOO_LONG = 600  # seconds after which a run hangs, however busy the machine is


class Prestarted:
    """Processes of prestarted.py, one for each way to set Ansible up, with a run at a time."""

    def __init__(self, folder: Path, enter: Sequence[str] = ()) -> None:
        """Take the folder for what runs say, and the words that start a command elsewhere, where it isn't here."""
        self._enter = enter
        self._files = {"output": str(folder / "output"), "errors": str(folder / "errors")}
        self._processes: dict[tuple[tuple[str, str], ...], subprocess.Popen[str]] = {}
        self._running = threading.Lock()

    def run(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run ansible-playbook with these words."""
        with self._running:
            process = self._process(env)
            assert process.stdin
            assert process.stdout
            run = {"arguments": list(command), "cwd": str(cwd), "environment": dict(env), **self._files}
            print(json.dumps(run), file=process.stdin, flush=True)
            ready, _writable, _failed = select.select([process.stdout], [], [], TOO_LONG)
            assert ready, f"no end after {TOO_LONG} s: {command}"
            code = process.stdout.readline()
            said = [Path(path).read_text(encoding="utf-8") for path in self._files.values()]
        return subprocess.CompletedProcess(list(command), int(code), *said)

    def _process(self, env: Mapping[str, str]) -> subprocess.Popen[str]:
        settings = tuple(sorted(item for item in env.items() if item[0].startswith("ANSIBLE_")))
        if settings not in self._processes:
            command = [*self._enter, sys.executable, str(Path(__file__).with_name("prestarted.py"))]
            self._processes[settings] = subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
        return self._processes[settings]

    def stop(self) -> None:
        """End them all."""
        for process in self._processes.values():
            process.communicate()
