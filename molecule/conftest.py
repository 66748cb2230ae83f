"""What the scenarios' tests share: the lab, and where its modules are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "shared"))
import containers


@pytest.fixture(scope="session")
def lab() -> containers.Lab:
    return containers.Lab()
