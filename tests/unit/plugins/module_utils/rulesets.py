"""Rulesets as hosts get them, from tests/golden: nothing here, nor in the tests beside it, imports what renders them.

So that these tests run on any Python that a host may have; the controller's code wants a newer one.
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined

GOLDEN = Path(__file__).parents[3] / "golden"


def nftables(case, host):
    return (GOLDEN / case / "expected" / f"{host}.nft").read_text(encoding="utf-8")


def iptables(case, host):
    folder = GOLDEN / case / "expected"
    return joined(
        {name: (folder / f"{host}.{name}").read_text(encoding="utf-8") for name in ("ipset", "rules.v4", "rules.v6")}
    )
