"""Let these tests import the collection by its name, as the unit tests do."""

from __future__ import annotations

import runpy
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

NAMES = ("ansible_collections", "ansible_collections.gatehouse", "ansible_collections.gatehouse.firewall")

if NAMES[-1] not in sys.modules:
    runpy.run_path(str(Path(__file__).parents[1] / "unit" / "conftest.py"))
    for name in NAMES:  # the unit tests' conftest asks for it, where both run in one process
        module = sys.modules.get(name)
        if module and module.__spec__ is None:
            module.__spec__ = ModuleSpec(name, None, is_package=True)
