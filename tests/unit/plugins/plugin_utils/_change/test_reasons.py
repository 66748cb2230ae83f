from __future__ import annotations

import pytest
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._change.reasons import reasons
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._host_facts.reader import AnswerError
from ansible_collections.gatehouse.firewall.plugins.plugin_utils._policy.as_data import from_data

POLICY = from_data(
    {
        "classes": ["db"],
        "ingress": [{"flow": "sql", "ports": ["5432/tcp"], "peer": "web", "addresses": ["198.51.100.0/24"]}],
        "egress": [],
    }
)
CAME = {"peer": "web", "way": "came", "addresses": ["198.51.100.24"], "count": 1}


def finding(kind):
    return {"kind": kind, "text": "", "flow": ""}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["never_applied"], ["It had no ruleset of ours"]),
        (["rule_added", "rule_removed", "model_changed"], ["Its rules were changed by hand", "The model has changed"]),
        (["address_undeclared"], ["Only names or comments in its ruleset have changed"]),
        ([], ["Only names or comments in its ruleset have changed"]),
    ],
)
def test_a_change_has_its_reasons(kinds, expected):
    assert reasons({"findings": [finding(kind) for kind in kinds]}, POLICY) == expected


def test_addresses_that_came_and_went_are_told():
    went = {"peer": "web", "way": "went", "addresses": ["2001:db8::/64"], "count": 9}
    found = {"findings": [finding("model_changed")], "moved": [CAME, went, {**CAME, "peer": "unknown"}]}

    assert reasons(found, POLICY) == ["web: 198.51.100.24 came", "web: 2001:db8::/64 and 8 more went"]


@pytest.mark.parametrize("peer", ["denied.known", "denied.known.networks"])
def test_peers_that_no_flow_is_for_are_told_where_nothing_else_is(peer):
    known = {"peer": peer, "way": "came", "addresses": ["198.51.100.99"], "count": 1}

    assert reasons({"findings": [finding("model_changed")], "moved": [known]}, POLICY) == [
        "peers that no flow of it is for: 198.51.100.99 came"
    ]
    assert reasons({"findings": [], "moved": [known, CAME]}, POLICY) == ["web: 198.51.100.24 came"]


def test_what_came_into_sets_of_carried_traffic_is_told_by_what_it_is():
    moved = [{**CAME, "peer": "carries.networks"}, {**CAME, "peer": "carries.except", "way": "went"}]

    assert reasons({"findings": [finding("model_changed")], "moved": moved}, POLICY) == [
        "those behind the host: 198.51.100.24 came",
        "what those behind the host are excepted from: 198.51.100.24 went",
    ]


@pytest.mark.parametrize("broken", [{"addresses": ["x"]}, {"way": "\033[31m"}, {"count": "9"}])
def test_an_answer_that_has_another_form_is_refused(broken):
    with pytest.raises(AnswerError, match=r"moved\[0\]"):
        reasons({"moved": [{**CAME, **broken}]}, POLICY)
