"""Compile and render a fleet, against aerleon rendering the same, and against a fleet a tenth as large.

The fleet has 4 classes of as many hosts each, every host an IPv4 and an IPv6 address, and each flow is rendered for the
hosts at both of its ends. aerleon, which has a policy for each end, is told each flow twice, and renders IPv4 alone. It
writes a peer's addresses once for each flow, so that its time grows with the flows; ours hardly does. Each fleet is
compiled in a process of its own, as a run of Ansible does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import core
import fleet
from measure import Figure, Missing, Options, Outcome, Samples, seconds, take_turns

ROUNDS = 5
SMALL, LARGE = 10_000, 100_000
PEER = "aerleon==1.18.0"
PEER_FOLDER = Path(__file__).parent.parent / ".cache/benchmarks/aerleon"
PEER_SCRIPT = Path(__file__).parent / "peers/with_aerleon.py"


def measure(options: Options) -> list[Outcome]:
    """Measure 10,000 hosts against aerleon, where it is at hand, and 100,000 hosts against 10,000."""
    if options.peers:
        _install_peer()
    with_peer = (PEER_FOLDER / "bin/aclgen").exists()
    variants = {"small": partial(_seconds_in_a_process, SMALL), "large": partial(_seconds_in_a_process, LARGE)}
    if with_peer:
        told = json.dumps({"addresses": fleet.first_family(SMALL), "flows": fleet.FLOWS})
        variants["aerleon"] = partial(_aerleon_seconds, told)
    samples = take_turns(options.rounds_or(ROUNDS), variants)
    small = Samples(f"{SMALL:,} hosts", samples["small"])
    title = f"compile and render {SMALL:,} hosts, {len(fleet.FLOWS)} flows"
    peer = Samples("aerleon, IPv4 only", samples.get("aerleon", ()))
    return [
        Figure(title, small, peer, "at most", 0.5) if with_peer else Missing(title, "needs aerleon: --peers"),
        Figure(
            f"compile and render {LARGE:,} hosts, {len(fleet.FLOWS)} flows",
            Samples("large", samples["large"]),
            small,
            "at most",
            12,
        ),
    ]


def _seconds_in_a_process(size: int) -> float:
    """Return how long a fleet takes in a process that has nothing else to remember."""
    done = subprocess.run([sys.executable, __file__, str(size)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return float(done.stdout)


def _compile_seconds(size: int) -> float:
    groups, hosts = fleet.groups(size), fleet.hosts(size)
    texts: dict[str, str] = {}
    took = seconds(lambda: texts.update(core.rulesets(core.compile_model(fleet.MODEL, groups, hosts))))
    _check(texts, size)
    return took


def _check(texts: Mapping[str, str], size: int) -> None:
    """Raise where the first host lacks an address of another class, or of all that it knows peers from strangers by."""
    if len(texts) != size or texts["host0"].count("\n\t\t\t198.") != size * 3 // 4 + size:
        raise RuntimeError("the rulesets are not complete")


def _aerleon_seconds(addresses_and_flows: str) -> float:
    words = [PEER_FOLDER / "bin/python", PEER_SCRIPT]
    done = subprocess.run(words, input=addresses_and_flows, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _install_peer() -> None:
    if not (PEER_FOLDER / "bin/aclgen").exists():
        subprocess.run([sys.executable, "-m", "venv", PEER_FOLDER], check=True)
        subprocess.run([PEER_FOLDER / "bin/pip", "install", "--quiet", PEER], check=True)


if __name__ == "__main__":
    print(_compile_seconds(int(sys.argv[1])))
