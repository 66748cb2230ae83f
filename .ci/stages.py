"""Run make's targets in lanes side by side, also after one has failed; print how long each took and, last, the sums.

``stages.py NAME...`` runs these, ``--all`` all of stages.toml, and ``--since REF`` those of them whose files have
changed since. ``--write-times`` writes what the last run took into docs/development.md. Needs no more than Python 3.11.
"""

import argparse
import datetime
import fnmatch
import json
import os
import re
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".cache" / "logs"
PAGE = ROOT / "docs" / "development.md"
CONFIG = tomllib.loads((ROOT / ".ci" / "stages.toml").read_text(encoding="utf-8"))

CLOSING = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
SKIPPED = re.compile(r"^(?:SKIPPED \[\d+\] (.*)|Skipped: (.*)|molecule (\S+): SKIPPED: (.*))$", re.MULTILINE)
SCENARIO = re.compile(r"^molecule (\S+): (?:ok, (\d+) s|FAILED after (\d+) s)", re.MULTILINE)
ROW = re.compile(r"^\| (?:scenario )?`([\w-]+)` \| (\d+) s \|$", re.MULTILINE)
SPEED = re.compile(r"takes ([\d.]+) s to start Python ten times")
TIMES = re.compile(r"(?<=## What `make test` takes\n\n).*?(?=\n\n## )", re.DOTALL)
PRINTING = threading.Lock()
GREW = 1.2  # times as long as what docs/development.md has, on a machine as fast


@dataclass
class Stage:
    """A target of make, and how it went."""

    name: str
    seconds: int = 0
    cpu: int = 0
    code: int = 1
    output: str = ""
    sums: dict[str, int] = field(default_factory=lambda: {"passed": 0, "failed": 0, "skipped": 0})

    def run(self) -> None:
        """Run it, and keep what it says in .cache/logs."""
        started = time.monotonic()
        environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")}
        # What waits computes little, but wants to do so at once: its timers run on.
        first = [] if lane_of(self.name) == "waits" else ["nice", "--adjustment=10"]
        command = [*first, "make", "--no-print-directory", self.name]
        with (LOGS / f"{self.name}.log").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            self.code = process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            self.output = log.read()
        self.seconds, self.cpu = round(time.monotonic() - started), round(usage.ru_utime + usage.ru_stime)
        self._count()

    def _count(self) -> None:
        """Count as many checks as pytest reports, or the whole stage as one."""
        for closing in CLOSING.findall(self.output):
            for number, word in re.findall(r"(\d+) ([a-z]+)", closing):
                key = {"error": "failed", "errors": "failed"}.get(word, word)
                if key in self.sums:
                    self.sums[key] += int(number)
        if self.code and not self.sums["failed"]:
            self.sums["failed"] = 1
        if not self.sums["passed"] + self.sums["failed"]:
            self.sums["passed"] = 1

    @property
    def verdict(self) -> str:
        """Return how it ended, in a word."""
        return "FAILED" if self.code else "ok"

    @property
    def skipped(self) -> list[str]:
        """Return each reason for which something was left out."""
        return [" ".join(filter(None, words)) for words in SKIPPED.findall(self.output)]

    @property
    def times(self) -> dict[str, int]:
        """Return how long it took, and each of its scenarios."""
        scenarios = {name: int(ok or failed) for name, ok, failed in SCENARIO.findall(self.output)}
        return {self.name: self.seconds, **scenarios}


def changed_since(reference: str) -> list[str]:
    """Return the files that differ from a commit, those that git doesn't know among them."""
    return [*_git("diff", "--name-only", reference, "--"), *_git("ls-files", "--others", "--exclude-standard")]


def _git(*words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def concerned(name: str, changed: list[str]) -> bool:
    """Return whether a stage is about one of the files."""
    patterns = [*CONFIG["everything"], *CONFIG["stages"].get(name, {"files": ["*"]})["files"]]
    return any(fnmatch.fnmatchcase(file, pattern) for file in changed for pattern in patterns)


def lane_of(name: str) -> str:
    """Return the lane that a stage is in."""
    lane: str = CONFIG["stages"].get(name, {}).get("lane", "computes")
    return lane


def run_lane(stages: list[Stage]) -> None:
    """Run stages one after the other; print each one's output whole when it ends."""
    for stage in stages:
        print(f"== {stage.name} begins", flush=True)
        stage.run()
        with PRINTING:
            print(f"== {stage.name}: {stage.verdict} after {stage.seconds} s\n{stage.output}", end="", flush=True)


def run_all(stages: list[Stage]) -> None:
    """Run each lane in a thread of its own."""
    lanes: dict[str, list[Stage]] = {}
    for stage in stages:
        lanes.setdefault(lane_of(stage.name), []).append(stage)
    threads = [threading.Thread(target=run_lane, args=[lane]) for lane in lanes.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ten_starts() -> float:
    """Return the seconds that this machine takes to start Python ten times: what a test waits for, mostly."""
    begun = time.monotonic()
    for _time in range(10):
        subprocess.run([sys.executable, "-c", "import json"], check=True)
    return time.monotonic() - begun


def report(stages: list[Stage], speed: float) -> None:
    """Print how long everything took, what took longer than it did, and what was left out."""
    page = PAGE.read_text(encoding="utf-8")
    known = {name: int(seconds) for name, seconds in ROW.findall(page)}
    reference = SPEED.search(page)
    slower = max(1.0, speed / float(reference[1])) if reference else 1.0
    print(f"== summary, on a machine that takes {speed:.2f} s to start Python ten times")
    for stage in stages:
        for name, seconds in stage.times.items():
            before = known.get(name)
            mark = f"grew: {before} s in docs/development.md" if before and seconds > before * slower * GREW + 5 else ""
            is_stage = name == stage.name
            label, verdict = (name, stage.verdict) if is_stage else (f"  {name}", "")
            computed = f"{stage.cpu:5} s of a core" if is_stage else ""  # without what runs in containers
            print(f"{label:<16} {verdict:<6} {seconds:5} s {computed:<17} {mark}".rstrip())
    for reason in dict.fromkeys(reason for stage in stages for reason in stage.skipped):
        print(f"skipped: {reason}")


def keep(stages: list[Stage], speed: float, took: int) -> None:
    """Keep what a run took, for ``--write-times``."""
    times = {name: seconds for stage in stages for name, seconds in stage.times.items()}
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    last = {"day": today, "cores": os.cpu_count(), "speed": speed, "all": took, "stages": times}
    (LOGS / "times.json").write_text(json.dumps(last, indent=1), encoding="utf-8")


def write_times() -> None:
    """Write what the last run took into the page, a row a stage."""
    last = json.loads((LOGS / "times.json").read_text(encoding="utf-8"))
    rows = [
        f"| {'' if name in CONFIG['stages'] else 'scenario '}`{name}` | {seconds} s |"
        for name, seconds in last["stages"].items()
    ]
    text = (
        f"Measured on {last['day']}, on a machine with {last['cores']} cores that takes {last['speed']:.2f} s to start "
        f"Python ten times, with downloads cached: {last['all']} s in all.\n"
        "Lanes run side by side, so the times of stages overlap. What takes a fifth longer is marked in the summary."
        "\n\n| stage | time |\n| --- | --- |\n" + "\n".join(rows)
    )
    PAGE.write_text(TIMES.sub(lambda _match: text, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stages", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--since", default="")
    parser.add_argument("--write-times", action="store_true")
    arguments = parser.parse_args()
    if arguments.write_times:
        write_times()
        return 0
    names = [*CONFIG["stages"]] if arguments.all else arguments.stages
    if arguments.since:
        changed = changed_since(arguments.since)
        names = [name for name in names if concerned(name, changed)]
        print(f"changed since {arguments.since}: {len(changed)} files; stages: {' '.join(names) or 'none'}")
    LOGS.mkdir(parents=True, exist_ok=True)
    stages, speed, begun = [Stage(name) for name in names], ten_starts(), time.monotonic()
    run_all(stages)
    report(stages, speed)
    took = round(time.monotonic() - begun)
    keep(stages, speed, took)
    sums = {key: sum(stage.sums[key] for stage in stages) for key in ("passed", "failed", "skipped")}
    print(f"{took} s in all")
    print(f"{sums['passed']} passed, {sums['failed']} failed, {sums['skipped']} skipped")
    return 1 if any(stage.code for stage in stages) else 0


if __name__ == "__main__":
    sys.exit(main())
