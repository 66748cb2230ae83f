"""A jump of ours behind others' rules is found as what it is, in a real kernel."""

from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._audit.rule_changes import changes_of_rules
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_iptables import (
    Host,
    each_variant,
    needs_iptables,
)
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_nft import lasting_namespace

pytestmark = needs_iptables

OURS = """\
*filter
:GATEHOUSE-INPUT - [0:0]
-A GATEHOUSE-INPUT -p tcp -m tcp --dport 22 -j RETURN
-I INPUT 1 -j GATEHOUSE-INPUT
COMMIT
"""


@pytest.fixture
def host(request):
    with lasting_namespace() as run:
        yield Host(run, request.param)


@each_variant
@pytest.mark.parametrize("family", ["iptables", "ip6tables"])
def test_a_jump_of_ours_that_is_no_longer_first_is_named_with_its_place(host, family):
    host.each("-restore", "--noflush", text=OURS)
    recorded = host.iptables.listing()
    assert changes_of_rules(recorded, host.iptables.listing(), {}) == []

    host.do(host.paths[family], "-A", "INPUT", "-j", "ACCEPT")
    assert changes_of_rules(recorded, host.iptables.listing(), {}) == []

    host.do(host.paths[family], "-I", "INPUT", "1", "-p", "udp", "-j", "ACCEPT")
    (found,) = changes_of_rules(recorded, host.iptables.listing(), {})
    assert found.kind == "jump_not_first"
    words = (
        f"our jump ({family} -t filter -A INPUT -j GATEHOUSE-INPUT) is rule 2: what is accepted before it isn't judged"
    )
    assert found.text.startswith(words)
