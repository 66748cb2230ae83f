"""The real nft, by the class that hosts use."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils.nft import Nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils.test_nft import RULESET


@private_nft.needs_nft
def test_a_real_nft_checks_loads_lists_and_deletes_our_table_and_leaves_others_alone():
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, "nft")
        run(["nft", "-f", "-"], "table ip foreign { chain c { counter accept; }; }")
        before = run(["nft", "list", "ruleset"])

        assert nft.listing() == ""
        nft.check(RULESET)
        assert run(["nft", "list", "ruleset"]) == before

        nft.load(RULESET)
        listing = nft.listing()
        assert "tcp dport 22 counter accept" in listing
        nft.load(RULESET)
        assert nft.listing() == listing

        with pytest.raises(FirewallError, match="nft can't load the ruleset, nothing was changed:\n"):
            nft.load(f"{RULESET}add rule inet gatehouse nowhere accept\n")
        assert nft.listing() == listing

        nft.delete()
        nft.delete()
        assert nft.listing() == ""
        assert run(["nft", "list", "ruleset"]) == before
