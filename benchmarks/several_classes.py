"""Compile and render a fleet whose hosts have several classes, against the same fleet in classes that don't overlap.

8 classes occur in 40 sets. In the other model each set is a class of its own, and each flow names all sets that have
one of its classes: every host has the same flows and peers in both.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import combinations, islice

import core
import fleet
from measure import Figure, Options, Outcome, Samples, seconds, take_turns

ROUNDS = 5
SMALL, LARGE = 10_000, 100_000
CLASSES = [f"class{number}" for number in range(8)]
# Each class alone, and as many pairs and triples as make 40 sets.
SETS = [
    *((name,) for name in CLASSES),
    *islice(combinations(CLASSES, 2), 20),
    *islice(combinations(CLASSES, 3), 12),
]
FLOWS = [
    (f"flow{number}", CLASSES[number % 8], CLASSES[(number + 1 + number // 8) % 8], str(8000 + number))
    for number in range(30)
]


def measure(options: Options) -> list[Outcome]:
    """Measure 10,000 hosts in sets against disjoint classes, and 100,000 hosts against 10,000."""
    variants = {
        "sets": partial(_seconds_in_a_process, "sets", SMALL),
        "disjoint": partial(_seconds_in_a_process, "disjoint", SMALL),
        "large": partial(_seconds_in_a_process, "sets", LARGE),
    }
    samples = take_turns(options.rounds_or(ROUNDS), variants)
    sets = Samples(f"{SMALL:,} hosts", samples["sets"])
    disjoint = Samples(f"{len(SETS)} disjoint classes", samples["disjoint"])
    title = f"hosts in {len(CLASSES)} classes that occur in {len(SETS)} sets"
    return [
        Figure(f"compile and render {SMALL:,} {title}", sets, disjoint, "at most", 2),
        Figure(f"compile and render {LARGE:,} {title}", Samples("large", samples["large"]), sets, "at most", 12),
    ]


def _seconds_in_a_process(which: str, size: int) -> float:
    """Return how long a fleet takes in a process that has nothing else to remember."""
    done = subprocess.run([sys.executable, __file__, which, str(size)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return float(done.stdout)


def _members(size: int) -> dict[str, list[str]]:
    """Return the hosts of each set; none has a range of addresses to itself."""
    return {
        "_".join(classes): [f"host{number}" for number in range(place, size, len(SETS))]
        for place, classes in enumerate(SETS)
    }


def _compile_seconds(which: str, size: int) -> float:
    members, hosts = _members(size), fleet.hosts(size)
    sets_of = {name: ["_".join(classes) for classes in SETS if name in classes] for name in CLASSES}
    if which == "sets":
        groups = {name: [host for one in sets for host in members[one]] for name, sets in sets_of.items()}
        ends = {name: [name] for name in CLASSES}
    else:
        groups, ends = members, sets_of
    model = {
        "gatehouse_classes": [{"name": name, "groups": [name]} for name in groups],
        "gatehouse_flows": [
            {"name": name, "from": ends[sender], "to": ends[receiver], "ports": [f"{port}/tcp"]}
            for name, sender, receiver, port in FLOWS
        ],
    }
    texts: dict[str, str] = {}
    took = seconds(lambda: texts.update(core.rulesets(core.compile_model(model, groups, hosts))))
    if len(texts) != size or len(set(texts.values())) != len(SETS):
        raise RuntimeError("the rulesets are not complete")
    return took


if __name__ == "__main__":
    print(_compile_seconds(sys.argv[1], int(sys.argv[2])))
