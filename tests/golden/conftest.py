"""Let these tests import the collection by its name, as the unit tests do."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if "ansible_collections.gatehouse.firewall" not in sys.modules:
    runpy.run_path(str(Path(__file__).parents[1] / "unit" / "conftest.py"))
