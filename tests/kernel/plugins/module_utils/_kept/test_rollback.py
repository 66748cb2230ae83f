"""A real kernel that goes back by itself."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import NO_TABLE, Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import Rollback
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.patience import whole_seconds


@private_nft.needs_nft
@pytest.mark.parametrize("is_confirmed", [False, True])
def test_without_systemd_a_real_kernel_goes_back_unless_it_is_confirmed(tmp_path, is_confirmed):
    before, after = (f"table inet gatehouse {{\n\tchain {name} {{\n\t}}\n}}\n" for name in ("before", "after"))
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin"))
        nft.load(before)
        back = Rollback(run, nft, has_systemd=False, root=tmp_path)
        seconds = whole_seconds()
        change = back.arm(seconds)
        nft.load(f"{NO_TABLE}{after}")
        assert nft.listing() == after
        assert not is_confirmed or back.disarm(change)
        time.sleep(2 * seconds)

        assert nft.listing() == (after if is_confirmed else before)
        assert not back.disarm(change)


ARM = """\
import sys
sys.path.insert(0, {tests!r})
import conftest
from pathlib import Path
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.refresh import _run_or_raise, run
from ansible_collections.gatehouse.firewall.plugins.module_utils._kept.rollback import Rollback
Rollback(_run_or_raise, Nft(run, "nft"), has_systemd=False, root=Path(sys.argv[1])).arm(int(sys.argv[2]))
"""


@private_nft.needs_nft
@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime is not installed")
@pytest.mark.parametrize("set_to", ["+1h", "-1h"])
def test_a_clock_that_is_set_between_two_changes_takes_no_rollback_away(tmp_path, set_to):
    program = ARM.format(tests=str(Path(__file__).parents[4]))
    seconds = 2 * whole_seconds()
    arm = [sys.executable, "-c", program, str(tmp_path), str(seconds)]
    # The clock that nobody can set goes on as it is, as it does where the other one is set.
    at_another_time = ["env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "faketime", "-f", set_to, *arm]
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, "nft")
        nft.load("table inet gatehouse {\n\tchain before {\n\t}\n}\n")
        before = nft.listing()
        assert run(at_another_time)[0] == 0
        nft.load(f"{NO_TABLE}table inet gatehouse {{\n\tchain after {{\n\t}}\n}}\n")
        second = run(arm)
        assert "another change of this host's ruleset waits to be confirmed" in second[2], second
        time.sleep(seconds + 0.5)

        assert nft.listing() == before
