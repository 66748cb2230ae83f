"""Measure figures and print them; ``benchmarks/run`` calls this with the environment it needs."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

from measure import Missing, Options, Outcome, say, table
from namespaces import require_root

NAMES = (
    *("harden_two_hosts", "harden_many_hosts", "compile_fleet", "several_classes", "playbook_scale"),
    *("new_connections", "replace_table", "open_page"),
)


def main() -> int:
    """Measure what was asked for; return 0 unless something could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks/run", description="Measure the figures of docs/benchmarks.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(NAMES)}; all, if none is named")
    parser.add_argument("--rounds", type=int, help="how often to measure each, instead of each one's own number")
    parser.add_argument(
        "--peers", action="store_true", help="install the tools to compare with, where they are missing"
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(NAMES))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    require_root()
    # What a benchmark has made is taken down by its finally clauses; a plain SIGTERM would skip them.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))

    options = Options(arguments.rounds, arguments.peers)
    before = os.getloadavg()[0]
    outcomes = [outcome for name in arguments.names or NAMES for outcome in _measure(name, options)]
    print(table(outcomes))
    print(f"\n{_machine()}; load before: {before:.2f}.")
    return 1 if any(isinstance(outcome, Missing) and outcome.failed for outcome in outcomes) else 0


def _measure(name: str, options: Options) -> list[Outcome]:
    say(f"== {name}")
    try:
        outcomes: list[Outcome] = importlib.import_module(name).measure(options)
    except Exception as error:  # noqa: BLE001 # the other figures are still worth having
        say(f"{name}: {type(error).__name__}: {error}")
        return [Missing(name, f"could not be measured: {type(error).__name__}", failed=True)]
    say(table(outcomes))
    return outcomes


def _machine() -> str:
    cpu = next(line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return ", ".join(
        [
            f"Measured at {_output('git', 'describe', '--always', '--dirty')}",
            f"on {os.cpu_count()} cores ({cpu}), {memory / 2**20:.0f} GiB",
            f"{platform.freedesktop_os_release()['PRETTY_NAME']} with Linux {platform.release()}",
            _output("nft", "--version").split(" (")[0],
            f"Python {platform.python_version()}",
            f"ansible-core {importlib.import_module('ansible.release').__version__}",
        ]
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
