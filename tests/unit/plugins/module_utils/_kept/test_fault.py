from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept import fault

PROGRAM = f"import runpy; runpy.run_path({fault.__file__!r})['fault_point']('armed'); print('alive')"


@pytest.mark.parametrize(
    ("environment", "code", "output"),
    [({}, 0, "alive\n"), ({fault.VARIABLE: "loaded"}, 0, "alive\n"), ({fault.VARIABLE: "armed"}, -signal.SIGKILL, "")],
)
def test_a_process_dies_where_a_test_asks_for_it_and_nowhere_else(environment, code, output):
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (code, output)


@pytest.mark.parametrize(("asked", "stalls"), [("armed/0.5", True), ("loaded/0.5", False), ("armed/0", False)])
def test_a_process_stalls_where_a_test_asks_for_it_and_goes_on(monkeypatch, asked, stalls):
    monkeypatch.setenv(fault.VARIABLE, asked)
    begun = time.monotonic()
    fault.fault_point("armed")

    assert (time.monotonic() - begun >= 0.5) is stalls
