from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fleet import Fleet


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    return Fleet()
