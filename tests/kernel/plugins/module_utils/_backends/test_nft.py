"""The real nft, by the class that hosts use."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.backend import FirewallError
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.nft import Nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils._backends.test_nft import RULESET


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


FILLED = """\
table inet gatehouse {
    set seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; }
    set counted { type ipv4_addr; flags timeout; counter; elements = { 203.0.113.7 timeout 1h, 203.0.113.8 } }
    set limited { type ipv4_addr; limit rate 5/second burst 3 packets; elements = { 203.0.113.9 } }
    map verdicts { type ipv4_addr : verdict; counter; elements = { 203.0.113.7 : accept } }
    chain a { type filter hook output priority 0; ip daddr vmap @verdicts; }
}
"""


@private_nft.needs_nft
def test_what_the_kernel_fills_is_in_no_text_that_is_loaded_again():
    with private_nft.lasting_namespace() as run:
        nft = Nft(run, "nft")
        assert run(["nft", "-f", "-"], FILLED) == (0, "", "")
        element = "{ 203.0.113.10 limit rate 5/second counter }"
        assert run(["nft", "add", "element", "inet", "gatehouse", "seen", element], None)[0] == 0
        listing, previous = nft.listing(), nft.previous()
        nft.delete()
        nft.load(previous)

        assert not [word for word in ("203.0.113.10", " counter packets", "expires") if word in previous]
        assert "elements = { 203.0.113.7 timeout 1h, 203.0.113.8 }" in previous
        assert nft.listing() == listing
