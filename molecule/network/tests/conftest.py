from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fleet import Fleet
from servers import Server, Servers


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture(scope="session")
def servers(fleet: Fleet) -> Iterator[dict[str, list[Server]]]:
    """Return the servers on each client's link; the first of them answers."""
    known = fleet.serve()
    running = Servers(fleet.namespaces["servers"], known)
    for first, *_others in known.values():
        first.alive = True
    yield known
    running.close()


@pytest.fixture(scope="session")
def hardened(fleet: Fleet, servers: dict[str, list[Server]]) -> float:
    """Have clients lease their addresses under our rules; return when these came into force."""
    assert servers.keys() == fleet.links.keys()
    fleet.harden()
    now = time.monotonic()
    fleet.configure()
    return now
