"""Network namespaces that end with this process, however it ends: each lives as long as a child that reads from it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ansible_collections.gatehouse.firewall.tests.packets.prober import in_namespace

Result = TypeVar("Result")


class CommandError(RuntimeError):
    """A command that failed inside a namespace."""


@dataclass(frozen=True)
class Namespace:
    """A namespace, known by a process in it."""

    pid: int

    def call(self, function: Callable[[], Result]) -> Result:
        """Return what a function returns inside; sockets made there stay there."""
        return in_namespace(f"/proc/{self.pid}/ns/net", function)

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a command inside and return what it prints; raise CommandError where it fails."""
        done = self.call(
            lambda: subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False, timeout=60)
        )
        if done.returncode != 0:
            raise CommandError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def ip(self, *lines: str) -> None:
        """Run lines of ip(8)."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def set(self, values: Mapping[str, int]) -> None:
        """Set what stands under /proc/sys/net."""

        def write() -> None:
            for key, value in values.items():
                Path("/proc/sys/net", key).write_text(str(value))

        self.call(write)


@contextmanager
def new_namespace() -> Iterator[Namespace]:
    """Make a namespace without any link to another."""
    holder = subprocess.Popen(
        ["unshare", "--net", "--", "sh", "-c", "echo up && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    try:
        if holder.stdout.readline() != b"up\n":
            raise CommandError("unshare --net: no namespace can be had; the reason stands above, on stderr")
        yield Namespace(holder.pid)
    finally:
        holder.communicate()
