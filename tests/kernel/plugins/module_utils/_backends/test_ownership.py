"""What our reading of a text takes for foreign, the real nft does: it reads comments and strings as we do."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.ownership import foreign_in_nft
from ansible_collections.gatehouse.firewall.tests.kernel.plugins import private_nft
from ansible_collections.gatehouse.firewall.tests.unit.plugins.module_utils._backends.test_ownership import HIDDEN, OURS

THEIRS = "table ip theirs {\n}\n"


@private_nft.needs_nft
@pytest.mark.parametrize(("text", "stays"), [(OURS, True), *((text, False) for text in HIDDEN)])
def test_a_text_that_takes_away_the_rules_of_others_is_foreign(text, stays):
    with private_nft.lasting_namespace() as run:
        run(["nft", "-f", "-"], THEIRS)
        code, _output, error = run(["nft", "-f", "-"], text)
        assert (code, error) == (0, "")
        assert (run(["nft", "list", "table", "ip", "theirs"], None)[0] == 0) is stays
    assert (foreign_in_nft(text) == []) is stays
