"""The real nft(8), in a network namespace that ends with the command: no rule can reach this machine."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterable, Iterator, Tuple

import pytest

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
Run = Callable[..., Tuple[int, str, str]]

_ROOT = ["--net"] if os.geteuid() == 0 else ["--net", "--map-root-user"]


def in_namespace(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as root of a new network namespace."""
    command = ["unshare", *_ROOT, "--", *words]
    environment = {**os.environ, "PATH": _PATH, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, input=text, capture_output=True, encoding="utf-8", env=environment, check=False, timeout=60
    )


def refused(rulesets: Iterable[str]) -> list[str]:
    """Return what nft says against rulesets; nothing where it takes them all."""
    with tempfile.TemporaryDirectory() as folder:
        for number, ruleset in enumerate(rulesets):
            Path(folder, f"{number}.nft").write_text(ruleset, encoding="utf-8")
        done = in_namespace(
            "sh", "-c", 'cd "$1" && for file in *.nft; do nft -c -f "$file" || cat "$file"; done', "sh", folder
        )
    return [*done.stderr.splitlines(), *done.stdout.splitlines()]


def listing(*rulesets: str) -> str:
    """Load rulesets one after the other and return what the kernel has then, without counters."""
    load = "".join(f'printf "%s" "${number}" | nft -f - && ' for number in range(1, len(rulesets) + 1))
    done = in_namespace("sh", "-c", f"{load}nft -s list ruleset", "sh", *rulesets)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def lasting_namespace() -> Iterator[Run]:
    """Yield a way to run commands in one namespace that lasts; it returns exit code, standard output and error."""
    holder = subprocess.Popen(
        ["unshare", *_ROOT, "--", "sh", "-c", "echo up && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    try:
        assert holder.stdout.readline() == b"up\n"
        nsenter = shutil.which("nsenter", path=_PATH) or "nsenter"
        enter = [nsenter, f"--target={holder.pid}", "--net", *(["--user"] if len(_ROOT) > 1 else []), "--"]
        yield functools.partial(_run, enter)
    finally:
        holder.communicate()


def _run(enter: list[str], words: list[str], text: str | None = None, **variables: str) -> tuple[int, str, str]:
    # Python 3.8 spawns a command that it has the path of where it closes no files, and forks itself for others, which
    # takes longer than most commands do.
    done = subprocess.run(
        [*enter, *words],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PATH": _PATH, "LC_ALL": "C", **variables},
        check=False,
        timeout=60,
        close_fds=False,
    )
    return done.returncode, done.stdout, done.stderr


@functools.lru_cache(maxsize=None)
def _missing() -> str:
    missing = [tool for tool in ("unshare", "nft") if not shutil.which(tool, path=_PATH)]
    if missing:
        return f"the programs {', '.join(missing)} are not installed"
    done = in_namespace("nft", "list", "ruleset")
    return f"no network namespace with nftables can be had: {done.stderr.strip()}" if done.returncode else ""


needs_nft = pytest.mark.skipif(bool(_missing()), reason=_missing())
