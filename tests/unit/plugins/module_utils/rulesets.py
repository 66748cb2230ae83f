"""Rulesets as hosts get them, from tests/golden: nothing here, nor in the tests beside it, imports what renders them.

So that these tests run on any Python that a host may have; the controller's code wants a newer one.
"""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.iptables_text import joined
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.reader import body, read

GOLDEN = Path(__file__).parents[3] / "golden"


def nftables(case, host):
    return (GOLDEN / case / "expected" / f"{host}.nft").read_text(encoding="utf-8")


def iptables(case, host):
    return iptables_in(GOLDEN / case / "expected", host)


def iptables_in(folder, host):
    return joined(
        {name: (folder / f"{host}.{name}").read_text(encoding="utf-8") for name in ("ipset", "rules.v4", "rules.v6")}
    )


def of_version_0_1_0(ruleset):
    """Return a ruleset as that version had it, which said in comments of names what hosts need to know."""
    header = read(ruleset)
    lines = [f"#refresh: {json.dumps(vars(header.refresh))}"] if header.names else []
    for one in header.names:
        said = {"name": one.name, "addresses": one.addresses, "sets": one.sets}
        lines.append(f"#name: {json.dumps(said)}")
    before, mark, rest = body(ruleset).partition("#set: " if ruleset.count("#file: ") else "\n\n")
    return before + "".join(f"\n{line}" if mark == "\n\n" else f"{line}\n" for line in lines) + mark + rest
