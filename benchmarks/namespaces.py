"""Network namespaces that end with this process, whatever ends it: nothing is loaded or sent outside of one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

sys.path.append(str(Path(__file__).parent.parent / "tests/packets"))
from prober import in_namespace

_Returned = TypeVar("_Returned")


class Namespace:
    """A namespace with nothing in it. A child holds it, which ends when its standard input does."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo inside; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout
        if self._holder.stdout.readline() != "inside\n":
            raise RuntimeError("no network namespace can be made: is this root?")
        self.pid = self._holder.pid
        if self._path.readlink() == Path("/proc/self/ns/net").readlink():
            raise RuntimeError("this is the machine's own network: nothing may happen in it")

    @property
    def _path(self) -> Path:
        return Path(f"/proc/{self.pid}/ns/net")

    def words(self, *command: str) -> list[str]:
        """Return the command that runs a command inside."""
        return ["nsenter", f"--net={self._path}", *command]

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a command inside, and return what it prints; fail if it fails."""
        done = subprocess.run(self.words(*command), input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[:2000].strip()}")
        return done.stdout

    def call(self, function: Callable[[], _Returned]) -> _Returned:
        """Call a function in a thread inside; the sockets it makes stay inside."""
        return in_namespace(str(self._path), function)

    def counters(self, protocol: str) -> dict[str, int]:
        """Return what the kernel has counted of a protocol: ``Udp``, ``Tcp``, ``Ip``."""
        lines = Path(f"/proc/{self.pid}/net/snmp").read_text().splitlines()
        names, values = (line.split()[1:] for line in lines if line.startswith(f"{protocol}:"))
        return dict(zip(names, map(int, values), strict=True))

    def close(self) -> None:
        """Let go of it."""
        self._holder.communicate()


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a namespace and let go of it in the end."""
    made = Namespace()
    try:
        yield made
    finally:
        made.close()


def require_root() -> None:
    """Raise where namespaces can't be made."""
    if os.geteuid() != 0:
        raise PermissionError("network namespaces and containers need root")
