"""Run Molecule scenarios in three lanes, all unless some are named; print a line for each, and the end of a failed one.

Those that took longest come first, and none begins beside one that uses the same addresses.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
MOLECULE, LOGS = ROOT / "molecule", ROOT / ".cache" / "logs"
TIMES = ROOT / "docs" / "development.md"
LANES = 3
OF_PYTEST = re.compile(r"^=+ .*[0-9]+ passed.* in .*|^SKIPPED .*", re.MULTILINE)
LAST_LINES = 60


@dataclass
class Queue:
    """The scenarios that nobody has begun yet, and those that are under way."""

    waiting: list[str]
    under_way: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> str | None:
        """Return the next scenario, as soon as there is one whose addresses are free; None where none waits."""
        with self.changed:
            while self.waiting:
                for name in self.waiting:
                    if not any(share_addresses(name, other) for other in self.under_way):
                        self.waiting.remove(name)
                        self.under_way.add(name)
                        return name
                self.changed.wait()
        return None

    def end(self, name: str) -> None:
        """Let others have a scenario's addresses."""
        with self.changed:
            self.under_way.remove(name)
            self.changed.notify_all()


def networks(scenario: str) -> list[IPv4Network | IPv6Network]:
    """Return the networks that a scenario's containers are on."""
    files = [MOLECULE / scenario / "inventory" / name for name in ("lab.yml", "every_lab.yml")]
    variables = [yaml.safe_load(file.read_text(encoding="utf-8"))["all"].get("vars", {}) for file in files]
    rows = next(found["lab_networks"] for found in variables if "lab_networks" in found)
    return [ip_network(prefix) for row in rows for prefix in row["prefixes"]]


def share_addresses(one: str, other: str) -> bool:
    """Return whether podman would refuse one of two scenarios beside the other."""
    pairs = ((a, b) for a in networks(one) for b in networks(other) if a.version == b.version)
    return any(a.overlaps(b) for a, b in pairs)


def took(scenario: str) -> int:
    """Return the seconds that a scenario took when somebody last wrote it down; a new one may take long."""
    found = re.search(rf"^\| scenario `{scenario}` \| (\d+) s \|$", TIMES.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else sys.maxsize


def run(scenario: str) -> bool:
    """Run a scenario and print how it went; return whether nothing failed."""
    skipped, log, begun = MOLECULE / scenario / "skipped", LOGS / f"molecule-{scenario}.log", time.monotonic()
    if skipped.exists():
        reasons = subprocess.run([skipped], capture_output=True, text=True, check=True).stdout.split("\n")
        if any(reasons):
            print(f"molecule {scenario}: SKIPPED: {';'.join(filter(None, reasons))}", flush=True)
            return True
    with log.open("w", encoding="utf-8") as file:
        command = ["molecule", "test", "-s", scenario]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False)
    text, seconds = log.read_text(encoding="utf-8", errors="replace"), round(time.monotonic() - begun)
    if done.returncode == 0:
        print(*OF_PYTEST.findall(text), f"molecule {scenario}: ok, {seconds} s", sep="\n", flush=True)
    else:
        end = "\n".join(text.splitlines()[-LAST_LINES:])
        print(f"{end}\nmolecule {scenario}: FAILED after {seconds} s; all of it is in {log}", flush=True)
    return done.returncode == 0


def lane(queue: Queue) -> bool:
    """Run scenarios until none is left; return whether nothing failed."""
    fine = True
    while name := queue.take():
        try:
            fine &= run(name)
        finally:
            queue.end(name)
    return fine


def main() -> int:
    """Run what was asked for."""
    names = sys.argv[1:] or sorted(file.parent.name for file in MOLECULE.glob("*/molecule.yml"))
    queue = Queue(sorted(names, key=took, reverse=True))
    with ThreadPoolExecutor(LANES) as pool:
        return 0 if all([*pool.map(lane, [queue] * LANES)]) else 1


if __name__ == "__main__":
    sys.exit(main())
