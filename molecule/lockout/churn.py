"""On a host: apply two rulesets in turn, and go back by the host's own way, with the collection's own code.

python3 churn.py BACKEND APPLIES ROLLBACKS
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import Backend  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.module_utils._host.this_host import all_backends  # noqa: E402
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import Rollback  # noqa: E402

RULESETS = [(HERE / name).read_text() for name in ("another", "confirmed")]


def main(name: str, applies: int, rollbacks: int) -> None:
    """Apply so often, then go back so often; in the end the host is where it was."""
    backend = next(backend for backend in all_backends(run, shutil.which) if backend.name == name)
    for number in range(applies):
        backend.load(RULESETS[number % 2])
    confirmed = backend.listing()
    for _number in range(rollbacks):
        go_back(backend)
        if backend.listing() != confirmed:
            sys.exit("the host has not gone back to what it had")


def go_back(backend: Backend) -> None:
    """Load the other ruleset, and wait until nothing of the rollback is left."""
    rollback_state = Rollback(run_or_raise, backend, has_systemd=True)
    change = rollback_state.arm(2, RULESETS[0])  # longer than a load takes on a busy machine
    backend.load(RULESETS[0], change)
    while any(Path("/run/gatehouse").glob("rollback-*")) or any(Path("/run/gatehouse").glob("taken-*")):
        time.sleep(0.02)


def run(words: list[str], text: str | None) -> tuple[int, str, str]:
    """Run a command as the modules do."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def run_or_raise(words: list[str]) -> None:
    """Run a command that must succeed."""
    subprocess.run(words, check=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
