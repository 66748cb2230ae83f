"""How long a test waits: as long as it says on a quiet machine, and longer on one that is measured to be slower."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Callable

_QUIET = 0.1  # seconds in which a quiet machine starts Python ten times
_MEASURING = threading.Lock()  # two at a time would measure each other
_COUNTS_FOR = 2.0  # seconds: many wait at once, and each new measure keeps the machine from what they wait for
_AT_MOST = 4.0  # a machine slower than that is no place to measure anything, and what is tested may fail there


class _Measure:
    """What was measured last, and until when it counts."""

    slowness, until = 1.0, 0.0


_last = _Measure()


def slowness() -> float:
    """Return how many times longer than a quiet machine this one takes now to start programs, as a login does."""
    with _MEASURING:
        if time.monotonic() > _last.until:
            begun = time.monotonic()
            for _time in range(10):
                subprocess.run([sys.executable, "-I", "-c", ""], check=True)
            _last.slowness = min(max((time.monotonic() - begun) / _QUIET, 1.0), _AT_MOST)
            _last.until = time.monotonic() + _COUNTS_FOR
        return _last.slowness


def whole_seconds() -> int:
    """Return the shortest time to set a timer to that what is tested can be ahead of: a second on a quiet machine."""
    return math.ceil(slowness())


class Patience:
    """A time in seconds of a quiet machine, which runs from now on or since another moment of time.monotonic()."""

    def __init__(self, seconds: float, since: float | None = None) -> None:
        """Begin to wait."""
        self._begun = time.monotonic() if since is None else since
        self._seconds, self._slowness = seconds, slowness()

    def __str__(self) -> str:
        """Return how long it was and is, for a failure's message."""
        return f"{self.elapsed:.1f} s of {self._seconds}, {self._slowness:.1f} times as slow as on a quiet machine"

    @property
    def elapsed(self) -> float:
        """Return the seconds that have passed by the clock."""
        return time.monotonic() - self._begun

    @property
    def is_over(self) -> bool:
        """Return whether the time is up; where it seems so, the machine is measured once more."""
        if self.elapsed < self._seconds * self._slowness:
            return False
        self._slowness = max(self._slowness, slowness())
        return self.elapsed >= self._seconds * self._slowness


def wait_until(condition: Callable[[], bool], seconds: float, since: float | None = None) -> None:
    """Return as soon as something has come to pass; fail if it doesn't. Hosts that are asked may not be up yet."""
    patience = Patience(seconds, since)
    while True:
        with suppress(RuntimeError):
            if condition():
                return
        assert not patience.is_over, f"it did not come to pass: {patience}"
        time.sleep(0.2)
