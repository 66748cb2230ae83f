from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fleet import APPS, BY_UDP, DECLARED, NEVER, OVER_IPV4, OVER_IPV6, Fleet
from prober import listening


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """Return the fleet, with somebody at every port that is asked for."""
    fleet = Fleet()
    apps = {name: path for name, path in fleet.namespaces.items() if name in APPS}
    with listening(apps, [DECLARED, OVER_IPV4, OVER_IPV6, NEVER], [BY_UDP]):
        yield fleet
