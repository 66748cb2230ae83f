from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._contract.kinds import PRE_DNAT, SPOOFED
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._model.deny import Deny, read_deny, to_data
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._values.problems import Problems, Where


def read(value):
    problems = Problems()
    return read_deny(Where("gatehouse_deny", "host web1"), value, problems), [str(one) for one in problems.found]


@pytest.mark.parametrize(
    ("value", "ingress", "egress"),
    [
        (None, "drop", "reject"),
        ({}, "drop", "reject"),
        ({"ingress": "reject"}, "reject", "reject"),
        ({"egress": "drop"}, "drop", "drop"),
        ({"ingress": "reject", "egress": "drop"}, "reject", "drop"),
    ],
)
def test_a_direction_that_is_not_said_has_its_default(value, ingress, egress):
    found = Deny(ingress, egress)

    assert read(value) == (found, [])
    assert read(to_data(found)) == (found, [])
    assert (found.rejects("ingress"), found.rejects("egress")) == (ingress == "reject", egress == "reject")


@pytest.mark.parametrize("kind", [PRE_DNAT, SPOOFED])
def test_what_is_denied_before_dnat_or_for_its_source_is_never_refused(kind):
    assert not Deny("reject", "reject").rejects(kind)


def test_all_that_is_wrong_is_said_at_once():
    expected = "expected no such key, but one of egress, forward, ingress; did you mean egress?"
    assert read({"ingress": "rejct", "egress": True, "egres": "drop"})[1] == [
        f"gatehouse_deny.egres (host web1): got 'drop', {expected}",
        "gatehouse_deny.ingress (host web1): got 'rejct', expected one of drop, reject; did you mean reject?",
        "gatehouse_deny.egress (host web1): got True, expected one of drop, reject",
    ]
    assert read("drop")[1] == [
        "gatehouse_deny (host web1): got 'drop', expected a mapping with the keys egress, forward, ingress",
    ]
