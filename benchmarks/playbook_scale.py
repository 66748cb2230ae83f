"""Plan 1,000 hosts without connecting to them, against a play that does nothing, and against a tenth of the hosts.

The plan compiles the fleet and writes the ruleset of each host into a folder. The play that does nothing has as many
tasks, as often run and as often skipped, over the same inventory.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import fleet
from measure import Figure, Options, Outcome, Samples, seconds, take_turns

ROUNDS = 3
SMALL, LARGE = 100, 1_000
NOTHING = Path(__file__).parent / "playbook_scale/nothing.yml"


def measure(options: Options) -> list[Outcome]:
    """Measure a plan of 1,000 hosts, one of 100, and nothing with 1,000."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = (_inventory(folder / str(size), size) for size in (SMALL, LARGE))
        variants = {
            "large": partial(_plan_seconds, large, folder, LARGE),
            "small": partial(_plan_seconds, small, folder, SMALL),
            "nothing": partial(seconds, partial(_playbook, large, str(NOTHING))),
        }
        samples = take_turns(options.rounds_or(ROUNDS), variants)
    plan = Samples("plan", samples["large"])
    nothing = Samples("a play that does nothing", samples["nothing"])
    title = f"plan {LARGE:,} hosts offline"
    return [
        Figure(title, plan, nothing, "at most", 1.5),
        Figure(title, plan, Samples(f"{SMALL} hosts", samples["small"]), "at most", 11),
    ]


def _inventory(folder: Path, size: int) -> Path:
    """Write an inventory as people have it: a file of hosts by group, and one of the fleet's variables."""
    hosts = fleet.hosts(size)
    children = {name: {"hosts": {host: hosts[host] for host in own}} for name, own in fleet.groups(size).items()}
    (folder / "group_vars").mkdir(parents=True)
    # JSON is YAML.
    (folder / "hosts.yml").write_text(json.dumps({"all": {"children": children}}, indent=1))
    (folder / "group_vars/all.yml").write_text(json.dumps(fleet.MODEL, indent=1))
    return folder


def _plan_seconds(inventory: Path, folder: Path, size: int) -> float:
    """Return how long a plan takes into a folder that is not there yet."""
    with tempfile.TemporaryDirectory(dir=folder) as parent:
        plan = Path(parent) / "plan"
        extra = json.dumps({"gatehouse_plan_offline": True, "gatehouse_plan_dir": str(plan)})
        took = seconds(lambda: _playbook(inventory, "gatehouse.firewall.plan", "-e", extra))
        if len(list(plan.glob("*.nft"))) != size:
            raise RuntimeError("the plan is not complete")
    return took


def _playbook(inventory: Path, playbook: str, *more: str) -> None:
    words = ["ansible-playbook", "-i", str(inventory), playbook, *more]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}:\n{(done.stdout + done.stderr)[-2000:]}")
