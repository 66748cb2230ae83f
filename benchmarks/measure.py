"""What every benchmark shares: take turns, compare within a round, and put the outcome into a table.

A figure is a ratio of two things measured in the same run, so that it means something on another machine. Whatever
disturbs a machine comes and goes: the variants of a comparison take turns, each round begins with another of them, and
the ratio is taken within each round.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Bound = Literal["at most", "at least"]
HEADINGS = ("what", "ours", "measured against", "ratio, median (lowest to highest)", "target", "")


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    rounds: int | None = None
    peers: bool = False

    def rounds_or(self, usual: int) -> int:
        """Return how many rounds to measure, where a benchmark has so many of its own."""
        return self.rounds or usual


@dataclass(frozen=True)
class Samples:
    """The measurements of one variant, one a round: seconds, or how many a second."""

    name: str
    values: Sequence[float]
    unit: Literal["s", "/s"] = "s"

    def __str__(self) -> str:
        median = statistics.median(self.values)
        return f"{median:,.0f}/s" if self.unit == "/s" else f"{median:.3g} s"


@dataclass(frozen=True)
class Figure:
    """Our samples against another's, and the ratio to reach."""

    what: str
    ours: Samples
    other: Samples
    bound: Bound
    target: float

    @property
    def ratios(self) -> list[float]:
        """Return the ratio of each round."""
        return [ours / other for ours, other in zip(self.ours.values, self.other.values, strict=True)]

    @property
    def reached(self) -> bool:
        """Return whether the median ratio is where it should be."""
        ratio = statistics.median(self.ratios)
        return ratio <= self.target if self.bound == "at most" else ratio >= self.target

    def row(self) -> tuple[str, ...]:
        """Return the figure as the cells of a table."""
        ratios = self.ratios
        return (
            self.what,
            str(self.ours),
            f"{self.other.name}: {self.other}",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{self.bound} {self.target:g}",
            "reached" if self.reached else "missed",
        )


@dataclass(frozen=True)
class Missing:
    """A figure that can't be measured here, and what it needs."""

    what: str
    needs: str
    failed: bool = False

    def row(self) -> tuple[str, ...]:
        """Return the figure as the cells of a table."""
        return (self.what, "", "", "", "", self.needs)


Outcome = Figure | Missing


def take_turns(rounds: int, variants: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measure each variant once a round, starting each round with another one; return the samples by variant."""
    names = list(variants)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in (*names[start:], *names[:start]):
            samples[name].append(variants[name]())
        say(f"  round {number + 1} of {rounds}: " + ", ".join(f"{name} {samples[name][-1]:.4g}" for name in names))
    return samples


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def table(outcomes: Sequence[Outcome]) -> str:
    """Return figures as a Markdown table."""
    rows = [HEADINGS, tuple("---" for _heading in HEADINGS), *(outcome.row() for outcome in outcomes)]
    return "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows)


def say(line: str) -> None:
    """Tell whoever waits what is going on; the table alone goes to standard output."""
    print(line, file=sys.stderr, flush=True)
