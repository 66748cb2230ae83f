"""A real kernel that goes back by itself."""

from __future__ import annotations

import os
import shutil
import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils.nft import NO_TABLE, Nft
from ansible_collections.gatehouse.firewall.plugins.module_utils.rollback import Rollback
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft


@private_nft.needs_nft
@pytest.mark.parametrize("is_confirmed", [False, True])
def test_without_systemd_a_real_kernel_goes_back_unless_it_is_confirmed(tmp_path, is_confirmed):
    before, after = (f"table inet gatehouse {{\n\tchain {name} {{\n\t}}\n}}\n" for name in ("before", "after"))
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin"))
        nft.load(before)
        back = Rollback(run, nft, has_systemd=False, root=tmp_path)
        change = back.arm(1)
        nft.load(f"{NO_TABLE}{after}")
        assert nft.listing() == after
        assert not is_confirmed or back.disarm(change)
        time.sleep(2)

        assert nft.listing() == (after if is_confirmed else before)
        assert not back.disarm(change)
