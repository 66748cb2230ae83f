from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from page import Desk
from reader import sit_down


@pytest.fixture(scope="session")
def desk() -> Desk:
    """Return a reader's empty folder, which each step finds as the one before has left it."""
    return sit_down()
