from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fleet import Fleet, NameServer
from prober import listening


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """Return the fleet, with somebody at every port that is asked for."""
    fleet = Fleet()
    with listening(fleet.namespaces, [443, 8080, 8443], [8443]):
        yield fleet


@pytest.fixture(scope="module")
def names(fleet: Fleet) -> Iterator[NameServer]:
    """Return the name server, which answers nobody yet."""
    server = NameServer(fleet)
    yield server
    server.die()
